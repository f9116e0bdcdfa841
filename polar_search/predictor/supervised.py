"""The supervised loss: how unlikely the labelled programs are (paper, section 3.2).

``structure``: of the canonical structure, binary cross-entropy of the boundaries and cross-entropy
of the operations where segments start. ``path``: of the path, in whatever structure.

Two more losses look at all that the run tried on an example; what it did not try counts as failed,
or decoding would find it. ``contrast``: how unlikely it is that any valid program is drawn.
``verdict``: the expected verdict among what was tried, executed layers priced, which is the
objective of REINFORCE on these programs without sampling; and how unlikely they are all together.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils.rnn import pad_sequence

from polar_search.predictor.distribution import NEVER, PathDistribution
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


def contrast_loss(distribution: PathDistribution, labels: Sequence[Label]) -> Tensor:
    """The mean over examples of minus the log-probability that a known valid program is drawn."""
    log_probs, valid, _ = _tried(distribution, labels)
    return -log_probs.masked_fill(~valid, NEVER).logsumexp(1).mean()


def verdict_loss(
    distribution: PathDistribution, labels: Sequence[Label], depth_price: float
) -> Tensor:
    """Minus the mean reward among what was tried, D layers at `depth_price`, and its log-mass."""
    log_probs, valid, depth = _tried(distribution, labels)
    rewards = valid.double() - depth_price * depth / distribution.num_layers
    mean = (log_probs.softmax(1) * rewards).sum(1)
    return -(mean + log_probs.logsumexp(1)).mean()


def _tried(
    distribution: PathDistribution, labels: Sequence[Label]
) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probabilities of what was tried, validity, and depth: `[B, programs]`, padded."""
    tried = [[*label.programs, *label.invalid] for label in labels]
    rows = [row for row, programs in enumerate(tried) for _ in programs]
    log_probs = distribution.log_prob([program for row in tried for program in row], rows)
    padded = pad_sequence(
        list(torch.split(log_probs, [len(row) for row in tried])),
        batch_first=True,
        padding_value=NEVER,
    )
    places = torch.arange(padded.shape[1])
    counts = torch.tensor([[len(label.programs)] for label in labels])
    depth = pad_sequence(
        [torch.tensor([program.depth for program in row]) for row in tried], batch_first=True
    )
    return padded, (places < counts).to(padded.device), depth.to(padded.device)
