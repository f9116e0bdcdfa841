"""Menus: the few programs that together solve most of what an earlier run solved.

Greedy set cover: Chvatal, "A Greedy Heuristic for the Set-Covering Problem" (1979). Asked of other
examples, the programs show what one menu for all inputs is worth.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pyarrow.compute as pc

from polar_search.errors import ConfigError, ProgramError
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent
from polar_search.search.store import read_outcomes


class MenuAgent(Agent):
    """The k programs that together, or each, solve most examples of an earlier run, best first.

    Args:
        space: The programs that may be asked; of the others in the run none is taken.
        seed: Without say.
        run: Folder of the earlier run, a search of the same model.
        size: Programs at most.
        by: ``cover``: each adds what those before it leave unsolved; ``share``: each by itself.

    Raises:
        ConfigError: The run has no valid program, or is of another model.
    """

    scope = "dataset"

    def __init__(
        self,
        space: ProgramSpace,
        seed: int,
        run: str,
        size: int = 16,
        by: Literal["cover", "share"] = "cover",
    ) -> None:
        super().__init__(space, seed)
        solved = solved_by(Path(run), space.num_layers)
        covered = solved.pop(Program.identity(space.num_layers), set())
        allowed = {program: ids for program, ids in solved.items() if program in space}
        if by == "cover":
            self._rest = greedy_cover(allowed, covered, size)
        else:
            self._rest = most_solving(allowed)[:size]

    def ask(self, n: int) -> list[Program]:
        """The next `n` programs of the menu."""
        asked, self._rest = self._rest[:n], self._rest[n:]
        return asked


def solved_by(run: Path, num_layers: int) -> dict[Program, set[str]]:
    """The examples that each program of a run solves.

    Raises:
        ConfigError: The run has no valid program, or is of a model with more or fewer layers.
    """
    table = read_outcomes(run)
    solved: dict[Program, set[str]] = {}
    valid = table.filter(pc.field("correct")).select(["program", "example_id"])
    for row in valid.to_pylist():
        try:
            program = Program.parse(row["program"], num_layers)
        except ProgramError as error:
            raise ConfigError(
                f"expected a run of a model of {num_layers} layers, received '{run}' with program "
                f"'{row['program']}'; name a run of the same model"
            ) from error
        solved.setdefault(program, set()).add(row["example_id"])
    if not solved:
        raise ConfigError(
            f"expected a run with valid programs, received '{run}', which has none; name a run "
            "folder of `polar-search search`"
        )
    return solved


def greedy_cover(solved: Mapping[Program, set[str]], covered: set[str], size: int) -> list[Program]:
    """At most `size` programs, each the one that solves most examples not covered so far.

    Among equals the shallower, then the first in notation. Ends when nothing more is covered.
    """
    covered, menu = set(covered), list[Program]()
    while solved and len(menu) < size:
        best = min(solved, key=lambda p: (-len(solved[p] - covered), p.depth, str(p)))
        if solved[best] <= covered:
            break
        menu.append(best)
        covered |= solved[best]
    return menu


def most_solving(solved: Mapping[Program, set[str]]) -> list[Program]:
    """The programs in the order of how many examples they solve; equals as in `greedy_cover`."""
    return sorted(solved, key=lambda p: (-len(solved[p]), p.depth, str(p)))
