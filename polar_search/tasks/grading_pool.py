"""A pool of processes that compare mathematical answers, each within a limit of time and memory."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import LifoQueue

from polar_search.errors import TaskError

Pair = tuple[str, str]
"""The right answer, and the one to compare with it."""

SECONDS = 5.0
MEMORY = 400 * 2**20
REMEMBERED = 100_000
WORKER = Path(__file__).with_name("grading_worker.py")


class GradingPool:
    """Compares answers by math-verify; whatever an answer does, the caller goes on.

    Many programs give one answer, so each pair is compared once, and pairs that are equal as texts
    are not compared at all. A worker that goes over a limit is replaced, and the answer is wrong.

    Args:
        workers: Processes at most; they are started when needed. By default one a CPU, up to 8.
        seconds: Computing time of one comparison.
        memory: Address space of a worker, in bytes.

    Attributes:
        over_limit: Comparisons that went over a limit so far.
    """

    def __init__(
        self, workers: int | None = None, *, seconds: float = SECONDS, memory: int = MEMORY
    ) -> None:
        count = workers or min(8, os.cpu_count() or 1)
        self.over_limit = 0
        self._known: dict[Pair, bool] = {}
        self._threads = ThreadPoolExecutor(count, "grading")
        # Last in, first out: small batches start few processes.
        self._idle: LifoQueue[_Worker] = LifoQueue()
        for _ in range(count):
            self._idle.put(_Worker(seconds, memory))
        atexit.register(self.close)

    def equal(self, pairs: Sequence[Pair]) -> list[bool]:
        """For each pair (gold, answer), in their order, whether the answer is right.

        Raises:
            TaskError: A worker cannot be started.
        """
        if len(self._known) > REMEMBERED:
            self._known.clear()
        new = {pair for pair in pairs if not _same_text(pair)} - self._known.keys()
        ordered = sorted(new)
        verdicts = self._threads.map(self._compare, ordered)
        self._known.update(zip(ordered, verdicts, strict=True))
        return [_same_text(pair) or self._known[pair] for pair in pairs]

    def close(self) -> None:
        """End the processes; comparisons that are asked for afterwards start new ones."""
        for worker in list(self._idle.queue):
            worker.stop()

    def _compare(self, pair: Pair) -> bool:
        worker = self._idle.get()
        try:
            verdict = worker.compare(pair)
        finally:
            self._idle.put(worker)
        self.over_limit += verdict is None
        return bool(verdict)


class _Worker:
    """One process, started when it is needed and again when it has died."""

    def __init__(self, seconds: float, memory: int) -> None:
        self._limits = [str(seconds), str(memory)]
        self._process: subprocess.Popen[str] | None = None

    def compare(self, pair: Pair) -> bool | None:
        """The verdict; None if the comparison went over a limit."""
        for _ in range(2):
            line = self._reply(pair)
            if line:
                return bool(json.loads(line))
            # Nothing of ours sends SIGKILL: somebody else ended the process, so we ask another.
            if self.stop() != -signal.SIGKILL:
                break
        return None

    def _reply(self, pair: Pair) -> str:
        """What the process says; nothing if it dies."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(pair) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            return ""
        return process.stdout.readline()

    def _start(self) -> subprocess.Popen[str]:
        # A new interpreter, not a fork: it inherits neither threads nor a GPU, nor needs a
        # guarded `__main__`.
        process = subprocess.Popen(
            [sys.executable, "-P", str(WORKER), *self._limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        if not process.stdout.readline():
            said = process.stderr.read().strip().splitlines() or ["nothing"]
            process.wait()
            raise TaskError(
                f"expected a grading process to start, received exit code {process.returncode} "
                f"and '{said[-1]}'; check the installation of math-verify"
            )
        return process

    def stop(self) -> int | None:
        """End the process, and tell its exit code; a negative one is a signal's."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.communicate()
        return process.returncode


def _same_text(pair: Pair) -> bool:
    """Whether two answers differ in white space at most, which says nothing in mathematics."""
    gold, answer = ("".join(text.split()) for text in pair)
    return gold == answer
