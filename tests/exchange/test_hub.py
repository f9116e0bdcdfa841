"""A run as a data set: saved, read by `datasets`, loaded back, refused where it cannot be."""

import json
import re

import datasets
import labels
import pytest
import yaml

from polar_search.analysis.runs import statistics_of
from polar_search.errors import RunError
from polar_search.exchange import import_labels, load_run, push_to_hub
from polar_search.exchange.hub import save_dataset
from polar_search.search.store import read_outcomes, read_trace


@pytest.fixture(scope="module")
def saved(searched, tmp_path_factory):
    return save_dataset(searched, tmp_path_factory.mktemp("saved") / "dataset")


def test_a_saved_run_is_a_data_set(saved, searched):
    for name, table in (
        ("outcomes", read_outcomes(searched)),
        ("trace", read_trace(searched)),
    ):
        rows = datasets.load_dataset(str(saved), name, split="train", streaming=True)
        assert list(rows) == table.to_pylist()
    assert len(list(datasets.load_dataset(str(saved), split="train", streaming=True))) == 130


def test_the_card_tells_what_how_and_how_much(saved):
    text = (saved / "README.md").read_text()
    head, body = re.fullmatch(r"---\n(.*?)---\n(.*)", text, re.DOTALL).groups()
    configs = yaml.safe_load(head)["configs"]
    assert [config["config_name"] for config in configs] == ["outcomes", "trace"]
    assert "# Programs of layers: bundled on tracking" in body
    assert "| 1 | 2 | 26 |" in body
    assert "| agent | `mcts` |" in body
    assert "oracle" in body


def test_a_loaded_run_equals_the_one_that_was_saved(saved, searched, tmp_path):
    run = load_run(str(saved), tmp_path / "run")
    assert read_outcomes(run) == read_outcomes(searched)
    assert statistics_of(run) == statistics_of(searched)


def test_a_run_with_its_own_examples_takes_them_along(tmp_path):
    samples = [labels.merged(number) for number in range(3)]
    file = labels.write(tmp_path / "l.json", samples)
    import_labels(file, labels.LAYERS, tmp_path / "run", model="a | model")
    saved = save_dataset(tmp_path / "run", tmp_path / "saved")
    for file in (*saved.glob("*.json*"), saved / "README.md"):
        assert str(tmp_path) not in file.read_text(), "no folder of this machine"
    (tmp_path / "run").rename(tmp_path / "moved")
    run = load_run(str(saved), tmp_path / "loaded")
    config = json.loads((run / "config.json").read_text())
    assert config["fixed"]["task_options"]["path"] == str(run.resolve() / "examples.jsonl")
    statistics_of(run)


def test_what_cannot_be_saved_or_loaded_is_named(saved, searched, tmp_path):
    with pytest.raises(RunError, match="expected a run folder"):
        save_dataset(tmp_path / "nothing", tmp_path / "out")
    with pytest.raises(RunError, match=r"expected a new folder, received .*, which is not empty"):
        save_dataset(searched, saved)
    with pytest.raises(RunError, match=r"expected a new folder, received .*, which is not empty"):
        load_run(str(saved), saved)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match=r"a run as a data set, received '.*empty'"):
        load_run(str(tmp_path / "empty"), tmp_path / "out")
    with pytest.raises(RunError, match="a folder or a data set of the Hub, received 'nobody/none'"):
        load_run("nobody/none", tmp_path / "out")


def test_a_hub_that_cannot_be_reached_is_named(searched):
    with pytest.raises(RunError, match=r"the Hub to take 'nobody/none', .* or save to a folder"):
        push_to_hub(searched, "nobody/none")
