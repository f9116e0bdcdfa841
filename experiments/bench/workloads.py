"""What the engine is measured on: models, prompts and programs, all seeded."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel, Qwen2Config

import polar_search
from polar_search.execution import ProgramEngine, Row
from polar_search.program import Program, ProgramSpace
from polar_search.tasks.arithmetic import LEVELS, draw

ARITHMETIC = Path(polar_search.__file__).parent / "models" / "bundled-arithmetic"
CHARACTERS = "0123456789+-*="


@dataclass(frozen=True)
class Setting:
    """What a workload is made for.

    Attributes:
        prompts: How many.
        device: Of the model.
        tiny: Models with random weights shrink, to try their workloads anywhere.
    """

    prompts: int
    device: str
    tiny: bool = False


@dataclass(frozen=True)
class Workload:
    """Rows for one model.

    Attributes:
        model: Frozen, on its device.
        rows: Pairs (prompt ids, program).
        new_tokens: Generated at most.
        drafts: Guesses for the rows, where there are any.
    """

    model: PreTrainedModel
    rows: list[tuple[list[int], Program]]
    new_tokens: int
    drafts: list[tuple[int, ...]] | None = None

    def asked(self) -> list[Row]:
        """The rows with their drafts."""
        drafts = self.drafts or [None] * len(self.rows)
        return [Row(*pair, draft=draft) for pair, draft in zip(self.rows, drafts, strict=True)]


def exhaustive(setting: Setting) -> Workload:
    """Every program of six segments of two layers for every prompt of the bundled arithmetic."""
    programs = list(ProgramSpace(12, segmentation=2))
    rows = [(prompt, program) for prompt in chains(setting.prompts) for program in programs]
    return Workload(arithmetic_model(setting.device), rows, 5)


def edits(setting: Setting) -> Workload:
    """Twenty programs of up to three edits for every prompt, all of them different."""
    return Workload(arithmetic_model(setting.device), edits_of(setting.prompts), 5)


def edits_of(prompts: int) -> list[tuple[list[int], Program]]:
    """The rows of `edits`; after 20,000 programs they come again, for other prompts."""
    programs = cycle(different_programs(12, min(20 * prompts, 20_000)))
    return [(prompt, next(programs)) for prompt in chains(prompts) for _ in range(20)]


def drafted(setting: Setting) -> Workload:
    """The edits workload, each row with the standard pass's own answer as its draft."""
    plain = edits(setting)
    identity = Program.identity(12)
    texts = list({tuple(prompt): prompt for prompt, _ in plain.rows}.values())
    answers = ProgramEngine(plain.model).generate([(p, identity) for p in texts], 5)
    drafts = {tuple(p): a.token_ids for p, a in zip(texts, answers, strict=True)}
    return replace(plain, drafts=[drafts[tuple(prompt)] for prompt, _ in plain.rows])


def llama(setting: Setting) -> Workload:
    """Twenty programs for each long prompt on a Llama of 28 layers and width 512."""
    config = LlamaConfig(
        vocab_size=1024,
        hidden_size=512,
        intermediate_size=1376,
        num_hidden_layers=28,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=512,
    )
    return random_model(config, torch.float32, setting, 20, (100, 150))


TINY = {
    "vocab_size": 512,
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 6,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 32,
}
"""What replaces the shape of a model with random weights at scale ``tiny``."""


def llama_3b(setting: Setting) -> Workload:
    """One program a prompt on the shape of Llama-3.2-3B, bfloat16, random weights."""
    config = LlamaConfig(
        vocab_size=128_256,
        hidden_size=3072,
        intermediate_size=8192,
        num_hidden_layers=28,
        num_attention_heads=24,
        num_key_value_heads=8,
        head_dim=128,
        tie_word_embeddings=True,
    )
    return random_model(config, torch.bfloat16, setting, 1, (150, 150))


def qwen_3b(setting: Setting) -> Workload:
    """One program a prompt on the shape of Qwen2.5-3B, bfloat16, random weights."""
    config = Qwen2Config(
        vocab_size=151_936,
        hidden_size=2048,
        intermediate_size=11_008,
        num_hidden_layers=36,
        num_attention_heads=16,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    return random_model(config, torch.bfloat16, setting, 1, (150, 150))


WORKLOADS: dict[str, tuple[Callable[[Setting], Workload], int]] = {
    "exhaustive": (exhaustive, 200),
    "edits": (edits, 100),
    "drafted": (drafted, 100),
    "llama": (llama, 16),
    "llama-3b": (llama_3b, 512),
    "qwen-3b": (qwen_3b, 512),
}
"""Workloads by name, with the number of their prompts."""


def arithmetic_model(device: str) -> PreTrainedModel:
    """The bundled model, or one of its shape with random weights where it is not there."""
    if ARITHMETIC.is_dir():
        return AutoModelForCausalLM.from_pretrained(ARITHMETIC).to(device).eval()
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=17,
        hidden_size=128,
        intermediate_size=344,
        num_hidden_layers=12,
        num_attention_heads=4,
        max_position_embeddings=256,
        eos_token_id=2,
    )
    return AutoModelForCausalLM.from_config(config).to(device).eval()


def chains(count: int) -> list[list[int]]:
    """Prompts of the arithmetic task, levels in turn, as its tokenizer writes them."""
    rng = random.Random(0)
    ids = {character: 3 + i for i, character in enumerate(CHARACTERS)}
    texts = [draw(LEVELS[1 + i % 5], rng)[0] + "=" for i in range(count)]
    return [[1, *(ids[character] for character in text)] for text in texts]


def different_programs(layers: int, count: int) -> list[Program]:
    """Different programs of one, two and three edits in turn, as far as there are so many."""
    spaces = [ProgramSpace(layers, max_edits=edits) for edits in (1, 2, 3)]
    rng = random.Random(0)
    programs: dict[Program, None] = {}
    while len(programs) < count:
        space = spaces[len(programs) % 3]
        programs.setdefault((space if space.size() > 2 * len(programs) else spaces[2]).sample(rng))
    shuffled = list(programs)
    rng.shuffle(shuffled)
    return shuffled


def random_model(
    config: LlamaConfig | Qwen2Config,
    dtype: torch.dtype,
    setting: Setting,
    programs: int,
    lengths: tuple[int, int],
) -> Workload:
    """A model with random weights that never ends its text, random prompts, different programs."""
    if setting.tiny:
        config.update(TINY)
    torch.manual_seed(0)
    with torch.device(setting.device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype).eval()
    model.generation_config.eos_token_id = None
    rng = random.Random(0)
    pool = different_programs(config.num_hidden_layers, setting.prompts * programs)
    rows = []
    for _ in range(setting.prompts):
        prompt = [rng.randrange(config.vocab_size) for _ in range(rng.randint(*lengths))]
        rows += [(prompt, pool.pop()) for _ in range(programs)]
    return Workload(model, rows, 16)
