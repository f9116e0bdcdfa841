"""Which examples of a task are meant: those of a split, of some levels, so many of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from polar_search.errors import TaskError
from polar_search.tasks.base import Example, Task
from polar_search.tasks.splits import Split


def chosen_examples(
    task: Task, split: Split, levels: Sequence[int] | None, limit: int | None
) -> list[Example]:
    """The examples of a split, level by level.

    Args:
        task: Whose examples.
        split: train, val or test.
        levels: Levels; None for all.
        limit: Examples of each level at most; None for all.

    Raises:
        TaskError: None are left, a level has none, or two have one id.
    """
    examples = task.examples(split)
    if not examples:
        raise TaskError(
            f"expected examples in split '{split}' of task '{task.name}', received none; choose "
            "another split"
        )
    found = sorted({example.level for example in examples})
    wanted = found if levels is None else sorted(set(levels))
    unknown = [level for level in wanted if level not in found]
    if unknown or not wanted:
        raise TaskError(
            f"expected levels of task '{task.name}' ({', '.join(map(str, found))}), received "
            f"{unknown[0] if unknown else 'none'}; choose among them"
        )
    chosen = [e for level in wanted for e in [e for e in examples if e.level == level][:limit]]
    id_, count = Counter(example.id for example in chosen).most_common(1)[0]
    if count > 1:
        raise TaskError(
            f"expected an id of its own for every example of task '{task.name}', received "
            f"'{id_}' {count} times; correct the task"
        )
    return chosen
