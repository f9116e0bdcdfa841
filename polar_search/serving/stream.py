"""One answer, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from polar_search.execution import Row
from polar_search.program import Program
from polar_search.serving.completion import Asked, Completion
from polar_search.serving.pieces import Pieces

if TYPE_CHECKING:
    from polar_search.execution.rows import Stop
    from polar_search.serving.model import PolarModel


class Stream:
    """The pieces of one answer, as they become certain.

    Attributes:
        prompt: As it was asked.
        program: What answers.
        completion: The whole answer, once all pieces have been read.
    """

    def __init__(
        self,
        model: PolarModel,
        prompt: Asked,
        row: Row,
        max_new_tokens: int | None,
        stop: Sequence[Stop],
    ) -> None:
        self.prompt = prompt
        self.program: Program = row.program  # type: ignore[assignment]
        self.completion: Completion | None = None
        self._pieces = Pieces(model.tokenizer)
        self._rounds = model.grow(row, max_new_tokens, stop)

    def __iter__(self) -> Iterator[str]:
        told = 0
        try:
            for live in self._rounds:
                new = live.since(told)
                told += len(new)
                piece = self._pieces.feed(new)
                if live.result is not None:
                    self.completion = Completion.of(self.prompt, self.program, live.result)
                    piece += self._pieces.end(self.completion.text)
                if piece:
                    yield piece
        finally:  # also where the reader has enough: the model is free again
            self._rounds.close()
