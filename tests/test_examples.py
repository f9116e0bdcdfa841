"""The scripts of examples/ run as they stand, on little."""

import json
import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Runs a script with arguments, in a folder of its own; what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_a_file_is_searched(run):
    printed = run("search_my_file.py", "--budget", "4")
    assert "Base" in printed
    assert "polar-search report runs/my-file" in printed


@pytest.mark.slow
def test_half_the_layers_are_found_measured_and_exported(run):
    printed = run("half_the_layers.py", "--limit", "2", "--trials", "10").splitlines()
    measured = [line for line in printed if "test examples" in line]
    assert [line.count("10 test examples [") for line in measured] == [1, 1]
    config = json.loads(Path("runs/half/exported/config.json").read_text())
    assert config["num_hidden_layers"] <= 6


@pytest.mark.slow
def test_a_predictor_is_trained_and_used(run):
    printed = run("train_and_use_a_predictor.py", "--limit", "2", "--epochs", "1")
    answered = [line for line in printed.splitlines() if " -> " in line]
    assert len(answered) == 5
    assert Path("runs/predictor/model.safetensors").exists()
