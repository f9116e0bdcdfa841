"""Tiny random models of many families, and copies of them that are really unrolled."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import torch
import transformers

from polar_search.execution.loading import freeze

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedModel

NUM_LAYERS = 4
VOCAB = 61
END = (3, 5)
SHAPE = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": NUM_LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
    "bos_token_id": 1,
    "eos_token_id": 3,
    "pad_token_id": 0,
}
MOE = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
    "decoder_sparse_step": 2,
    "norm_topk_prob": True,
}
MIXED = ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]
FAMILIES: dict[str, dict[str, Any]] = {
    "Llama": {},
    "Qwen2": {},
    "Qwen2Moe": {**MOE, "shared_expert_intermediate_size": 40},
    "Qwen3": {"head_dim": 8},
    "Qwen3Moe": {**MOE, "head_dim": 8},
    "Mistral": {"sliding_window": 5},
    "Gemma2": {"sliding_window": 5, "head_dim": 8, "layer_types": MIXED},
    "Gemma3Text": {"sliding_window": 5, "head_dim": 8, "layer_types": MIXED},
    "Phi3": {},
    "Olmo2": {},
    "GPTNeoX": {"num_key_value_heads": None, "hidden_dropout": 0.0},
}


def build(
    family: str, *, seed: int = 0, attention: str | None = None, **overrides: object
) -> PreTrainedModel:
    """A tiny random model with two end-of-text ids and an otherwise plain generation config."""
    settings = {k: v for k, v in (SHAPE | FAMILIES[family] | overrides).items() if v is not None}
    config = getattr(transformers, family + "Config")(**settings)
    if attention is not None:
        config._attn_implementation = attention
    torch.manual_seed(seed)
    model = getattr(transformers, family.removesuffix("Text") + "ForCausalLM")(config)
    for name, weight in model.named_parameters():
        if "norm" in name:
            torch.nn.init.normal_(weight, mean=0.0 if "Gemma" in family else 1.0, std=0.2)
    model.generation_config.eos_token_id = list(END)
    return freeze(model)


def unroll(model: PreTrainedModel, path: Sequence[int]) -> PreTrainedModel:
    """A new model that has the layers of the path, made from a config, with its own weights."""
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = len(path)
    if getattr(config, "layer_types", None) is not None:
        config.layer_types = [config.layer_types[layer] for layer in path]
    if "decoder_sparse_step" in vars(config):
        sparse = [
            i for i, layer in enumerate(path) if (layer + 1) % config.decoder_sparse_step == 0
        ]
        config.decoder_sparse_step = 1
        config.mlp_only_layers = [i for i in range(len(path)) if i not in sparse]
    twin = type(model)(config)
    weights = model.state_dict()

    def source(name: str) -> str:
        return re.sub(r"(\.layers\.)(\d+)\.", lambda m: f"{m[1]}{path[int(m[2])]}.", name)

    twin.load_state_dict({name: weights[source(name)].clone() for name in twin.state_dict()})
    twin.generation_config = copy.deepcopy(model.generation_config)
    return freeze(twin)


def prompts(seed: int, lengths: Sequence[int]) -> list[list[int]]:
    """Random prompts without end-of-text or padding ids."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(6, VOCAB, (n,), generator=generator).tolist() for n in lengths]


def char_tokenizer() -> transformers.PreTrainedTokenizerFast:
    """A character tokenizer over the vocabulary of the models: ids 6 to 60 are characters."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    specials = ["<pad>", "<s>", "<unk>", "</s>", "<mask>", "<end>"]
    characters = "abcdefghijklmnopqrstuvwxyz0123456789+-*/=()[]{}<>.,:;! "
    vocab = {token: i for i, token in enumerate([*specials, *characters])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return transformers.PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=["<end>"],
    )
