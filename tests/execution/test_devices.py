"""Models that are divided among devices, or wait on the disk, give the same tokens."""

from __future__ import annotations

import pytest
import torch

from polar_search.errors import ConfigError, ModelError
from polar_search.execution import (
    ProgramEngine,
    fingerprint,
    generate_reference,
    load_model,
    loading,
)
from polar_search.execution.similarity import hidden_similarity
from polar_search.testing.families import build, char_tokenizer, prompts

PATHS = [(0, 1, 2, 3), (1, 2, 3), (0, 1, 2, 1, 2, 3), (2,)]
ROWS = [(p, path) for p in prompts(1, [9, 3, 12]) for path in PATHS]
PARTS = ["model.embed_tokens", "model.rotary_emb", "model.norm", "lm_head"]


def divided(*places):
    """A map with each layer in its place, and the rest in the first one."""
    layers = {f"model.layers.{layer}": place for layer, place in enumerate(places)}
    return layers | dict.fromkeys(PARTS, places[0])


@pytest.fixture(scope="module")
def model():
    return build("Llama")


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    model.save_pretrained(folder)
    char_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def expected(model):
    return [generate_reference(model, char_tokenizer(), [p], path, 6)[0] for p, path in ROWS]


@pytest.mark.parametrize(
    "device_map",
    ["auto", {"": "cpu"}, divided("cpu", "disk", "cpu", "disk"), {"": "disk"}],
    ids=["auto", "whole", "layers-on-disk", "all-on-disk"],
)
def test_a_map_changes_nothing_but_where_weights_lie(folder, model, expected, device_map):
    engine = ProgramEngine.from_pretrained(folder, device_map=device_map)
    assert engine.generate(ROWS, 6) == expected
    if "disk" in str(device_map):
        assert any(weight.is_meta for weight in engine.model.parameters())
    reference = [generate_reference(engine.model, None, [p], path, 6)[0] for p, path in ROWS[:3]]
    assert [row.token_ids for row in reference] == [row.token_ids for row in expected[:3]]
    options = [[[7], [8, 9]]]
    assert engine.score(ROWS[:1], options) == ProgramEngine(model).score(ROWS[:1], options)
    assert engine.fingerprint == fingerprint(model)
    prompt = [ROWS[0][0]]
    assert hidden_similarity(engine.model, None, prompt) == hidden_similarity(model, None, prompt)


def test_every_device_has_pages_of_its_own(model, expected):
    """Two names of one device stand for two of them."""
    engine = ProgramEngine(model, char_tokenizer(), kv_memory=100_000)
    one, other = torch.device("cpu"), torch.device("cpu:0")
    engine._parts.devices = [one, other, other, one]
    assert engine.generate(ROWS, 6) == expected
    assert set(engine._memory.tensors) == {one, other}


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_layers_on_two_gpus_give_the_tokens_of_one(folder):
    engine = ProgramEngine.from_pretrained(folder, device_map=divided(0, 1, 0, 1), dtype="float32")
    assert len(set(engine._parts.devices)) == 2
    one = ProgramEngine.from_pretrained(folder, device="cuda:0", dtype="float32")
    assert engine.generate(ROWS, 6) == one.generate(ROWS, 6)
    reference = [generate_reference(engine.model, None, [p], path, 6)[0] for p, path in ROWS]
    assert [r.token_ids for r in reference] == [r.token_ids for r in one.generate(ROWS, 6)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device_map": "magic"}, "expected a device map auto.*received 'magic'"),
        ({"device_map": {"": "cuda:77"}}, "expected a device of this machine, received 'cuda:77'"),
        ({"device_map": "auto", "device": "cpu"}, "a device or a device map, received both"),
        ({"device_map": {}}, "received {}"),
    ],
)
def test_maps_that_cannot_be_followed_are_refused(folder, options, message):
    with pytest.raises(ConfigError, match=message):
        load_model(folder, **options)


def test_a_map_that_leaves_parts_out_is_refused_in_one_line(folder):
    with pytest.raises(ModelError, match="check the files and the device map") as caught:
        load_model(folder, device_map={"model.layers": "cpu", "model.norm": "disk"})
    assert "\n" not in str(caught.value)


def test_without_accelerate_a_map_says_what_to_install(folder, monkeypatch):
    monkeypatch.setattr(loading, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'polar-search\[accelerate\]'"):
        load_model(folder, device_map="auto")
