"""Tiny checkpoints of all families, on disk."""

from __future__ import annotations

import pytest
import torch

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
