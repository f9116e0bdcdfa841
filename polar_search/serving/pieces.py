"""Tokens as pieces of text that never have to be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNFINISHED = "\N{REPLACEMENT CHARACTER}"
"""What a tokenizer writes for the first bytes of a character whose last ones are still to come."""


class Pieces:
    """Cuts the text of a growing row of tokens.

    A token may be part of a character, and its text may hang on the token before it. So a few
    tokens that were told already are decoded again in front of the new ones, and a piece that could
    be the beginning of a stop string waits until it is known not to be.

    Args:
        tokenizer: Of the tokens.
        stops: Texts that end the row and are not told.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, stops: Sequence[str] = ()) -> None:
        self._tokenizer, self._stops = tokenizer, stops
        self._window: list[int] = []
        self._read = 0
        self._text = ""
        self._told = 0

    def feed(self, token_ids: Sequence[int]) -> str:
        """The next piece, from the next tokens; may be empty."""
        self._window += token_ids
        known = self._decode(self._window[: self._read])
        grown = self._decode(self._window)
        if len(grown) > len(known) and not grown.endswith(UNFINISHED):
            self._text += grown[len(known) :]
            self._window = self._window[self._read :]
            self._read = len(self._window)
        return self._tell(self._text[: len(self._text) - self._held()])

    def end(self, text: str) -> str:
        """The last piece, from the row's whole text."""
        return self._tell(before(text, self._stops))

    def _tell(self, text: str) -> str:
        piece = text[self._told :]
        self._told += len(piece)
        return piece

    def _held(self) -> int:
        """Characters at the end that may turn out to begin a stop, or lie behind one."""
        whole = len(self._text) - len(before(self._text, self._stops))
        return max(
            [whole]
            + [
                size
                for stop in self._stops
                for size in range(1, len(stop))
                if self._text.endswith(stop[:size])
            ]
        )

    def _decode(self, token_ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(token_ids), skip_special_tokens=True))


def before(text: str, stops: Sequence[str]) -> str:
    """The text before the first stop."""
    ends = [text.find(stop) for stop in stops]
    return text[: min((end for end in ends if end >= 0), default=len(text))]
