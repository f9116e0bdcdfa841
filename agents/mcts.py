"""Monte Carlo tree search over edits of the standard pass.

The search of Li, Li and Zhou, "Skip a Layer or Loop It? Learning Program-of-Layers in LLMs" (arXiv
2606.06574, section 2 and appendix B), with the settings of its preliminary study CoLa (arXiv
2507.07996) and a preset after DR.LLM (arXiv 2510.12773). Virtual loss: Chaslot, Winands and van den
Herik, "Parallel Monte-Carlo Tree Search" (2008). Progressive widening: Coulom, "Computing Elo
Ratings of Move Patterns in the Game of Go" (2007).

Each node is a complete program; the root is the standard pass, and an action edits the program of
its node. An edit may fall on any layers: if it had to lie to the right of the last one, second
edits would crowd into the last layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, inf, log, sqrt
from random import Random
from typing import Literal, NamedTuple

from polar_search.errors import ConfigError
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent, Proposal
from polar_search.search.outcome import Outcome

from .moves import Moves
from .random import RandomAgent


class Limits(NamedTuple):
    """Where a search ends, and how far one edit goes.

    Attributes:
        simulations: Programs asked.
        valid: Valid programs told, the standard pass not counted.
        skip: Layers that one edit takes from a path.
        repeat: Layers that one edit adds to a path.
    """

    simulations: float = inf
    valid: float = inf
    skip: float = inf
    repeat: float = inf


PRESETS = {None: Limits(), "drllm": Limits(simulations=50, valid=1, skip=2, repeat=1)}


class Node:
    """A program in the tree; one that several edits lead to is one node with several parents.

    Attributes:
        program: What it stands for.
        level: Edits from the root when it was first reached; children are of higher levels.
        children: The nodes that edits of it led to.
        visits: Simulations that went through it, v; those not told yet included.
        value: The sum of their rewards, R.
        closed: Whether nothing new is left below it.
    """

    __slots__ = ("_moves", "children", "closed", "level", "program", "value", "visits")

    def __init__(self, program: Program, level: int) -> None:
        self.program, self.level = program, level
        self.children: list[Node] = []
        self.visits, self.value, self.closed = 0, 0, False
        self._moves: Moves | None = None

    def moves(self, space: ProgramSpace) -> Moves:
        """The edits not tried yet, listed only when needed: most nodes never have children."""
        if self._moves is None:
            self._moves = Moves(space, self.program)
        return self._moves


class MctsAgent(Agent):
    """Monte Carlo tree search: edits of the standard pass, guided by UCB with a length penalty.

    Args:
        space: What may be asked; its `max_depth` is the cap on the path (with two executions of a
            segment at most, no path exceeds the 2D of DR.LLM).
        seed: Of everything random.
        exploration: The c of UCB.
        length_penalty: The lambda of UCB (CoLa: 3 to 5). It favours shallow programs before they
            have proven anything; where answers need repeated layers, 0 finds more of them.
        epsilon: Probability, at every node passed, of trying a new random edit of it instead.
        widening: A node of v visits is to have ``ceil(widening * sqrt(v))`` children before
            selection goes on to one of them.
        parent_visits: Whether the V of UCB is the visits of the parent, as in other tree searches;
            in the paper it is all simulations.
        preset: "drllm" gives the options below the values of DR.LLM, where they are not given.
        simulations: Programs asked at most.
        stop_after_valid: Valid programs, the standard pass not counted, that are enough.
        max_skip: Layers that one edit takes from a path at most.
        max_repeat: Layers that one edit adds to a path at most.

    Raises:
        ConfigError: The preset does not exist, or `widening` is not positive.
    """

    def __init__(
        self,
        space: ProgramSpace,
        seed: int,
        exploration: float = 1.8,
        length_penalty: float = 3.0,
        epsilon: float = 0.1,
        widening: float = 4.0,
        parent_visits: bool = False,
        preset: Literal["drllm"] | None = None,
        simulations: int | None = None,
        stop_after_valid: int | None = None,
        max_skip: int | None = None,
        max_repeat: int | None = None,
    ) -> None:
        super().__init__(space, seed)
        if preset not in PRESETS:
            raise ConfigError(f"expected the preset drllm or none, received {preset!r}; choose one")
        if widening <= 0:
            raise ConfigError(f"expected widening above 0, received {widening}; raise it")
        self._exploration, self._length_penalty = exploration, length_penalty
        self._epsilon, self._widening, self._parent_visits = epsilon, widening, parent_visits
        given = (simulations, stop_after_valid, max_skip, max_repeat)
        pairs = zip(given, PRESETS[preset], strict=True)
        self._limits = Limits(*(default if own is None else own for own, default in pairs))

        self._rng = Random(seed)
        self._elsewhere = RandomAgent(space, seed)
        identity = Program.identity(space.num_layers)
        self._root = Node(identity, level=0)
        self._root.visits = 1  # the driver evaluates it before it asks
        self.nodes = {identity: self._root}
        """All programs explored, valid or not."""
        self._waiting = {identity: [self._root]}
        self._left = min(space.size() - (identity in space), self._limits.simulations)
        self._valid = 0

    def ask(self, n: int) -> list[Proposal]:
        """Begins up to `n` simulations; their rewards come with `tell`."""
        proposals: list[Proposal] = []
        while self._valid < self._limits.valid and len(proposals) < min(n, self._left):
            path = self._simulate()
            if path is None:
                break
            self._begin(path)
            proposals.append(Proposal(path[-1].program, parent=path[-2].program))
        self._left -= len(proposals)
        return proposals

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Ends the simulations that `ask` began, with reward 1 for a valid program, else 0."""
        for outcome in outcomes:
            path = self._waiting.pop(outcome.program)
            self._backward(path, int(outcome.correct))
            self._valid += outcome.correct and len(path) > 1

    def _simulate(self) -> list[Node] | None:
        """The nodes from the root to a new one, or None when there is nothing new."""
        while not self._root.closed:
            path = self._select()
            child = self._expand(path[-1])
            if child is not None:
                return [*path, child]
            path[-1].closed = all(child.closed for child in path[-1].children)
        return self._restart()

    def _select(self) -> list[Node]:
        """Goes down from the root by UCB, to a node that is to have another child."""
        path = [self._root]
        while not self._widens(path[-1]):
            child = self._best_child(path[-1])
            if child is None:
                break
            path.append(child)
        return path

    def _widens(self, node: Node) -> bool:
        """Whether `node` is to have another child: it has few for its visits, or by chance."""
        if not node.moves(self.space):
            return False
        few = ceil(self._widening * sqrt(node.visits))
        return len(node.children) < few or self._rng.random() < self._epsilon

    def _best_child(self, node: Node) -> Node | None:
        """The child of highest UCB among those that still lead somewhere."""
        total = node.visits if self._parent_visits else self._root.visits
        still_open = (child for child in node.children if not child.closed)
        return max(still_open, key=lambda child: self.ucb(child, total), default=None)

    def ucb(self, node: Node, total: int) -> float:
        """``R / v + c * sqrt(ln V / v) - lambda * |path| / D`` (paper, appendix B), V = `total`."""
        mean = node.value / node.visits
        explore = self._exploration * sqrt(log(total) / node.visits)
        return mean + explore - self._length_penalty * node.program.depth / self.space.num_layers

    def _expand(self, node: Node) -> Node | None:
        """A new child of `node`, or None when no edit of it leads to a new program.

        Edits that lead to known programs join those as children, where that closes no circle.
        """
        while (program := self._draw(node)) is not None:
            known = self.nodes.get(program)
            if known is None:
                return self._add_child(node, program)
            if known.level > node.level:
                node.children.append(known)
        return None

    def _draw(self, node: Node) -> Program | None:
        """A random edit of `node` within the limits that was not tried before."""
        while (program := node.moves(self.space).draw(self._rng)) is not None:
            more = program.depth - node.program.depth
            if -self._limits.skip <= more <= self._limits.repeat:
                return program
        return None

    def _add_child(self, node: Node, program: Program) -> Node:
        child = self.nodes[program] = Node(program, node.level + 1)
        node.children.append(child)
        return child

    def _restart(self) -> list[Node] | None:
        """Lets a random program join the root's children, now that the tree is used up.

        Edits do not reach all of a space whose `max_depth` is far below the standard pass.
        """
        while drawn := self._elsewhere.ask(1):
            if drawn[0] not in self.nodes:
                self._root.closed = False
                return [self._root, self._add_child(self._root, drawn[0])]
        return None

    def _begin(self, path: list[Node]) -> None:
        """Counts a visit of every node on `path` before the reward is known: the virtual loss.

        Until then the simulation looks like a failure, which leads the next ones elsewhere.
        """
        for node in path:
            node.visits += 1
        self._waiting[path[-1].program] = path

    def _backward(self, path: list[Node], reward: int) -> None:
        """Adds the reward of a simulation to every node on its path."""
        for node in path:
            node.value += reward
