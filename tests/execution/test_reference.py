"""The reference equals a really unrolled model, and leaves no trace in the model it borrowed."""

from __future__ import annotations

import functools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from polar_search.errors import ModelError, ProgramError
from polar_search.execution import generate_reference, unrolled
from polar_search.execution.adapter import adapt
from polar_search.testing import families
from polar_search.testing.families import FAMILIES, NUM_LAYERS, build, prompts, unroll

PATHS = {
    "identity": (0, 1, 2, 3),
    "skip first": (1, 2, 3),
    "skip last": (0, 1, 2),
    "repeat first": (0, 0, 0, 1, 2, 3),
    "repeat last": (0, 1, 2, 3, 3),
    "repeat block": (0, 1, 2, 1, 2, 3),
    "one layer": (2,),
    "any order": (3, 1, 0, 0, 2),
}
tiny = functools.cache(build)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_equal_those_of_an_unrolled_model(family, path):
    model = tiny(family)
    ids = torch.tensor(prompts(1, [12]))
    expected = unroll(model, path)(ids, use_cache=False).logits
    with unrolled(model, path):
        received = model(ids, use_cache=False).logits
    assert torch.equal(received, expected)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("family", FAMILIES)
def test_tokens_equal_those_of_an_unrolled_model(family, path):
    model = tiny(family)
    twin = unroll(model, path)
    for prompt in prompts(2, [1, 7, 11]):
        ids = torch.tensor([prompt])
        expected = twin.generate(ids, max_new_tokens=10, do_sample=False)[0, len(prompt) :].tolist()
        uncached = twin.generate(ids, max_new_tokens=10, do_sample=False, use_cache=False)
        (row,) = generate_reference(model, None, [prompt], path, 10)
        assert list(row.token_ids) == expected == uncached[0, len(prompt) :].tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_stock_generate_runs_the_program_on_left_padded_batches(family):
    model = tiny(family)
    path = PATHS["repeat block"]
    batch = prompts(3, [9, 4, 9])
    padded = torch.tensor([[0] * (9 - len(p)) + p for p in batch])
    mask = (torch.arange(9) >= torch.tensor([[9 - len(p)] for p in batch])).long()
    options = {"attention_mask": mask, "max_new_tokens": 8, "do_sample": False}
    expected = unroll(model, path).generate(padded, **options)
    with unrolled(model, path):
        assert torch.equal(model.generate(padded, **options), expected)


@given(path=st.lists(st.integers(0, NUM_LAYERS - 1), min_size=1, max_size=9))
def test_any_path_runs_as_unrolled(path):
    model = tiny("Gemma3Text")
    ids = torch.tensor(prompts(4, [9]))
    expected = unroll(model, path)(ids).logits
    with unrolled(model, path):
        assert torch.equal(model(ids).logits, expected)


def test_static_cache_serves_one_program_after_another():
    model = tiny("Llama")
    ids = torch.tensor(prompts(5, [6]))
    options = {"max_new_tokens": 6, "do_sample": False, "cache_implementation": "static"}
    for path in ((0, 1, 2, 3, 3), (1, 2), (0, 0, 1, 2, 3)):
        expected = unroll(model, path).generate(ids, **options)
        with unrolled(model, path):
            assert torch.equal(model.generate(ids, **options), expected)


def test_occurrences_have_cache_slots_of_their_own():
    """With one slot a layer, a repeated layer would read the keys of its earlier pass."""
    model = tiny("Llama")
    with unrolled(model, (0, 1, 1, 2)):
        cache = model(torch.tensor(prompts(6, [5])), use_cache=True).past_key_values
    lengths = [cache.get_seq_length(slot) for slot in range(4)]
    assert lengths == [5, 5, 5, 5]
    assert not torch.equal(cache.layers[1].keys, cache.layers[2].keys)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_model_is_restored_also_after_an_exception(family):
    model = tiny(family)
    adapter = adapt(model)
    layers, members, parts = adapter.layers, list(adapter.layers), list(model.modules())
    settings = dict(vars(adapter.config))
    slots = [getattr(part, "layer_idx", None) for part in parts]
    block = unrolled(model, (3, 3, 0))
    block.__enter__()
    assert adapter.layers is not layers
    assert not block.__exit__(KeyError, KeyError(), None)
    assert adapter.layers is layers
    assert all(a is b for a, b in zip(adapter.layers, members, strict=True))
    assert all(a is b for a, b in zip(model.modules(), parts, strict=True))
    assert vars(adapter.config) == settings
    assert [getattr(part, "layer_idx", None) for part in parts] == slots


