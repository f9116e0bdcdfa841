"""Which example is where: waiting, leased to a worker, done, or set aside. Pure bookkeeping.

An example whose workers die is suspected of killing them. It is handed out again, and after two
deaths it is searched alone: so the third death convicts one example, and not its neighbours.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

KILLS = 3
"""Workers that an example may take down before it is set aside."""


class Leases:
    """Hands examples out to workers and takes them back.

    Attributes:
        set_aside: Examples that took down `KILLS` workers.
    """

    def __init__(self, examples: Iterable[str]) -> None:
        self._waiting, self._suspects = deque(examples), deque[str]()
        self._held: dict[str, dict[str, None]] = {}
        self._kills, self._taken_back = Counter[str](), set[str]()
        self.set_aside: list[str] = []

    @property
    def waiting(self) -> int:
        """Examples that no worker has."""
        return len(self._waiting) + len(self._suspects)

    @property
    def unfinished(self) -> int:
        """Examples that are waiting or leased."""
        return self.waiting + sum(map(len, self._held.values()))

    def held(self, worker: str) -> int:
        """Examples that a worker has."""
        return len(self._held.get(worker, ()))

    def take(self, worker: str, most: int) -> list[str]:
        """Lease up to `most` waiting examples to `worker`; a suspect only without company."""
        held = self._held.setdefault(worker, {})
        if any(self._suspected(example) for example in held):
            return []
        if self._suspects and not held:
            taken = [self._suspects.popleft()]
        else:
            taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        held.update(dict.fromkeys(taken))
        return taken

    def _suspected(self, example: str) -> bool:
        return self._kills[example] >= KILLS - 1

    def taken_before(self, examples: Iterable[str]) -> bool:
        """Whether one of them was with a worker that is lost, which may have stored outcomes."""
        return not self._taken_back.isdisjoint(examples)

    def done(self, worker: str, examples: Iterable[str]) -> None:
        """`worker` has come to the end of `examples`, and stored all there is of them."""
        for example in examples:
            self._held[worker].pop(example, None)

    def lost(self, worker: str, *, blame: bool) -> list[str]:
        """Take back what `worker` had; gives the examples that are set aside for it.

        Args:
            worker: Who is gone.
            blame: Whether an example may be the reason: not if the whole node went away.
        """
        convicted, again = [], []
        for example in self._held.pop(worker, ()):
            self._taken_back.add(example)
            self._kills[example] += blame
            if self._kills[example] >= KILLS:
                convicted.append(example)
            elif self._suspected(example):
                self._suspects.append(example)
            else:
                again.append(example)
        self._waiting.extendleft(reversed(again))
        self.set_aside += convicted
        return convicted
