"""A batch that stays open: rows join while others are generated, and leave when they finish."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from polar_search.execution.admission import Job
    from polar_search.execution.rows import Generation, Row, Stop
    from polar_search.execution.runner import Runner


@dataclass(eq=False)
class LiveRow:
    """A row of a live batch.

    Attributes:
        row: As it was added.
        stop: What ends it beside the end of text.
        job: Its prompt as ids, its path and its tokens so far.
        certain: How many of its tokens no later step can change.
        result: What it generated, once it is finished.
    """

    row: Row
    stop: Sequence[Stop]
    job: Job
    certain: int = 0
    result: Generation | None = None

    @property
    def token_ids(self) -> tuple[int, ...]:
        """The new tokens that are certain.

        In float32 a row stays where a decision is nearly a tie: the reference decides it when the
        row is finished. A row that lost its memory to others says what it said before.
        """
        return self.since(0)

    def since(self, count: int) -> tuple[int, ...]:
        """Those behind the first ``count`` of them."""
        if self.result is not None:
            return self.result.token_ids[count:]
        return tuple(self.job.state.tokens[count : self.certain])


class LiveBatch:
    """What `ProgramEngine.open` makes; not thread-safe.

    While it has rows, the engine runs nothing else.

    Args:
        runner: Runs the rows.
        make_jobs: Checks rows, and makes their jobs.
        attention: The engine's attention, for a while.
        settle: The result of a finished row.
        near_tie: Margin below which a decision is not certain before it is settled.
    """

    def __init__(
        self,
        runner: Runner,
        make_jobs: Callable[[Sequence[Row], int, Sequence[Stop]], list[Job]],
        attention: Callable[[], AbstractContextManager[None]],
        settle: Callable[[LiveRow], Generation],
        near_tie: float,
    ) -> None:
        self._runner, self._make_jobs = runner, make_jobs
        self._attention, self._settle, self._near_tie = attention, settle, near_tie
        self._rows: dict[int, LiveRow] = {}

    def __len__(self) -> int:
        """Rows that are not finished."""
        return len(self._rows)

    @property
    def running(self) -> int:
        """Rows that have been admitted; the others wait for memory."""
        return len(self._runner.running)

    def add(
        self, rows: Sequence[Row], max_new_tokens: int, stop: Sequence[Stop] = ()
    ) -> list[LiveRow]:
        """Let rows join with the next step that has room for them; what they share is run once.

        Raises:
            ConfigError: A prompt is empty, too long for the batch or the model, or a text without a
                tokenizer; or kv_memory is too small for a row. None of the rows joins.
            ProgramError: A program belongs to another model.
        """
        jobs = self._make_jobs(rows, max_new_tokens, stop)
        self._runner.add(jobs)
        added = [LiveRow(row, stop, job) for row, job in zip(rows, jobs, strict=True)]
        self._rows |= {id(live.job): live for live in added}
        return added

    def remove(self, live: LiveRow) -> None:
        """Let a row leave before it is finished; nothing happens if it is."""
        if self._rows.pop(id(live.job), None):
            self._runner.remove(live.job)

    def close(self) -> None:
        """Forget all rows; the batch is of no use afterwards, and the engine free for another."""
        self._rows.clear()

    @torch.no_grad()
    def step(self) -> list[LiveRow]:
        """One more token for the rows that have been admitted; those that finished come back."""
        if not self._rows:
            return []
        with self._attention():
            self._runner.round()
        for live in self._rows.values():
            state = live.job.state
            if state.narrowest >= self._near_tie:
                live.certain = max(live.certain, len(state.tokens))
        ended = [live for live in self._rows.values() if live.job.state.finished]
        for live in ended:
            del self._rows[id(live.job)]
            live.result = self._settle(live)
        return ended
