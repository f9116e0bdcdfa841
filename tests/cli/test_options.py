"""Every option of a search is a flag, a YAML key and an entry of config.json."""

import json
import tempfile
from dataclasses import asdict, fields
from pathlib import Path

import pytest
import yaml
from commands import Optional, OptionalTask
from hypothesis import given, settings
from hypothesis import strategies as st

from polar_search import cli
from polar_search.cli.options import add_config, make_parser, read_config
from polar_search.search.config import SearchConfig, flag

COUNT = st.integers(1, 10**6)
LENGTHS = st.lists(st.integers(1, 99), min_size=1, max_size=5).map(tuple)
NAME = st.from_regex(r"\A[a-z][a-z0-9_./:-]{0,20}[a-z0-9]\Z")
PLAIN = st.one_of(st.booleans(), st.integers(), st.floats(-1e6, 1e6), NAME, st.none())
VALUES = {
    "model": NAME,
    "task": NAME,
    "task_options": st.dictionaries(st.from_regex(r"\A[a-z_]{1,8}\Z"), PLAIN, max_size=3),
    "agent": st.sampled_from(["exhaustive", "random", "mcts"]),
    "agent_options": st.dictionaries(st.from_regex(r"\A[a-z_]{1,8}\Z"), PLAIN, max_size=3),
    "split": st.sampled_from(["train", "val", "test"]),
    "level": st.none() | LENGTHS,
    "limit": st.none() | COUNT,
    "budget": st.none() | COUNT,
    "seed": st.integers(-(2**63), 2**63),
    "ask_batch": st.integers(1, 99),
    "chunk": COUNT,
    "stop_after_valid": st.none() | COUNT,
    "stop_after_shorter": st.none() | COUNT,
    "on_agent_error": st.sampled_from(["continue", "stop"]),
    "ask_seconds": st.none() | st.floats(0.1, 1e6),
    "max_segment": st.integers(),
    "max_repeats": st.integers(),
    "max_edits": st.none() | st.integers(),
    "max_depth": st.none() | st.integers(),
    "segmentation": st.none() | LENGTHS,
    "max_new_tokens": st.none() | COUNT,
    "device": st.sampled_from(["auto", "cpu", "cuda:1"]),
    "dtype": st.sampled_from(["auto", "float32", "bfloat16", "float16"]),
    "device_map": st.none() | st.sampled_from(["auto", "balanced"]),
    "confirm": st.booleans(),
    "settle": st.just(False),  # with `confirm` it is refused
    "rows": st.integers(100, 10**6),
    "threads": st.none() | COUNT,
}


def test_every_option_is_tested_and_described():
    assert VALUES.keys() == {field.name for field in fields(SearchConfig)}
    assert all(field.metadata["help"] for field in fields(SearchConfig))


def as_flags(values):
    """The values as command-line arguments."""
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in values.items()}
    return [f"{flag(name)}={text}" for name, text in texts.items()]


def as_yaml(values, folder):
    """The values as a file, and the arguments that name it."""
    path = Path(folder) / "config.yaml"
    plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
    path.write_text(yaml.safe_dump(plain))
    return ["--config", str(path)] if values else []


def read(arguments):
    parser = make_parser("search", "")
    add_config(parser, SearchConfig)
    return read_config(parser, SearchConfig, arguments)[0]


SOME = st.fixed_dictionaries({}, optional=VALUES)


@settings(max_examples=60)
@given(SOME, SOME)
def test_flags_and_files_state_any_config_and_flags_win(from_file, from_flags):
    with tempfile.TemporaryDirectory() as folder:
        config = read([*as_yaml(from_file, folder), *as_flags(from_flags)])
    assert config == SearchConfig(**{**from_file, **from_flags})
    saved = json.loads(json.dumps(config.to_dict()))
    assert saved.keys() == VALUES.keys()
    assert read(as_flags(saved)) == config


def test_defaults_are_those_of_the_dataclass():
    assert read([]) == SearchConfig()


def test_edits_are_those_that_the_agent_is_used_to_where_nobody_says():
    assert read([]).max_edits == 2
    assert read(["--agent", "random"]).max_edits == 3
    assert read(["--agent", "random", "--max-edits", "1"]).max_edits == 1
    assert read(["--agent", "random", "--max-edits", "null"]).max_edits is None


def test_options_of_agents_can_be_given_one_by_one():
    config = read(["--agent-options.c=2.5", "--agent-options.name=x", "--agent-options.fast=true"])
    assert config.agent_options == {"c": 2.5, "name": "x", "fast": True}


EVERYTHING = {
    "model": None,  # a folder, filled in below
    "task": f"commands:{OptionalTask.__name__}",
    "task_options": {"turns": 2},
    "agent": f"commands:{Optional.__name__}",
    "agent_options": {"c": 0.5, "name": "y", "fast": True},
    "split": "val",
    "level": [2, 4],
    "limit": 1,
    "budget": 2,
    "seed": 5,
    "ask_batch": 2,
    "chunk": 8,
    "stop_after_valid": 9,
    "stop_after_shorter": 8,
    "on_agent_error": "stop",
    "ask_seconds": 99.5,
    "max_segment": 3,
    "max_repeats": 3,
    "max_edits": 1,
    "max_depth": 9,
    "segmentation": [2, 3, 3],
    "max_new_tokens": 3,
    "device": "cpu",
    "dtype": "float32",
    "device_map": None,
    "confirm": True,
    "settle": False,
    "rows": 7,
    "threads": 1,
}


@pytest.mark.parametrize("way", [lambda v, folder: as_flags(v), as_yaml], ids=["flags", "yaml"])
def test_every_option_ends_in_the_config_of_the_run(tmp_path, way):
    from polar_search.models import locate
    from polar_search.tasks import TASKS

    values = {**EVERYTHING, "model": locate("bundled", TASKS.load("tracking")())}
    defaults = asdict(SearchConfig())
    same = [name for name, default in defaults.items() if values[name] == default]
    # They are refused beside `device` and `confirm`.
    assert sorted(same) == ["device_map", "settle"]
    assert cli.main(["search", *way(values, tmp_path), "--out", str(tmp_path / "run")]) == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["config"] == values
    growing = {f.name for f in fields(SearchConfig) if f.metadata["grows"]}
    assert values.keys() - config["fixed"].keys() == growing
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["programs"] == 2 * 3


def test_a_printed_config_can_be_read_back(capsys, tmp_path):
    with pytest.raises(SystemExit):
        cli.main(["search", "--seed", "3", "--level", "[1,2]", "--print_config"])
    (tmp_path / "config.yaml").write_text(capsys.readouterr().out)
    with pytest.raises(SystemExit):
        cli.main(["search", "--config", str(tmp_path / "config.yaml"), "--print_config"])
    assert capsys.readouterr().out == (tmp_path / "config.yaml").read_text()
