"""The comparison of agents runs from its recipe, in small."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.mark.slow
def test_strategies_are_compared_on_one_store(tmp_path):
    script, recipe = EXPERIMENTS / "agents.py", EXPERIMENTS / "agents.yaml"
    small = ["--limit", "1", "--tasks", "tracking", "--agents", "exhaustive", "random", "local"]
    command = [sys.executable, str(script), str(recipe), "--out", str(tmp_path), *small]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "tracking: 3,590 outcomes, 3,590 executed" in printed
    rows = json.loads((tmp_path / "agents.json").read_text())["rows"]
    asked = [(a, b) for a in ("exhaustive", "random", "local") for b in (10, 50, 200)]
    assert [(row["agent"], row["budget"]) for row in rows] == [*asked, ("whole space", 717)]
    assert rows[-1]["excess"] == 0
    for row in rows:
        assert row["n"] == 5
        assert row["gain"][0] == pytest.approx(0) or row["agent"] != "random"
        assert row["excess"] >= 0
    assert "| tracking | local | 200 |" in (tmp_path / "agents.md").read_text()
    assert (tmp_path / "agents.svg").stat().st_size > 1000
