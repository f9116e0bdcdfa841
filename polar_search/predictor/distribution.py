"""The distribution over layer paths behind a predictor's logits, exact in everything.

A program is written from left to right. Before layer 0 a segment starts; before every other layer
one starts with the boundary's probability, and surely where the segment before it has K layers (a
forced cut). Each segment draws its operation where it starts. Many such structures are one path:
the identity of 28 layers has 54 million. But a path is read in one way as **runs** (joined kept
layers, joined skipped ones, single repeated segments; see `polar_search.program.parsing`), and the
structures of a run add up by a recursion. So the paths are the walks through a small graph of
positions and runs, and sums over all of them are sums over its edges. The empty path, which is
no program, is left out and the rest scaled up.

Axis letters: B examples, D layers, K layers of a segment at most, R executions at most.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, pad

from polar_search.errors import PredictorError
from polar_search.predictor.runs import RunIndex
from polar_search.program import Program

NEVER = -1e30
"""The log-probability of what cannot be: finite, so that gradients are numbers."""

REJECTIONS = 10_000
"""Draws in a row that may be empty before sampling gives up."""


@dataclass(frozen=True)
class Runs:
    """A value for each edge of the graph of runs.

    Attributes:
        keep: `[B, D+1, D+1]`, of keeping the layers from a to b.
        skip: `[B, D+1, D+1]`, of skipping them.
        repeat: `[B, D, K, R-1]`, of running the n+1 layers from a on r+2 times.
    """

    keep: Tensor
    skip: Tensor
    repeat: Tensor


class PathDistribution:
    """Probabilities of paths, for a batch of examples.

    Args:
        boundaries: `[B, D]` logits of a segment starting at each layer; those of layer 0 are not
            used.
        operations: `[B, D, R+1]` logits of skipping, keeping, repeating twice, ... R times the
            segment that starts at a layer: the index is the number of executions.
        max_segment: K.
    """

    def __init__(self, boundaries: Tensor, operations: Tensor, max_segment: int) -> None:
        self.boundaries = boundaries.double()
        self.operations = operations.double().log_softmax(-1)
        self.batch, self.num_layers = boundaries.shape
        self.max_segment = min(max_segment, self.num_layers)
        self.max_repeats = operations.shape[-1] - 1

    @cached_property
    def segments(self) -> Tensor:
        """`[B, D, K, R+1]` log-weights of a segment of n+1 layers from a on, executed r times.

        A segment's weight is that of its operation, of no boundary inside it, and of the boundary
        behind it, which is sure after K layers and at the end.
        """
        depth, start = self.num_layers, self.boundaries
        none = logsigmoid(-start)
        weights = []
        inside = torch.zeros_like(start)
        for length in range(1, self.max_segment + 1):
            if length > 1:
                inside = inside + _shifted(none, length - 1)
            behind = torch.zeros_like(start)
            if length < self.max_segment:
                behind = _shifted(logsigmoid(start), length)
            fits = torch.arange(depth, device=start.device) + length <= depth
            weights.append(torch.where(fits, inside + behind, NEVER))
        return torch.stack(weights, 2)[..., None] + self.operations[:, :, None]

    @cached_property
    def runs(self) -> Runs:
        """Log-weights of the runs, the structures of each added up."""
        keep, skip = self._joined(self.segments[..., 1]), self._joined(self.segments[..., 0])
        empty = torch.zeros_like(skip, dtype=torch.bool)
        empty[:, 0, self.num_layers] = True
        return Runs(keep, skip.masked_fill(empty, NEVER), self.segments[..., 2:])

    def _joined(self, weights: Tensor) -> Tensor:
        """`[B, D+1, D+1]`: the ways to cut the layers from a to b, from weights `[B, D, K]`."""
        depth, device = self.num_layers, weights.device
        here = torch.eye(depth + 1, dtype=torch.bool, device=device)
        ends = torch.where(here, 0.0, NEVER).to(weights.dtype)
        rows = [ends[depth].expand(self.batch, -1)]  # of the layers depth, depth - 1, ...
        for start in range(depth - 1, -1, -1):
            longest = min(self.max_segment, depth - start)
            after = torch.stack(rows[-longest:][::-1], 1)  # [B, longest, D+1]
            onward = torch.logsumexp(weights[:, start, :longest, None] + after, 1)
            rows.append(torch.where(here[start], ends[start], onward.clamp(min=NEVER)))
        return torch.stack(rows[::-1], 1).masked_fill(here, NEVER)  # no layers are no run

    def mean(self, values: Runs) -> tuple[Tensor, Tensor]:
        """The log of the total mass, and the mean over paths of the sum of their runs' `values`.

        A forward pass over positions; at each of them the paths so far are told apart by the kind
        of their last run, since two kept (or two skipped) runs in a row would be one. Both
        `[B]`, with gradients.
        """
        weights, depth = self.runs, self.num_layers
        start = self.boundaries.new_zeros(self.batch)
        never = torch.full_like(start, NEVER)
        kept, skipped, repeated = [never], [never], [start]
        means = [[torch.zeros_like(start)] for _ in range(3)]
        for end in range(1, depth + 1):
            after_kept = _merge(kept, means[0]), _merge(repeated, means[2])
            after_skipped = _merge(skipped, means[1]), after_kept[1]
            any_kind = after_kept[0], after_skipped[0], after_kept[1]
            segment = [(a, end - a - 1) for a in range(max(0, end - self.max_segment), end)]
            onto_keep = _reach(after_skipped, weights.keep[:, :end, end], values.keep[:, :end, end])
            onto_skip = _reach(after_kept, weights.skip[:, :end, end], values.skip[:, :end, end])
            onto_repeat = _repeats(any_kind, weights.repeat, values.repeat, segment)
            for store, mean, (mass, value) in zip(
                (kept, skipped, repeated), means, (onto_keep, onto_skip, onto_repeat), strict=True
            ):
                store.append(mass)
                mean.append(value)
        last = [(torch.stack((kept[-1], skipped[-1], repeated[-1]), -1))]
        return _mixed(last[0], torch.stack([mean[-1] for mean in means], -1))

    @cached_property
    def log_total(self) -> Tensor:
        """`[B]`: the log-probability that a structure drawn freely is not empty."""
        zero = Runs(*(torch.zeros_like(table) for table in vars(self.runs).values()))
        return self.mean(zero)[0]

    def log_prob(self, programs: Sequence[Program], rows: Sequence[int] | Tensor) -> Tensor:
        """`[N]` log-probabilities of programs, each under the distribution of its row.

        Raises:
            PredictorError: A program that no structure writes: other layers, segments that are
                repeated longer or oftener than K and R.
        """
        rows = torch.as_tensor(rows, device=self.boundaries.device)
        index = RunIndex.of(programs, self.num_layers, self.max_segment, self.max_repeats)
        return self.log_prob_of_runs(index, rows)

    def log_prob_of_runs(self, index: RunIndex, rows: Tensor) -> Tensor:
        """As `log_prob`, of programs that were read before."""
        index = index.to(rows.device)
        runs, total = self.runs, self.log_total[rows]
        row = rows[index.program]
        tables = (runs.skip, runs.keep)
        parts = torch.zeros_like(row, dtype=total.dtype)
        for executions, table in enumerate(tables):
            mine = index.executions == executions
            parts = parts.masked_scatter(mine, table[row, index.start, index.stop][mine])
        mine = index.executions > 1
        length = (index.stop - index.start - 1)[mine]
        repeated = runs.repeat[row[mine], index.start[mine], length, index.executions[mine] - 2]
        parts = parts.masked_scatter(mine, repeated)
        return torch.zeros_like(total).index_add(0, index.program, parts) - total

    def entropy(self) -> Tensor:
        """`[B]`: of the path, in nats; structures of one path are one."""
        total, mean = self.mean(self.runs)
        return total - mean

    def kl(self, other: PathDistribution) -> Tensor:
        """`[B]`: the divergence from `other`, in nats."""
        mine, theirs = self.runs, other.runs
        ratio = Runs(mine.keep - theirs.keep, mine.skip - theirs.skip, mine.repeat - theirs.repeat)
        total, mean = self.mean(ratio)
        return mean - total + other.log_total

    def depth(self) -> Tensor:
        """`[B]`: executed layers in the mean."""
        like = self.runs
        positions = torch.arange(self.num_layers + 1, device=like.keep.device, dtype=torch.double)
        keep = (positions - positions[:, None]).clamp(min=0).expand_as(like.keep)
        lengths = torch.arange(1, self.max_segment + 1, device=like.keep.device)
        times = torch.arange(2, self.max_repeats + 1, device=like.keep.device)
        repeat = (lengths[:, None] * times).double().expand_as(like.repeat)
        return self.mean(Runs(keep, torch.zeros_like(like.skip), repeat))[1]

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> list[list[Program]]:
        """`count` programs an example, drawn independently; the empty path is drawn again.

        Raises:
            PredictorError: All but everything is skipped.
        """
        starts = torch.sigmoid(self.boundaries).cpu().repeat_interleave(count, 0)
        operations = self.operations.exp().cpu().repeat_interleave(count, 0)
        programs: list[Program | None] = [None] * len(starts)
        waiting = torch.arange(len(starts))
        for _ in range(REJECTIONS):
            executions = self._draw(starts[waiting], operations[waiting], generator)
            for row, path in zip(waiting.tolist(), _paths(*executions), strict=True):
                if path:
                    programs[row] = Program.unchecked(path, self.num_layers, self.max_segment)
            waiting = torch.tensor([row for row in waiting.tolist() if programs[row] is None])
            if not len(waiting):
                drawn = [program for program in programs if program is not None]
                return [drawn[i : i + count] for i in range(0, len(drawn), count)]
        raise PredictorError(
            "expected a predictor that executes a layer now and then, received one that skips all; "
            "train again with a lower learning rate or depth price"
        )

    def _draw(
        self, starts: Tensor, operations: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Where segments start, and how often they run: both `[N, D]`."""
        chance = torch.rand(starts.shape, generator=generator, dtype=starts.dtype)
        drawn = torch.multinomial(operations.flatten(0, 1), 1, generator=generator)
        began = torch.zeros_like(starts, dtype=torch.bool)
        length = torch.full((len(starts),), self.max_segment)
        for layer in range(self.num_layers):
            begin = (length == self.max_segment) | (chance[:, layer] < starts[:, layer])
            began[:, layer] = begin
            length = torch.where(begin, 1, length + 1)
        return began, drawn.reshape(starts.shape)


