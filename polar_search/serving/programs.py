"""Which program answers a prompt: the one that was named, else the predictor's, else all layers."""

from __future__ import annotations

from collections.abc import Sequence

from polar_search.errors import ConfigError, ProgramError
from polar_search.program import Program
from polar_search.program.notation import parse_runs

IDENTITY = "identity"
"""The name of the standard pass where a program is asked for in words."""

Named = Program | str | Sequence[int]
"""A program, its notation (or `IDENTITY`), or its layer path."""


def read_program(named: Named, num_layers: int, max_depth: int | None = None) -> Program:
    """The program that is meant, for a model of ``num_layers``.

    Args:
        named: As the user wrote it.
        num_layers: Of the model.
        max_depth: Layers that a notation may execute: ``R1x1000000000`` is short to write.

    Raises:
        ProgramError: It is none, or belongs to another model.
    """
    from polar_search.execution.rows import layer_path

    if isinstance(named, str):
        if named.strip().lower() == IDENTITY:
            return Program.identity(num_layers)
        if max_depth is not None:
            depth = sum(run.length * run.executions for run in parse_runs(named))
            if depth > max_depth:
                raise ProgramError(
                    f"expected a program of at most {max_depth} executed layers, received one of "
                    f"{depth}; repeat less"
                )
        return Program.parse(named, num_layers)
    if not isinstance(named, Program):
        return Program.from_path(layer_path(named, num_layers), num_layers)
    layer_path(named, num_layers)
    return named


def read_programs(
    program: Named | None,
    programs: Sequence[Named | None] | None,
    prompts: int,
    num_layers: int,
) -> list[Program | None]:
    """The program that each prompt names, from one for all or one for each; None for those without.

    Raises:
        ConfigError: Both were given, or not one for each.
        ProgramError: One that is none, or belongs to another model.
    """
    if program is not None and programs is not None:
        raise ConfigError(
            "expected program= for all prompts or programs= for each, received both; leave one out"
        )
    each = [program] * prompts if programs is None else list(programs)
    if len(each) != prompts:
        raise ConfigError(
            f"expected a program for each of {prompts} prompts, received {len(each)}; "
            "use program= for one that serves all"
        )
    return [None if named is None else read_program(named, num_layers) for named in each]
