"""What goes into an execution and what comes out: rows, sampling, generations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from polar_search.errors import ConfigError, ProgramError
from polar_search.program import Program

Prompt = str | Sequence[int]
"""A text, or the token ids of one."""

ProgramLike = Program | Sequence[int]
"""A program, or its plain layer path."""

Stop = str | Callable[[str], bool]
"""Ends a row: a string in the generated text, or a condition on the text so far."""


@dataclass(frozen=True)
class Sampling:
    """How to draw a token at random.

    The n-th token of a row depends on its logits, ``seed`` and n alone, never on other rows.

    Attributes:
        temperature: Divides the logits; above 0.
        top_p: Only the likeliest tokens that together reach this probability can be drawn.
        seed: Of this row.
        top_k: Only so many of the likeliest tokens can be drawn, before ``top_p`` chooses among
            them; None for all.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    top_k: int | None = None

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ConfigError(
                f"expected a temperature above 0, received {self.temperature}; "
                "leave sampling out for greedy"
            )
        if not 0 < self.top_p <= 1:
            raise ConfigError(
                f"expected top_p in (0, 1], received {self.top_p}; 1.0 keeps every token"
            )
        if self.seed < 0:
            raise ConfigError(f"expected a seed of 0 or more, received {self.seed}; raise it")
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(
                f"expected top_k of at least 1, received {self.top_k}; None keeps every token"
            )


@dataclass(frozen=True)
class Row:
    """One prompt to be answered by one program.

    Attributes:
        prompt: Text, or token ids.
        program: A program or plain layer path for the engine's model.
        draft: A guess at the answer that may save time and never changes the result.
        sampling: How to draw tokens; None is greedy.
        stop: True for a text so far after which the rest cannot matter; asked in any thread.
    """

    prompt: Prompt
    program: ProgramLike
    draft: Prompt | None = None
    sampling: Sampling | None = None
    stop: Callable[[str], bool] | None = None

    @classmethod
    def of(cls, row: Row | tuple[Prompt, ProgramLike]) -> Row:
        """The row itself, or the row of a pair (prompt, program)."""
        return row if isinstance(row, Row) else cls(*row)


FinishReason = Literal["stop", "length", "nan"]


@dataclass(frozen=True)
class Generation:
    """What a row generated.

    Attributes:
        token_ids: New tokens, the end-of-text token included.
        text: Their text without special tokens; None without a tokenizer.
        finish_reason: ``stop`` (end of text or a stop), ``length``, or ``nan``: the program made
            logits that are no numbers, and the row holds the tokens before them.
    """

    token_ids: tuple[int, ...]
    text: str | None
    finish_reason: FinishReason


@dataclass(frozen=True)
class Likelihood:
    """How likely a continuation is.

    Attributes:
        log_likelihood: Sum of the log-probabilities of its tokens.
        greedy: Whether each of them is the likeliest at its place.
    """

    log_likelihood: float
    greedy: bool


def layer_path(program: ProgramLike, num_layers: int) -> tuple[int, ...]:
    """The path of a program, checked against the depth of the model.

    Raises:
        ProgramError: The program is empty or belongs to a model of another depth.
    """
    if isinstance(program, Program):
        if program.num_layers != num_layers:
            raise ProgramError(
                f"expected a program for {num_layers} layers, received '{program}' for "
                f"{program.num_layers}; build it for this model"
            )
        return program.path
    path = tuple(program)
    if not path:
        raise ProgramError(
            "expected a path of at least one layer, received an empty one; add a layer"
        )
    outside = [layer for layer in path if not (isinstance(layer, int) and 0 <= layer < num_layers)]
    if outside:
        raise ProgramError(
            f"expected layers 0 to {num_layers - 1}, received {outside[0]!r} in path {path}; "
            "use indices of this model's layers"
        )
    return path
