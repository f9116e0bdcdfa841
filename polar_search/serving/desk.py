"""Between requests and the worker: what is asked, within which limits, and what came of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from polar_search.execution import Sampling
from polar_search.program import Program
from polar_search.serving.failures import Failure
from polar_search.serving.gauges import Gauges
from polar_search.serving.programs import read_program
from polar_search.serving.requests import Request
from polar_search.serving.settings import ServeConfig
from polar_search.serving.worker import Progress, Question, StoppedError, Worker

if TYPE_CHECKING:
    from polar_search.serving.completion import Asked

PREDICTOR = "predictor"
"""What a request says to let the predictor choose."""


class Desk:
    """Takes questions in, and hands news out.

    Args:
        worker: Answers.
        config: Of the server.

    Attributes:
        name: What clients call the model.
        gauges: What is counted.
    """

    def __init__(self, worker: Worker, config: ServeConfig) -> None:
        self.worker, self.config = worker, config
        self.name = config.name or config.model
        self.gauges = Gauges(worker)
        self.gauges.rows.set_function(self._under_way)
        self._questions: list[Question] = []
        layers = worker.model.num_layers
        self._max_depth = config.max_depth or 4 * layers
        self._program = None if config.program is None else read_program(config.program, layers)

    async def question(self, request: Request) -> Question:
        """Check a request, and let it join.

        Raises:
            Failure: It asks for too much, or for another model.
            PolarSearchError: Something in it cannot be used.
        """
        if request.model != self.name:
            known = f"expected model '{self.name}', received '{request.model}'; see /v1/models"
            raise Failure(404, known, "model_not_found")
        stops, program = request.stops, self._chosen(request.program)
        n = request.n or 1
        rows = n * len(request.asked)
        if not 0 < rows <= self.config.max_rows:
            raise Failure(
                400,
                f"expected 1 to {self.config.max_rows} answers of one request, received {rows}; "
                "send prompts in several requests",
            )
        encoded = await asyncio.to_thread(self._encode, request.asked)
        length = self._length(request.new_tokens, max(len(ids) for ids, _ in encoded))
        samplings = self._samplings(request, rows)
        if self._under_way() + rows > self.config.max_rows:
            full = f"all {self.config.max_rows} answers that may be under way are; try again"
            raise Failure(429, full, "overloaded", {"Retry-After": "1"})
        prompts = [ids for ids, _ in encoded for _ in range(n)]
        texts = [text for _, text in encoded for _ in range(n)]
        question = Question(
            prompts, texts, program, length, stops, samplings, bool(request.stream), n
        )
        self.gauges.prompt_tokens.inc(sum(len(ids) for ids, _ in encoded))
        self._questions.append(question)
        self.worker.ask(question)
        return question

    async def news(self, question: Question) -> AsyncIterator[Progress]:
        """What becomes known of a question, until all its rows have ended.

        Raises:
            Failure: It takes too long, or cannot be answered.
        """
        started, left = time.monotonic(), len(question.prompts)
        first = True
        try:
            while left:
                rest = started + self.config.timeout - time.monotonic()
                news = await self._next(question, rest)
                if first and question.streams:
                    self.gauges.first_token.observe(time.monotonic() - started)
                first = False
                if news.result is not None:
                    left -= 1
                    self._count(news)
                yield news
        finally:
            self.worker.forget(question)

    async def _next(self, question: Question, seconds: float) -> Progress:
        try:
            news = await asyncio.wait_for(question.news.get(), seconds)
        except TimeoutError:
            late = f"no answer within {self.config.timeout:g} seconds; ask for fewer tokens"
            raise Failure(408, late, "timeout", {"x-should-retry": "false"}) from None
        if isinstance(news, StoppedError):
            raise Failure(503, str(news), "stopped")
        if isinstance(news, Exception):
            raise Failure.of(news) from news
        return news

    def _count(self, news: Progress) -> None:
        """Count an answer that is complete.

        Raises:
            Failure: Its program broke down.
        """
        assert news.result is not None
        if news.result.finish_reason == "nan":
            raise Failure(
                422, f"program '{news.program}' makes logits that are no numbers; choose another"
            )
        self.gauges.new_tokens.inc(len(news.result.token_ids))
        self.gauges.depth.observe(news.program.depth)

    def _under_way(self) -> int:
        """Rows that have been asked and have not ended."""
        self._questions = [question for question in self._questions if question.left]
        return sum(question.left for question in self._questions)

    def _chosen(self, named: str | None) -> Program | None:
        """The program that a request names, or the server's; None lets the predictor choose."""
        model = self.worker.model
        if named is None:
            named_by_server = self._program
            if named_by_server is None and model.predictor is None:
                return Program.identity(model.num_layers)
            return named_by_server
        if named != PREDICTOR:
            return read_program(named, model.num_layers, self._max_depth)
        if model.predictor is None:
            raise Failure(400, "expected a program, received 'predictor', and none is loaded")
        return None

    def _encode(self, prompts: list[Asked]) -> list[tuple[tuple[int, ...], str]]:
        """Ids for the engine, and texts for the predictor."""
        model = self.worker.model
        return [(model.encode(prompt), model.text(prompt)) for prompt in prompts]

    def _length(self, asked: int | None, prompt_tokens: int) -> int:
        """New tokens of every row.

        Raises:
            Failure: There is no room for them.
        """
        room = self.max_tokens - prompt_tokens
        if room < (asked or 1):
            raise Failure(
                400,
                f"expected at most {self.max_tokens} tokens, received a prompt of {prompt_tokens} "
                f"and {asked or 1} new ones; shorten the prompt or ask for less",
                "context_length_exceeded",
            )
        return asked or self.worker.model.room(prompt_tokens, self.max_tokens)

    @property
    def max_tokens(self) -> int:
        """Tokens of a prompt and its answer at most."""
        return min(self.config.max_tokens, self.worker.model.max_tokens or self.config.max_tokens)

    @staticmethod
    def _samplings(request: Request, rows: int) -> list[Sampling | None]:
        """How each row draws: every one with a seed of its own."""
        if not request.temperature:
            return [None] * rows
        seed = secrets.randbits(31) if request.seed is None else request.seed % 2**63
        top_k = request.top_k if (request.top_k or 0) > 0 else None
        return [
            Sampling(request.temperature, request.top_p or 1.0, seed + row, top_k)
            for row in range(rows)
        ]
