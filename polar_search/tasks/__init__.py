"""Tasks: examples, prompts and grading."""

from collections.abc import Mapping
from typing import Any

from polar_search.registry import Registry, checked_options
from polar_search.tasks.base import Example, Task, Verdict
from polar_search.tasks.selection import chosen_examples
from polar_search.tasks.splits import SPLITS, Split

TASKS = Registry("a task", "polar_search.tasks", Task)  # type: ignore[type-abstract]
"""Tasks by name."""


def load_task(name: str, options: Mapping[str, Any] | None = None) -> Task:
    """The task `name` with its options filled in.

    Raises:
        UnknownNameError: No task has this name.
        ConfigError: The task has no such option, or one of another type.
    """
    task = TASKS.load(name)
    return task(**checked_options(f"task '{name}'", task, options or {}))


__all__ = [
    "SPLITS",
    "TASKS",
    "Example",
    "Split",
    "Task",
    "Verdict",
    "chosen_examples",
    "load_task",
]
