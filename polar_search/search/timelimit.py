"""A time limit on code of somebody else, in this process.

An agent runs where its outcomes are, so no other process can be ended in its place. The limit is an
alarm of the operating system, which Python turns into an exception between two of its instructions:
a loop in Python is stopped, one long call into C is not, and only the main thread hears alarms.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise a TimeoutError in the block when it takes longer than `seconds`; None sets no limit.

    The alarm goes off again and again, lest a block that catches everything goes on for good. In
    another thread than the main one there is no limit. An alarm set before is set again.
    """
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield
        return

    over = False

    def expire(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if not over:
            raise TimeoutError(f"no answer within {seconds:g} seconds (--ask-seconds)")

    handler = signal.signal(signal.SIGALRM, expire)
    delay, interval = signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    started = time.monotonic()
    try:
        try:
            yield
        finally:
            over = True  # an alarm that comes while it is taken down must not stop that
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if delay:
            left = delay - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 1e-3), interval)
