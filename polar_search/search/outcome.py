"""One outcome: what a program answered to an example, and whether that was right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from polar_search.program import Program

Source = Literal["executed", "confirmed", "imported"]
"""executed: in a batch; confirmed: again, alone, by the reference; imported: a foreign label."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An example x program evaluation.

    `text` is the model's whole answer; None where it is not known, as with imported labels.
    """

    example_id: str
    level: int
    program: Program
    text: str | None
    correct: bool
    source: Source = "executed"


@dataclass(frozen=True, slots=True)
class TraceStep:
    """One step of an agent on an example: which program it asked, and which one that came from.

    Step 0 is the identity, which the driver evaluates before it asks the agent.
    """

    example_id: str
    step: int
    program: Program
    parent: Program | None = None
