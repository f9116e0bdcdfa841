"""Tasks: examples, prompts and grading."""

from polar_search.registry import Registry
from polar_search.tasks.base import Example, Task, Verdict
from polar_search.tasks.splits import SPLITS, Split

TASKS = Registry("a task", "polar_search.tasks", Task)  # type: ignore[type-abstract]
"""Tasks by name."""

__all__ = ["SPLITS", "TASKS", "Example", "Split", "Task", "Verdict"]
