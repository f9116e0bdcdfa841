"""Static baselines: layers left out by how little they change, or from the end.

Block influence: Men et al., "ShortGPT: Layers in Large Language Models are More Redundant Than You
Expect" (arXiv 2403.03853, section 3.2). Blocks by the similarity of what goes in and comes out:
Gromov et al., "The Unreasonable Ineffectiveness of the Deeper Layers" (arXiv 2403.17887, section
3.2). Prefix exit: Schuster et al., "Confident Adaptive Language Modeling" (arXiv 2207.07061), at
a fixed depth and without a trained exit.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from polar_search.errors import ConfigError
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent, Context

METHODS = ("influence", "block", "exit")


class ImportanceAgent(Agent):
    """What to leave out judged by hidden states: single layers, one block, or the last layers.

    For 1, 2, ... layers fewer, what each method leaves out. Programs outside the space are passed
    over: most need more edits than a search by example has (`--max-edits null`).

    Args:
        space: The programs that may be asked.
        seed: Without say.
        methods: Any of influence (the layers of least block influence), block (the contiguous block
            between the most similar hidden states) and exit (the last layers).

    Raises:
        ConfigError: There is no such method, or none.
    """

    scope = "dataset"
    wants_similarity = True

    def __init__(self, space: ProgramSpace, seed: int, methods: tuple[str, ...] = METHODS) -> None:
        super().__init__(space, seed)
        self._methods = tuple(methods)
        if not self._methods or not set(self._methods) <= set(METHODS):
            raise ConfigError(
                f"expected methods among {', '.join(METHODS)}, received {list(methods)}; name some"
            )

    def prepare(self, context: Context) -> None:
        """Judges the layers by the similarity of hidden states."""
        self._similarity = context.similarity or ()
        self._rest = self._programs()

    def ask(self, n: int) -> list[Program]:
        """The next `n` programs."""
        return list(islice(self._rest, n))

    def _programs(self) -> Iterator[Program]:
        depth, seen = self.space.num_layers, set[Program]()
        for fewer in range(1, depth):
            for method in self._methods:
                gone = self._left_out(method, fewer)
                path = tuple(layer for layer in range(depth) if layer not in gone)
                program = Program.unchecked(path, depth, self.space.max_segment)
                if program in self.space and program not in seen:
                    seen.add(program)
                    yield program

    def _left_out(self, method: str, count: int) -> set[int]:
        """The `count` layers that a method leaves out."""
        depth, similarity = self.space.num_layers, self._similarity
        if method == "influence":
            ranked = sorted(range(depth), key=lambda layer: -similarity[layer][layer + 1])
            return set(ranked[:count])
        first = depth - count
        if method == "block":
            starts = range(depth - count + 1)
            first = max(starts, key=lambda start: similarity[start][start + count])
        return set(range(first, first + count))
