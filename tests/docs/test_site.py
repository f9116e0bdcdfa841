"""The site is built without a warning, and asks nothing of other machines."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import PAGES, ROOT

MOST_LINES = {"experiments/README.md": 200}
"""Of a page, where it is not 150: results take room."""
LOADED = re.compile(r'<(?:script|link|img|iframe)\b[^>]*?(?:src|href)="(?:https?:)?//([^"]*)"')


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_needs_no_network(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=quiet)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.html")}
    assert len(pages) > 30
    for name, page in pages.items():
        assert not LOADED.findall(page), name
    for style in tmp_path.rglob("*.css"):
        assert "url(http" not in style.read_text()
    assert 'id="polar_search.program.program.Program"' in pages[Path("reference/program.html")]
    assert 'id="polar_search.errors.ConfigError"' in pages[Path("reference/errors.html")]
    assert 'id="polar_search.tasks.load_task"' in pages[Path("reference/tasks.html")]
    assert 'id="polar_search.agents.mcts.MctsAgent"' in pages[Path("reference/agents.html")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_are_short(page):
    most = MOST_LINES.get(str(page.relative_to(ROOT)), 150)
    assert len(page.read_text(encoding="utf-8").splitlines()) <= most