def _shifted(values: Tensor, by: int) -> Tensor:
    """Values `[B, D]` of the layer `by` places on; 0 behind the end."""
    return pad(values[:, by:], (0, by))


def _mixed(masses: Tensor, means: Tensor) -> tuple[Tensor, Tensor]:
    """Join alternatives along the last axis: log-masses add up, means are weighted by them."""
    return torch.logsumexp(masses, -1), (masses.softmax(-1) * means).sum(-1)


Front = tuple[Tensor, Tensor]
"""Log-masses and means `[B, positions]` of the paths that reach the positions so far."""


def _merge(masses: list[Tensor], means: list[Tensor]) -> Front:
    return torch.stack(masses, 1), torch.stack(means, 1)


def _reach(fronts: Sequence[Front], weights: Tensor, values: Tensor) -> Front:
    """Paths that go on with one run, of weights and values `[B, positions]`, to one end."""
    masses = torch.cat([mass + weights for mass, _ in fronts], -1)
    return _mixed(masses, torch.cat([mean + values for _, mean in fronts], -1))


def _repeats(
    fronts: Sequence[Front], weights: Tensor, values: Tensor, segments: list[tuple[int, int]]
) -> Front:
    """Paths that go on with one repeated segment (first layer, length - 1) to one end."""
    if not weights.shape[-1]:
        none = fronts[0][0][:, 0]
        return torch.full_like(none, NEVER), torch.zeros_like(none)
    masses = [mass[:, a, None] + weights[:, a, n] for mass, _ in fronts for a, n in segments]
    means = [mean[:, a, None] + values[:, a, n] for _, mean in fronts for a, n in segments]
    return _mixed(torch.cat(masses, -1), torch.cat(means, -1))


def _paths(began: Tensor, operations: Tensor) -> list[tuple[int, ...]]:
    """The paths of structures `[N, D]`."""
    paths = []
    for starts, executions in zip(began.tolist(), operations.tolist(), strict=True):
        edges = [layer for layer, start in enumerate(starts) if start] + [len(starts)]
        path: tuple[int, ...] = ()
        for first, stop in itertools.pairwise(edges):
            path += tuple(range(first, stop)) * executions[first]
        paths.append(path)
    return paths
