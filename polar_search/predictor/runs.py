"""Programs as runs, in tensors: how paths are looked up in a distribution's tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from polar_search.errors import PredictorError
from polar_search.program import Operation, Program


@dataclass(frozen=True)
class RunIndex:
    """Programs as flat lists of runs, each `[number of runs]`.

    Attributes:
        program: Number of the program.
        start: First layer.
        stop: The layer behind the last.
        executions: Of the run.
    """

    program: Tensor
    start: Tensor
    stop: Tensor
    executions: Tensor

    @classmethod
    def of(
        cls, programs: Sequence[Program], num_layers: int, max_segment: int, max_repeats: int
    ) -> RunIndex:
        """Read programs.

        Raises:
            PredictorError: One that cannot be written with these bounds.
        """
        rows = []
        for number, program in enumerate(programs):
            if program.num_layers != num_layers or not writable(program, max_segment, max_repeats):
                raise PredictorError(
                    f"expected programs of {num_layers} layers that repeat at most {max_segment} "
                    f"of them {max_repeats} times, received '{program}' of {program.num_layers}; "
                    "leave it out, or train a predictor with a larger --max-repeats"
                )
            rows += [(number, run.start, run.stop, run.executions) for run in program.runs]
        return cls(*torch.tensor(rows, dtype=torch.long).reshape(-1, 4).unbind(1))

    def to(self, device: torch.device) -> RunIndex:
        """The same on another device."""
        return RunIndex(*(column.to(device) for column in vars(self).values()))


def writable(program: Program, max_segment: int, max_repeats: int) -> bool:
    """Whether the bounds let a predictor write the program."""
    repeats = [run for run in program.runs if run.operation is Operation.REPEAT]
    return all(run.length <= max_segment and run.executions <= max_repeats for run in repeats)
