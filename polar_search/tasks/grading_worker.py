r"""A process that compares answers by math-verify, within hard limits of time and memory.

It is started by path, `python grading_worker.py SECONDS BYTES`, and imports nothing of this
package. It says `ready`, then reads lines of JSON, `[gold, answer]`, and writes `true` or `false`
to each. Answers such as `10^10^10` use up all time and memory inside one call of sympy's, where no
Python code can interfere. So the limits are the operating system's, and going over one ends the
process: the timers have no handlers, and a refused allocation is not survived.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from functools import lru_cache
from typing import Any

OVER_MEMORY = 3
"""Exit code after an allocation was refused."""

PATIENCE = 12
"""Seconds on the clock for one second of computing, at most: a busy machine changes no verdict."""


def main(seconds: float, memory: int) -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one who started us
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import math_verify  # noqa: F401

    reply("ready")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # nobody reads it from here on
    for line in sys.stdin:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.setitimer(signal.ITIMER_REAL, PATIENCE * seconds)
        verdict = equal(*json.loads(line))
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        reply(verdict)


def equal(gold: str, answer: str) -> bool:
    """Whether math-verify takes `answer` for `gold`; what it cannot read is not equal."""
    from math_verify import verify

    try:
        return bool(verify(parsed(gold), parsed(answer), timeout_seconds=None))
    except MemoryError:
        sys.exit(OVER_MEMORY)
    except Exception:  # malformed answers make sympy and its parsers raise anything
        return False


@lru_cache(maxsize=256)
def parsed(answer: str) -> Any:  # noqa: ANN401
    """An answer as math-verify's expressions."""
    from math_verify import parse

    return parse(f"\\boxed{{{answer}}}", parsing_timeout=None, raise_on_error=True)


def reply(value: object) -> None:
    """One line of JSON."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
