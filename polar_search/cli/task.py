"""`polar-search task show T`: what a model will see of a task, and the right answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from polar_search.cli.options import make_parser
from polar_search.errors import ConfigError, TaskError

if TYPE_CHECKING:
    from polar_search.tasks import Example, Task

DESCRIPTION = "Show a task: sizes by split and level, prompts as the model will see them, answers."


def main(arguments: Sequence[str]) -> None:
    """Parse, load the task, print."""
    parser = make_parser("task", DESCRIPTION)
    parser.add_argument("action", choices=["show"], help="show: print sizes, prompts and answers")
    parser.add_argument("task", type=str, help="registry name or import path package.module:Class")
    parser.kinds |= {"level": "an integer", "n": "an integer", "task_options": "a mapping"}
    parser.add_argument(
        "--task-options", type=Mapping[str, Any], default={}, help="the task's own options"
    )
    parser.add_argument("--split", type=str, default="train", help="train, val or test")
    parser.add_argument("--level", type=int, default=None, help="of this level only")
    parser.add_argument("-n", type=int, default=1, help="examples to show")
    parser.add_argument(
        "--model", type=str, default=None, help="prompt in the chat template of this model"
    )
    parsed = parser.parse_args(list(arguments))
    if parsed.n < 0:
        raise ConfigError(f"expected -n of at least 0, received {parsed.n}; raise it")
    from polar_search.tasks import load_task

    task = load_task(parsed.task, parsed.task_options)
    shown = [e for e in task.examples(parsed.split) if parsed.level in (None, e.level)]
    if not shown:
        level = "" if parsed.level is None else f" of level {parsed.level}"
        raise TaskError(
            f"expected examples{level} in split '{parsed.split}' of task '{parsed.task}', received "
            f"none; it has {_sizes_in_words(task)}"
        )
    console = Console()
    console.print(_sizes(task))
    tokenizer = None if parsed.model is None else _tokenizer(parsed.model, task)
    for example in shown[: parsed.n]:
        _show(console, task, example, tokenizer)


def _sizes(task: Task) -> Table:
    """Examples by split and level."""
    from polar_search.tasks import SPLITS

    counts = {split: Counter(e.level for e in task.examples(split)) for split in SPLITS}
    levels = sorted({level for count in counts.values() for level in count})
    table = Table("split", *(f"level {level}" for level in levels), "all", box=None, pad_edge=False)
    for split, count in counts.items():
        numbers = [f"{count[level]:,}" for level in levels]
        table.add_row(split, *numbers, f"{count.total():,}")
    return table


def _sizes_in_words(task: Task) -> str:
    from polar_search.tasks import SPLITS

    parts = []
    for split in SPLITS:
        examples = task.examples(split)
        levels = sorted({example.level for example in examples})
        named = f" (levels {', '.join(map(str, levels))})" if levels else ""
        parts.append(f"{len(examples):,} in {split}{named}")
    return ", ".join(parts)


def _show(console: Console, task: Task, example: Example, tokenizer: Any) -> None:  # noqa: ANN401
    console.rule(f"{example.id}, level {example.level}", align="left")
    console.print(task.prompt(example, tokenizer), markup=False, highlight=False)
    console.rule()
    if choices := task.choices(example):
        console.print(f"choices: {', '.join(map(repr, choices))}", markup=False, highlight=False)
    console.print(f"answer: {example.answer}", markup=False, highlight=False)


def _tokenizer(model: str, task: Task) -> Any:  # noqa: ANN401
    """The tokenizer of a model; its weights are not needed."""
    from transformers import AutoTokenizer

    from polar_search.errors import ModelError, one_line
    from polar_search.hub import cache_unless_reached
    from polar_search.models import locate

    source = locate(model, task)
    try:
        with cache_unless_reached(source, "model"):
            return AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise ModelError(
            f"expected a model with a tokenizer, received '{source}', which raises "
            f"{one_line(error)[:200]}; check the name, or pass a local folder"
        ) from error
