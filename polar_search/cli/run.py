"""`polar-search run`: a recipe, such as a table of the paper, at one of its scales."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from polar_search.cli.options import make_parser
from polar_search.errors import UnknownNameError
from polar_search.recipes import Projection, Recipe, read_yaml

DESCRIPTION = (
    "Run a recipe: the commands that reproduce a table or figure. What was done already, by this "
    "recipe or by another that shares its searches, is not done again."
)
STEPS = ("search", "stats", "menu", "report", "explore", "train", "evaluate")
"""Commands that a recipe may use."""


def main(arguments: Sequence[str]) -> None:
    """Print each command, and run it."""
    parser = make_parser("run", DESCRIPTION)
    parser.add_argument("recipe", type=str, help="a YAML file, such as experiments/table1.yaml")
    parser.add_argument("--scale", type=str, default="bundled", help="bundled (offline) or paper")
    parser.add_argument("--out", type=str, default="runs", help="folder of all recipes' runs")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the commands and what the searches would take"
    )
    parsed = parser.parse_args(list(arguments))
    recipe, console = Recipe.read(Path(parsed.recipe)), Console()
    commands = recipe.commands(parsed.scale, Path(parsed.out))
    for name in (command[0] for command in commands):
        if name not in STEPS:
            raise UnknownNameError("a command that a recipe may use", name, STEPS)
    _say(console, f"{recipe.title}\n{recipe.shows.strip()}")
    search: Mapping[str, Any] = {"model": None}
    for command in commands:
        _say(console, f"\n$ polar-search {shlex.join(command)}")
        if not parsed.dry_run:
            _run(command)
            continue
        if command[0] == "search":
            search = read_yaml(Path(_after(command, "--config")), "a search")
        _estimate(command, search, recipe.path.parent / "projection.yaml", console)


def _estimate(
    command: Sequence[str], search: Mapping[str, Any], projection_path: Path, console: Console
) -> None:
    """What a command would take: projected for the models of the projection, else measured here."""
    projection = Projection.read(projection_path) if projection_path.exists() else None
    if projection is None or search["model"] not in projection.parameters:
        if command[0] == "search":
            _run([*command, "--dry-run"])
        return
    if command[0] == "search":
        outcomes = projection.outcomes(search)
    elif command[0] == "evaluate":
        task = _after(command, "--task") if "--task" in command else search["task"]
        outcomes = projection.evaluation_outcomes(task)
    else:
        return
    _say(
        console,
        f"{outcomes:,} outcomes at most; a projection, no GPU was measured: "
        f"{projection.hours(search['model'], outcomes):,.1f} GPU-hours if {projection.share:.0%} "
        f"of {projection.peak / 1e12:,.0f} TFLOP/s are reached, more if less; {projection_path} "
        "has the assumptions",
    )


def _after(command: Sequence[str], flag: str) -> str:
    return command[command.index(flag) + 1]


def _run(command: Sequence[str]) -> None:
    from importlib import import_module

    import_module(f"polar_search.cli.{command[0]}").main(command[1:])


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
