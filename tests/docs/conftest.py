"""Lets the tests of this folder import `pages` and `running`; makes the run that pages speak of."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from pages import ROOT

from polar_search.exchange import export_labels
from polar_search.models import locate
from polar_search.search.config import SearchConfig
from polar_search.search.session import Session
from polar_search.tasks.bundled import Tracking


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """What `make demo` leaves in `runs/demo`, but two examples a level."""
    run = tmp_path_factory.mktemp("demo") / "run"
    config = SearchConfig(limit=2, ask_batch=128, max_edits=1, max_repeats=4, threads=1)
    Session.load(config).run(run)
    return run


@pytest.fixture
def folder(demo, tmp_path, monkeypatch):
    """A folder to read a page in: a run, labels, and bundled models under the Hub's names."""
    for name in ("demo", "other"):
        shutil.copytree(demo, tmp_path / "runs" / name)
    export_labels(demo, tmp_path / "merged_mcts_samples.json.gz")
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    (tmp_path / "Qwen").mkdir()
    for name in ("Qwen2.5-0.5B-Instruct", "Qwen2.5-7B-Instruct"):
        (tmp_path / "Qwen" / name).symlink_to(locate("bundled-tracking", Tracking()))
    monkeypatch.chdir(tmp_path)
    return tmp_path
