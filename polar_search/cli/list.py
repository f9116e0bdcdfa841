"""`polar-search list`: agents, tasks and bundled models, with their options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import Parameter, getdoc

from rich.console import Console
from rich.table import Table

from polar_search.cli.options import make_parser


def main(arguments: Sequence[str]) -> None:
    """Print one table."""
    make_parser("list", "Agents, tasks and bundled models.").parse_args(list(arguments))
    from polar_search.models import bundled_names
    from polar_search.registry import options_of
    from polar_search.search.agent import AGENTS
    from polar_search.tasks import TASKS

    table = Table("kind", "name", "options", "what", box=None, pad_edge=False)
    for name in AGENTS.names():
        agent = AGENTS.load(name)
        options = options_of(agent, given_by_caller=("space", "seed"))
        table.add_row("agent", name, _defaults(options), _summary(agent))
    for name in TASKS.names():
        task = TASKS.load(name)
        table.add_row("task", name, _defaults(options_of(task)), _summary(task))
    for name in bundled_names():
        table.add_row("model", name, "", "bundled checkpoint")
    Console().print(table)


def _defaults(options: Mapping[str, Parameter]) -> str:
    return ", ".join(
        option.name if option.default is Parameter.empty else f"{option.name}={option.default}"
        for option in options.values()
    )


def _summary(documented: object) -> str:
    return (getdoc(documented) or "").partition("\n")[0]
