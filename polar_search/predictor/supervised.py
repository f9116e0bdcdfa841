"""The supervised loss: how unlikely the labelled programs are (paper, section 3.2).

``structure``: of the canonical structure, binary cross-entropy of the boundaries and cross-entropy
of the operations where segments start. ``path``: of the path, in whatever structure.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from polar_search.predictor.distribution import PathDistribution
from polar_search.predictor.labels import Label


def structure_targets(labels: Sequence[Label], max_repeats: int) -> tuple[Tensor, Tensor]:
    """Weighted sums over each example's programs; losses are linear in them.

    Returns:
        `[B, D]` the weight of the programs with a segment that starts at a layer, and
        `[B, D, R+1]` of those that execute it so often.
    """
    depth = labels[0].programs[0].num_layers
    operations = torch.zeros(len(labels), depth, max_repeats + 1)
    for row, label in enumerate(labels):
        for program, weight in zip(label.programs, label.weights, strict=True):
            for segment in program.segments:
                operations[row, segment.start, segment.executions] += weight
    return operations.sum(-1), operations


def structure_loss(distribution: PathDistribution, starts: Tensor, operations: Tensor) -> Tensor:
    """The mean over examples of what `structure_targets` weigh; layer 0 always starts a segment."""
    logits, targets = distribution.boundaries[:, 1:], starts[:, 1:].to(distribution.boundaries)
    boundary = binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(1)
    operation = -(operations.to(distribution.operations) * distribution.operations).sum((1, 2))
    return (boundary + operation).mean()


def path_loss(distribution: PathDistribution, labels: Sequence[Label]) -> Tensor:
    """The mean over examples of the weighted negative log-likelihood of their programs."""
    programs = [program for label in labels for program in label.programs]
    rows = [row for row, label in enumerate(labels) for _ in label.programs]
    weights = torch.tensor([weight for label in labels for weight in label.weights])
    log_probs = distribution.log_prob(programs, rows)
    return -(weights.to(log_probs) * log_probs).sum() / len(labels)
