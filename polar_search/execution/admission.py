"""Which waiting rows enter the next round: as many as memory has room for, prompt by prompt."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from polar_search.execution.forest import Forest, Trie, plant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from polar_search.execution.decoding import RowState


@dataclass
class Job:
    """One row on its way.

    Attributes:
        ids: Prompt.
        path: Layers.
        state: Tokens so far.
        draft: Tokens that may follow the prompt.
        tested: How many of them the coming round reads with the prompt.
    """

    ids: tuple[int, ...]
    path: tuple[int, ...]
    state: RowState
    draft: tuple[int, ...] = ()
    tested: int = 0

    @property
    def length(self) -> int:
        """Tokens in the cache before the newest one is computed."""
        return len(self.ids) + len(self.state.tokens) - 1

    @property
    def longest(self) -> int:
        """Tokens in the cache in the end, at most."""
        return len(self.ids) + self.state.max_new_tokens - 1


@dataclass
class Room:
    """What a round may still take in.

    Attributes:
        pages: Pages for new nodes.
        tokens: Layer-tokens of prompts.
        nodes: Nodes.
    """

    pages: int
    tokens: int
    nodes: int

    def holds(self, other: Room) -> bool:
        """Whether ``other`` fits in."""
        return (
            other.pages <= self.pages and other.tokens <= self.tokens and other.nodes <= self.nodes
        )

    def take(self, other: Room) -> None:
        """Use up what ``other`` needs."""
        self.pages -= other.pages
        self.tokens -= other.tokens
        self.nodes -= other.nodes


class Queue:
    """The rows that wait, in groups that share a prompt and a draft.

    Args:
        page_size: Tokens of a page.
        room: Tokens behind its prompt for which a node receives pages at once.
        share: Whether the rows of a group share the beginnings of their paths.
    """

    def __init__(self, page_size: int, room: int, *, share: bool) -> None:
        self._page_size = page_size
        self._room = room
        self._share = share
        self._tries: dict[tuple[tuple[int, ...], ...], Trie] = {}
        self._groups: deque[list[Job]] = deque()

    def __bool__(self) -> bool:
        return bool(self._groups)

    def put(self, jobs: Iterable[Job]) -> None:
        """Let rows wait behind the others, short prompts first and like paths together."""
        self._groups.extend(grouped(jobs))

    def put_back(self, jobs: Iterable[Job]) -> None:
        """Let rows wait in front of the others."""
        self._groups.extendleft(reversed(grouped(jobs)))

    def remove(self, job: Job) -> None:
        """Forget a row, if it is here."""
        groups = ([other for other in group if other is not job] for group in self._groups)
        self._groups = deque(group for group in groups if group)

    def admit(
        self, room: Room, columns: int, *, idle: bool, drafts: bool
    ) -> tuple[Forest, np.ndarray, list[Job]]:
        """The nodes of the next rows, their leaves and the rows.

        Groups that need more than the room are halved. An idle engine takes one row at least.

        Args:
            room: What may be taken in.
            columns: Of the page table.
            idle: Whether no row is running.
            drafts: Whether drafts are read with prompts.
        """
        tries: list[Trie] = []
        fresh: list[Job] = []
        counts: list[int] = []
        whole = room.pages
        while self._groups:
            group = self._groups[0]
            tested = len(group[0].draft) if drafts else 0
            count = len(group[0].ids) + tested
            trie = self._trie(group)
            need = self._need(trie, count)
            if not room.holds(need):
                alone = idle and not fresh
                if len(group) > 1 and (alone or 2 * need.pages > whole):
                    half = len(group) // 2
                    self._groups[0] = group[half:]
                    self._groups.appendleft(group[:half])
                    continue
                if not alone:
                    break
            room.take(need)
            tries.append(trie)
            counts.append(count)
            for job in group:
                job.tested = tested
            fresh += self._groups.popleft()
        forest, leaves = Forest.of(tries, counts, columns)
        return forest, leaves, fresh

    def _trie(self, group: list[Job]) -> Trie:
        """The nodes of a group; groups often run the same programs."""
        paths = tuple(job.path for job in group)
        if paths not in self._tries:
            if len(self._tries) >= TRIES:
                self._tries.clear()
            self._tries[paths] = plant(paths, share=self._share)
        return self._tries[paths]

    def _need(self, trie: Trie, count: int) -> Room:
        pages = -(-(count + self._room) // self._page_size)
        nodes = len(trie.parent)
        return Room(nodes * pages, nodes * count, nodes)


def grouped(jobs: Iterable[Job]) -> list[list[Job]]:
    """Rows by prompt and draft, short prompts first, and like paths together."""
    ordered = sorted(jobs, key=lambda job: (len(job.ids), job.ids, job.draft, job.path))
    return [list(group) for _, group in groupby(ordered, key=lambda job: (job.ids, job.draft))]


TRIES = 64
"""Sets of programs whose nodes are remembered."""
