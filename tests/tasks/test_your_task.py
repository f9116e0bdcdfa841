"""The tables of docs/your_task.md name what there is; its code is run by tests/docs."""

import re
from pathlib import Path

from polar_search.registry import options_of
from polar_search.tasks import TASKS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "your_task.md").read_text(encoding="utf-8")


def test_the_options_and_tasks_of_the_document_exist():
    documented = {
        name
        for line in TEXT.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([a-z0-9-]+)`", line.split("|")[1])
    }
    known = {option for name in TASKS.names() for option in options_of(TASKS.load(name))}
    assert documented <= known | set(TASKS.names())
    assert set(TASKS.names()) - {"tracking", "arithmetic", "file"} <= documented
