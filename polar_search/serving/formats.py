"""Answers in the shape of OpenAI's interface, whole or in pieces, and their program."""

from __future__ import annotations

import time
import uuid
from typing import Any

from polar_search.serving.worker import Progress, Question


class Format:
    """What is said of one request.

    Args:
        model: The served model's name.
        question: What was asked.
        chat: Whether it is a conversation.
    """

    def __init__(self, model: str, question: Question, *, chat: bool) -> None:
        self._question, self._chat = question, chat
        self._head = {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": model,
        }
        self._answers: dict[int, tuple[Progress, str]] = {}

    def whole(self) -> dict[str, Any]:
        """The response, once all answers have been noted."""
        kind = "chat.completion" if self._chat else "text_completion"
        choices = [self._choice(*self._answers[row]) for row in sorted(self._answers)]
        return {**self._head, "object": kind, "choices": choices, "usage": self.usage}

    def note(self, news: Progress, text: str) -> None:
        """Keep a whole answer."""
        self._answers[news.row] = (news, text)

    def _choice(self, news: Progress, text: str) -> dict[str, Any]:
        said = {"role": "assistant", "content": text, "refusal": None}
        content = {"message": said} if self._chat else {"text": text}
        return {**self._mark(news), **content}

    def begin(self, row: int) -> dict[str, Any] | None:
        """The first chunk of a row: who speaks."""
        if not self._chat:
            return None
        delta = {"role": "assistant", "content": ""}
        return self._chunk([{"index": row, "delta": delta, "finish_reason": None}])

    def piece(self, news: Progress, text: str) -> dict[str, Any]:
        """A chunk with more text, or the last one with the reason for the end."""
        content = {"delta": {"content": text} if text else {}} if self._chat else {"text": text}
        return self._chunk([{**self._mark(news), **content}])

    def last(self) -> dict[str, Any]:
        """The chunk with the counts of tokens."""
        return {**self._chunk([]), "usage": self.usage}

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        kind = "chat.completion.chunk" if self._chat else "text_completion"
        return {**self._head, "object": kind, "choices": choices}

    @staticmethod
    def _mark(news: Progress) -> dict[str, Any]:
        return {
            "index": news.row,
            "logprobs": None,
            "finish_reason": None if news.result is None else news.result.finish_reason,
            "program": str(news.program),
            "depth": news.program.depth,
        }

    @property
    def usage(self) -> dict[str, int]:
        """Tokens of prompts and answers."""
        asked = sum(map(len, self._question.prompts)) // max(1, self._question.n)
        whole = (news.result for news, _ in self._answers.values())
        answered = sum(len(result.token_ids) for result in whole if result is not None)
        return {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
        }
