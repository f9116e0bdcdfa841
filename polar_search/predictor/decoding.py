"""The k likeliest paths: exactly, or as the paper decodes.

Exact: the graph of runs (`polar_search.predictor.distribution`) has each path once, so the k best
walks through it are the k likeliest programs, however many structures write each of them. The
paper (section 3.2) cuts where a boundary is likelier than not, at the latest after K layers, and
searches the operations of those segments alone with a beam.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from polar_search.predictor.distribution import NEVER, PathDistribution
from polar_search.program import Program, ProgramSpace

BEAM = 5
"""Width of the paper's beam."""

MOST = 4096
"""Paths looked at in all for those of a space."""

KEEP, SKIP, REPEAT = range(3)
MAY_FOLLOW = {KEEP: (SKIP, REPEAT), SKIP: (KEEP, REPEAT), REPEAT: (KEEP, SKIP, REPEAT)}
"""Kinds of the run before a run: what would join into one run is left out."""


class Ranked(NamedTuple):
    """A program and its log-probability, or what stands for it in the paper's decoding."""

    program: Program
    log_prob: float


@torch.no_grad()
def top_paths(
    distribution: PathDistribution, k: int, space: ProgramSpace | None = None
) -> list[list[Ranked]]:
    """The k likeliest programs of each example, best first; fewer where there are no more.

    Args:
        distribution: Of a batch of examples.
        k: Programs wanted.
        space: Programs outside it are passed over, `MOST` of them at most.
    """
    wanted = k
    while True:
        found = _best_walks(distribution, wanted)
        if space is None:
            return found
        inside = [[ranked for ranked in row if ranked.program in space][:k] for row in found]
        exhausted = all(len(row) < wanted for row in found)
        if exhausted or wanted >= MOST or all(len(row) == k for row in inside):
            return inside
        wanted = min(4 * wanted, MOST)


class _Step(NamedTuple):
    """How the best walks to one position go: `[B, k]` scores and where each came from."""

    scores: Tensor
    origins: Tensor
    sources: list[tuple[int, int, int]]
    """Position, kind and executions of the origins, `k` of each in a row."""


def _best_walks(distribution: PathDistribution, k: int) -> list[list[Ranked]]:
    """K-best dynamic programming over positions and the kind of the last run."""
    runs, depth = distribution.runs, distribution.num_layers
    start = torch.full((distribution.batch, k), NEVER, dtype=torch.double, device=runs.keep.device)
    blocked = _Step(start, torch.zeros_like(start, dtype=torch.long), [])
    begin = start.clone()
    begin[:, 0] = 0.0
    # The start may be followed by anything, as a repeat may.
    steps = [{KEEP: blocked, SKIP: blocked, REPEAT: _Step(begin, blocked.origins, [])}]
    for end in range(1, depth + 1):
        here = {}
        for kind, table in ((KEEP, runs.keep), (SKIP, runs.skip)):
            edges = [
                (a, before, int(kind == KEEP)) for a in range(end) for before in MAY_FOLLOW[kind]
            ]
            weights = [table[:, a, end] for a, _, _ in edges]
            here[kind] = _choose(steps, edges, weights, k)
        edges, weights = [], []
        for a in range(max(0, end - distribution.max_segment), end):
            for executions in range(2, distribution.max_repeats + 1):
                edges += [(a, before, executions) for before in MAY_FOLLOW[REPEAT]]
                weights += [runs.repeat[:, a, end - a - 1, executions - 2]] * 3
        here[REPEAT] = _choose(steps, edges, weights, k) if edges else blocked
        steps.append(here)
    return _read(steps, distribution, k)


def _choose(
    steps: list[dict[int, _Step]],
    edges: list[tuple[int, int, int]],
    weights: list[Tensor],
    k: int,
) -> _Step:
    """The k best ways onto a position by `edges` (position, kind, executions)."""
    scores = [
        steps[a][kind].scores + w[:, None] for (a, kind, _), w in zip(edges, weights, strict=True)
    ]
    best = torch.cat(scores, 1).topk(k, 1)
    return _Step(best.values, best.indices, edges)


def _read(
    steps: list[dict[int, _Step]], distribution: PathDistribution, k: int
) -> list[list[Ranked]]:
    """Follow the best walks back from the end."""
    depth, last = distribution.num_layers, steps[-1]
    final = torch.cat([last[kind].scores for kind in (KEEP, SKIP, REPEAT)], 1).topk(k, 1)
    scores = (final.values - distribution.log_total[:, None]).tolist()
    origins = [{kind: step.origins.tolist() for kind, step in here.items()} for here in steps]
    rows = []
    for row, places in enumerate(final.indices.tolist()):
        ranked = []
        for score, place in zip(scores[row], places, strict=True):
            if score < NEVER / 2:
                break
            (kind, rank), position, path = divmod(place, k), depth, ()
            while position:
                edge, rank_before = divmod(origins[position][kind][row][rank], k)
                before, kind_before, executions = steps[position][kind].sources[edge]
                path = tuple(range(before, position)) * executions + path
                position, kind, rank = before, kind_before, rank_before
            program = Program.unchecked(path, depth, distribution.max_segment)
            ranked.append(Ranked(program, score))
        rows.append(ranked)
    return rows


@torch.no_grad()
def paper_beam(distribution: PathDistribution, k: int) -> list[list[Ranked]]:
    """The paper's decoding: up to k different programs, by the log-probability of operations."""
    rows = []
    starts = (distribution.boundaries > 0).tolist()
    for begins, operations in zip(starts, distribution.operations.tolist(), strict=True):
        beams: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
        for first, stop in _cuts(begins, distribution.max_segment):
            layers = tuple(range(first, stop))
            grown = [
                (score + log_prob, path + layers * executions)
                for score, path in beams
                for executions, log_prob in enumerate(operations[first])
            ]
            beams = sorted(grown, key=lambda beam: -beam[0])[: max(k, BEAM)]
        best: dict[tuple[int, ...], float] = {}
        for score, path in beams:
            if path:
                best.setdefault(path, score)
        depth, longest = distribution.num_layers, distribution.max_segment
        programs = [Ranked(Program.unchecked(p, depth, longest), s) for p, s in best.items()]
        rows.append(programs[:k])
    return rows


def _cuts(begins: list[bool], max_segment: int) -> list[tuple[int, int]]:
    """Segments from thresholded boundaries, cut at the latest after `max_segment` layers."""
    edges = [0]
    for layer in range(1, len(begins)):
        if begins[layer] or layer - edges[-1] == max_segment:
            edges.append(layer)
    return list(zip(edges, [*edges[1:], len(begins)], strict=True))
