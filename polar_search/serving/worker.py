"""The thread that runs the model: questions come in while others are being answered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from polar_search.errors import PolarSearchError
from polar_search.execution import Generation, LiveBatch, LiveRow, Row, Sampling
from polar_search.program import Program
from polar_search.serving.model import PolarModel


@dataclass(frozen=True)
class Progress:
    """News of one row of a question.

    Attributes:
        row: Which one.
        program: What answers it.
        token_ids: Its new tokens since the news before.
        result: The whole answer, at the end.
    """

    row: int
    program: Program
    token_ids: tuple[int, ...]
    result: Generation | None


@dataclass(eq=False)
class Question:
    """Prompts of one request, and where to tell about their answers.

    Attributes:
        prompts: Token ids, one for each row.
        texts: The same as the predictor reads them.
        program: What answers; None lets the predictor choose.
        max_new_tokens: Of each row.
        stop: Texts that end a row.
        samplings: Of each row.
        streams: Whether every token is told, or whole answers only.
        news: `Progress`, or the error that ended the question.
        n: Rows that share a prompt.
        loop: Of those who wait.
        forgotten: Set once nobody waits any more.
        left: Rows that have not ended; the worker alone counts them down.
    """

    prompts: Sequence[tuple[int, ...]]
    texts: Sequence[str]
    program: Program | None
    max_new_tokens: int
    stop: Sequence[str]
    samplings: Sequence[Sampling | None]
    streams: bool
    n: int = 1
    news: asyncio.Queue[Progress | Exception] = field(default_factory=asyncio.Queue)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    forgotten: bool = False
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = len(self.prompts)

    def tell(self, news: Progress | Exception) -> None:
        """Hand news to whoever waits, in the thread where they wait."""
        if not self.forgotten:
            self.loop.call_soon_threadsafe(self.news.put_nowait, news)

    def fail(self, error: Exception) -> None:
        """End with an error."""
        self.left = 0
        self.tell(error)


class StoppedError(Exception):
    """The server is being stopped."""


@dataclass
class Seat:
    """Whose row it is.

    Attributes:
        question: Of the row.
        number: Of the row in it.
        told: New tokens that have been told.
    """

    question: Question
    number: int
    told: int = 0


class Worker:
    """Answers questions in a thread of its own, in one batch that is always open.

    Args:
        model: Answers.
        max_tokens: Of a row at most.
    """

    def __init__(self, model: PolarModel, max_tokens: int) -> None:
        self.model, self._max_tokens = model, max_tokens
        self._arrivals: SimpleQueue[Question | None] = SimpleQueue()
        self._rows: dict[LiveRow, Seat] = {}
        self._batch = self._open()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="polar-search", daemon=True)

    def _open(self) -> LiveBatch:
        return self.model.engine.open(self._max_tokens)

    @property
    def alive(self) -> bool:
        """Whether questions are being answered."""
        return self._thread.is_alive()

    @property
    def running(self) -> int:
        """Rows in the batch that have their memory."""
        return self._batch.running

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def ask(self, question: Question) -> None:
        """Let a question join. From any thread."""
        self._arrivals.put(question)

    def forget(self, question: Question) -> None:
        """Nobody waits for a question any more. From any thread."""
        question.forgotten = True
        self._arrivals.put(None)

    def stop(self) -> None:
        """Answer nothing more; questions under way end with `StoppedError`."""
        self._stopping = True
        self._arrivals.put(None)
        self._thread.join()

    def _work(self) -> None:
        while not self._stopping:
            self._welcome(list(self._arrived()))
            for live in [live for live, seat in self._rows.items() if seat.question.forgotten]:
                self._batch.remove(live)
                self._end(live)
            try:
                ended = self._batch.step()
            except Exception as error:  # whatever it is, the server lives on
                self._fail(error)
            else:
                self._tell(ended)
        self._welcome(list(self._arrived()))
        self._fail(StoppedError("the server is being stopped"))

    def _arrived(self) -> Iterator[Question]:
        """New questions; waits for one if there is nothing else to do."""
        waits = not (self._batch or self._stopping)
        while waits or not self._arrivals.empty():
            if question := self._arrivals.get():
                yield question
            waits = False

    def _welcome(self, questions: Sequence[Question]) -> None:
        """Choose the programs of new questions together, and let their rows join."""
        free = [question for question in questions if question.program is None]
        texts = list({text: None for question in free for text in question.texts})
        try:
            chosen = dict(zip(texts, self.model.choose(texts), strict=True)) if texts else {}
        except Exception as error:  # the predictor's, and no reason to stop serving
            for question in free:
                question.fail(error)
            questions = [question for question in questions if question.program is not None]
            chosen = {}
        for question in questions:
            programs = [question.program or chosen[text][0] for text in question.texts]
            self._join(question, programs)

    def _join(self, question: Question, programs: Sequence[Program]) -> None:
        rows = [
            Row(prompt, program, sampling=sampling)
            for prompt, program, sampling in zip(
                question.prompts, programs, question.samplings, strict=True
            )
        ]
        try:
            added = self._batch.add(rows, question.max_new_tokens, question.stop)
        except PolarSearchError as error:
            question.fail(error)
            return
        self._rows |= {live: Seat(question, number) for number, live in enumerate(added)}

    def _tell(self, ended: Sequence[LiveRow]) -> None:
        for live in ended:
            tell(self._end(live), live)
        for live, seat in self._rows.items():
            if seat.question.streams and live.certain > seat.told:
                tell(seat, live)

    def _end(self, live: LiveRow) -> Seat:
        seat = self._rows.pop(live)
        seat.question.left -= 1
        return seat

    def _fail(self, error: Exception) -> None:
        """End all questions with an error, and begin with an empty batch."""
        for question in dict.fromkeys(seat.question for seat in self._rows.values()):
            question.fail(error)
        self._rows.clear()
        self._batch.close()
        if not self._stopping:
            self._batch = self._open()


def tell(seat: Seat, live: LiveRow) -> None:
    """Tell what is new about a row: not all of it, since a reader may be slow."""
    program = live.row.program
    assert isinstance(program, Program)
    new = live.since(seat.told)
    seat.told += len(new)
    seat.question.tell(Progress(seat.number, program, new, live.result))
