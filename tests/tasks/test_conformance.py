"""Every registered task, by letter and by likelihood, passes the suite of tasks."""

import json
from functools import partial

import hub_layout
import pytest

from polar_search.tasks import TASKS, load_task
from polar_search.testing.tasks import TaskSuite

WRITERS = {
    "gsm8k": hub_layout.write_gsm8k,
    "math": hub_layout.write_math,
    "asdiv": hub_layout.write_asdiv,
    "mawps": hub_layout.write_mawps,
    "mmlu-pro": hub_layout.write_mmlu_pro,
    "dart-math": partial(hub_layout.write_dart_math, counts={"math": 30, "gsm8k": 20}),
}


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    """Options by task, with small data where data are needed."""
    root = tmp_path_factory.mktemp("data")
    for write in WRITERS.values():
        write(root)
    mine = root / "mine.jsonl"
    mine.write_text(
        "".join(json.dumps({"question": f"{i}?", "answer": i}) + "\n" for i in range(9))
    )
    return {"file": {"path": str(mine)}, **{name: {"source": str(root)} for name in WRITERS}}


@pytest.mark.parametrize("name", TASKS.names())
class TestTasks(TaskSuite):
    @pytest.fixture
    def make_task(self, options, name):
        return partial(load_task, name, options.get(name, {}))


class TestChoosing(TaskSuite):
    @pytest.fixture
    def make_task(self, options):
        return partial(load_task, "mmlu-pro", {**options["mmlu-pro"], "by": "likelihood"})
