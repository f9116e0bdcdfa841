"""Tiny checkpoints of all families on disk, a bundled model, and a predictor for it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

import polar_search
from polar_search.predictor.encoder import make_encoder
from polar_search.predictor.network import HeadShape, ProgramHead
from polar_search.predictor.predictor import Origin, Predictor
from polar_search.program import ProgramSpace
from polar_search.testing.families import build, char_tokenizer

torch.set_num_threads(1)


@pytest.fixture
def saved(tmp_path):
    """Saves a tiny model of a family as a folder, with a tokenizer and a card; also returns it."""

    def save(family="Llama", **overrides):
        folder = tmp_path / f"tiny-{family}"
        model = build(family, **overrides)
        model.save_pretrained(folder)
        char_tokenizer().save_pretrained(folder)
        (folder / "README.md").write_text("---\nlicense: mit\n---\n\n# Tiny\n", encoding="utf-8")
        return folder, model

    return save


# Lets the tests of this folder import `serving_http` and `harness_tasks`.
sys.path.insert(0, str(Path(__file__).parent))

CHAT = "{% for m in messages %}{{ m.content }}{% endfor %}="
"""A chat template within the few characters that the bundled model knows."""


@pytest.fixture(scope="session")
def model():
    """The bundled model, with a chat template."""
    loaded = polar_search.load("bundled-tracking", device="cpu")
    loaded.tokenizer.chat_template = CHAT
    return loaded


@pytest.fixture(scope="session")
def predictor_folder(model, tmp_path_factory):
    """A predictor that has learned nothing: its choices differ from prompt to prompt."""
    torch.manual_seed(2)
    engine = model.engine
    space = ProgramSpace(model.num_layers, max_edits=None)
    origin = Origin(
        "bundled-tracking", engine.fingerprint, "tracking", {}, "base:0", space.to_dict(), [], {}
    )
    encoder = make_encoder("base:0", engine.model, engine.tokenizer)
    head = ProgramHead(HeadShape(model.num_layers, encoder.width, width=32))
    for parameter in head.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.1)
    folder = tmp_path_factory.mktemp("predictor")
    Predictor(origin, encoder, head).save_pretrained(folder)
    return folder