def test_weights_are_shared_not_copied():
    model = tiny("Llama")
    own = {p.data_ptr() for p in model.parameters()}
    with unrolled(model, (0, 0, 1, 3)):
        assert {p.data_ptr() for p in model.parameters()} <= own


def test_blocks_nest():
    model = tiny("Llama")
    ids = torch.tensor(prompts(7, [5]))
    expected = unroll(model, (2, 2, 1))(ids).logits
    with unrolled(model, (2, 1)), unrolled(model, (0, 0, 1)):
        assert torch.equal(model(ids).logits, expected)
    assert len(adapt(model).layers) == NUM_LAYERS


def test_hooked_forwards_follow_the_copies():
    """Accelerate replaces a module's forward by one that is bound to the original module."""
    model = build("Llama")
    path = (0, 1, 1, 3)
    expected = unroll(model, path).generate(torch.tensor(prompts(8, [5])), max_new_tokens=5)

    def hooked(module, *args, **kwargs):
        return module._old_forward(*args, **kwargs)

    for module in model.modules():
        if not list(module.children()) or hasattr(module, "layer_idx"):
            module._old_forward = module.forward
            module.forward = functools.update_wrapper(
                functools.partial(hooked, module), module._old_forward
            )
    with unrolled(model, path):
        received = model.generate(torch.tensor(prompts(8, [5])), max_new_tokens=5)
    assert torch.equal(received, expected)


def test_a_checkpoints_own_generation_settings_play_no_part():
    model = build("Qwen2")
    (expected,) = generate_reference(model, None, prompts(9, [8]), (0, 1, 2, 3), 10)
    model.generation_config.update(
        repetition_penalty=1.8, temperature=0.7, top_k=3, do_sample=True, no_repeat_ngram_size=1
    )
    (received,) = generate_reference(model, None, prompts(9, [8]), (0, 1, 2, 3), 10)
    assert received == expected


@pytest.mark.parametrize(
    ("path", "message"),
    [((), "at least one layer"), ((0, 4), "layers 0 to 3, received 4"), ((-1,), "received -1")],
)
def test_paths_of_another_model_are_refused(path, message):
    with pytest.raises(ProgramError, match=message), unrolled(tiny("Llama"), path):
        pass


def test_families_that_cannot_work_are_refused_with_the_reason():
    from transformers import (
        LlamaModel,
        MambaConfig,
        MambaForCausalLM,
        Qwen3NextConfig,
        Qwen3NextForCausalLM,
        T5Config,
        T5ForConditionalGeneration,
    )

    small = {"vocab_size": 16, "hidden_size": 16, "num_hidden_layers": 2}
    t5 = T5ForConditionalGeneration(
        T5Config(vocab_size=16, d_model=16, d_kv=4, d_ff=16, num_layers=2)
    )
    mamba = MambaForCausalLM(MambaConfig(state_size=4, **small))
    hybrid = Qwen3NextForCausalLM(
        Qwen3NextConfig(
            **small,
            layer_types=["linear_attention", "full_attention"],
            intermediate_size=16,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=8,
            num_experts=2,
            moe_intermediate_size=8,
        )
    )
    headless = LlamaModel(families.build("Llama").config)
    for model, reason in (
        (t5, "T5ForConditionalGeneration: its decoder attends to an encoder"),
        (mamba, "MambaForCausalLM: .*no key-value cache|MambaForCausalLM: no list"),
        (hybrid, "Qwen3NextForCausalLM: .*linear_attention"),
        (headless, "LlamaModel: it has no language-model head"),
    ):
        with pytest.raises(ModelError, match=reason):
            adapt(model)


def test_several_lists_of_layers_are_refused():
    model = build("Llama")
    model.model.others = build("Llama", seed=1).model.layers
    with pytest.raises(ModelError, match="several lists of layers"):
        adapt(model)


def test_multimodal_wrappers_are_looked_into():
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration

    text = dict(vars(tiny("Gemma3Text").config))
    keep = [*families.SHAPE, "sliding_window", "head_dim", "layer_types"]
    vision = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": NUM_LAYERS,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    config = Gemma3Config(
        text_config={k: text[k] for k in keep if k in text},
        vision_config=vision,
        mm_tokens_per_image=4,
        image_token_index=60,
    )
    torch.manual_seed(0)
    model = Gemma3ForConditionalGeneration(config).eval()
    ids = torch.tensor(prompts(10, [8])) % 50 + 6
    (row,) = generate_reference(model, None, [ids[0].tolist()], (0, 1, 2, 3), 6)
    expected = model.generate(ids, max_new_tokens=6, do_sample=False)[0, 8:].tolist()
    assert list(row.token_ids) == expected
    assert adapt(model).owner is model.model.language_model
