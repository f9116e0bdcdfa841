"""The bundled models: ordinary small checkpoints whose base outcomes are those of stock `generate`.

Nothing here depends on how well a model answers.
"""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from polar_search.errors import ConfigError, UnknownNameError
from polar_search.models import bundled_names, locate
from polar_search.search.config import SearchConfig
from polar_search.search.session import Session
from polar_search.search.store import read_outcomes
from polar_search.tasks import SPLITS, TASKS

MEGABYTES = 1e6


def task_of(name):
    """The name of the task that a bundled model was trained for: its longest prefix but one."""
    return next(task for task in TASKS.names() if name.split("-")[1] == task)


def stock_answer(model, tokenizer, prompt, max_new_tokens):
    inputs = tokenizer(prompt, return_tensors="pt")
    with torch.inference_mode():
        ids = model.generate(**inputs, do_sample=False, max_new_tokens=max_new_tokens)
    return tokenizer.decode(ids[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)


def test_there_is_a_model_for_the_default_task():
    assert "bundled-tracking" in bundled_names()


@pytest.mark.parametrize("name", bundled_names())
def test_models_are_plain_checkpoints_of_at_most_six_megabytes(name):
    folder = Path(locate(name, TASKS.load(task_of(name))()))
    assert {path.suffix for path in folder.iterdir()} == {".json", ".safetensors"}
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 6 * MEGABYTES
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert model.dtype == torch.float32
    assert model.config.num_hidden_layers == {"tracking": 8, "arithmetic": 12}[task_of(name)]
    assert all(weight.isfinite().all() for weight in model.parameters())


@pytest.mark.parametrize("name", bundled_names())
def test_tokenizers_give_every_text_of_their_task_back(name):
    task = TASKS.load(task_of(name))()
    tokenizer = AutoTokenizer.from_pretrained(locate(name, task))
    texts = [e.question + e.answer for split in SPLITS for e in task.examples(split)]
    encoded = tokenizer(texts)["input_ids"]
    assert tokenizer.batch_decode(encoded, skip_special_tokens=True) == texts
    assert all(ids[0] == tokenizer.bos_token_id for ids in encoded)
    # One token a character, none of them unknown (an unknown one would become padding).
    assert all(len(ids) == len(text) + 1 for ids, text in zip(encoded, texts, strict=True))
    assert not any(tokenizer.pad_token_id in ids for ids in encoded)


@pytest.mark.parametrize("name", bundled_names())
def test_base_outcomes_are_those_of_stock_generate(name, tmp_path):
    config = SearchConfig(
        **{"model": name, "task": task_of(name), "split": "test"},
        **{"limit": 8, "max_edits": 0, "threads": 1},
    )
    session = Session.load(config)
    assert session.run(tmp_path).programs == len(session.examples) == 40

    folder = locate(name, session.task)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    answers = {row["example_id"]: row for row in read_outcomes(tmp_path).to_pylist()}
    for example in session.examples:
        text = stock_answer(model, tokenizer, example.question, session.task.max_new_tokens)
        assert answers[example.id]["text"] == text
        assert answers[example.id]["correct"] == (text == example.answer)


def test_plain_bundled_is_the_model_of_the_task():
    tracking = TASKS.load("tracking")()
    assert locate("bundled", tracking) == locate("bundled-tracking", tracking)


def test_other_names_are_left_to_the_hub_or_the_disk():
    tracking = TASKS.load("tracking")()
    for name in ("Qwen/Qwen3-8B", "./folder", "/somewhere/bundled"):
        assert locate(name, tracking) == name


def test_missing_models_are_named():
    tracking = TASKS.load("tracking")()
    with pytest.raises(UnknownNameError, match="did you mean bundled-tracking"):
        locate("bundled-trakcing", tracking)
    tracking.bundled_model = None
    with pytest.raises(ConfigError, match="a model for task 'tracking', received 'bundled'"):
        locate("bundled", tracking)


@pytest.mark.parametrize("name", bundled_names())
def test_programs_change_what_a_model_answers(name, tmp_path):
    """A model that ignored its layers would make every statistic a tautology."""
    config = SearchConfig(
        **{"model": name, "task": task_of(name), "limit": 2},
        **{"max_edits": 1, "ask_batch": 64, "threads": 1},
    )
    session = Session.load(config)
    session.run(tmp_path)
    texts = {}
    for row in read_outcomes(tmp_path).to_pylist():
        texts.setdefault(row["example_id"], set()).add(row["text"])
    assert all(len(found) > 1 for found in texts.values())
