"""Tasks whose examples lie in the package as JSON lines, one file a split, graded by equality."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources

from polar_search.errors import TaskError
from polar_search.tasks.base import Example, Task, Verdict
from polar_search.tasks.splits import SPLITS, Split


class BundledTask(Task):
    """A task with one right text for each example."""

    def examples(self, split: Split) -> Sequence[Example]:
        """All examples of `split`, by level."""
        return _read(self.name, split)

    def grade(self, example: Example, text: str) -> Verdict:
        """Correct when the text, without the white space around it, is the answer."""
        answer = text.strip()
        return Verdict(answer == example.answer, answer or None)

    def settled(self, example: Example, text: str) -> bool:
        """Wrong for good: the answer does not begin like this, nor does white space follow it."""
        begun = text.lstrip().removesuffix("\ufffd")  # the token of half a character
        return not example.answer.startswith(begun) and begun.rstrip() != example.answer


class Tracking(BundledTask):
    """Two words over S_3 x S_3, `x3k.9ab=`; the answer is the product of each, `k7`.

    The longer a word, the more depth its product needs. There are 1,296 possible answers, so that a
    hundred programs cannot be right by luck.
    """

    name = "tracking"
    max_new_tokens = 4
    bundled_model = "bundled-tracking"


class Arithmetic(BundledTask):
    """Chains of +, - and * such as `3+4*2=`, with an answer in -99..99."""

    name = "arithmetic"
    max_new_tokens = 5
    bundled_model = "bundled-arithmetic"


@cache
def _read(task: str, split: Split) -> tuple[Example, ...]:
    if split not in SPLITS:
        raise TaskError(
            f"expected a split of {task}, received '{split}'; choose from {', '.join(SPLITS)}"
        )
    data = resources.files("polar_search.tasks") / "data" / task / f"{split}.jsonl"
    with data.open(encoding="utf-8") as lines:
        return tuple(Example(**json.loads(line)) for line in lines)
