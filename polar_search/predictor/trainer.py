"""The training loop: supervised, then REINFORCE; resumable and seeded.

After every epoch the predictor's first choices are executed on the validation split; the best epoch
is what is kept. The state is written each time, so that the same command goes on where it was, and
every epoch draws from a seed of its own, so that the result is the same.
"""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from polar_search.errors import PredictorError, one_line
from polar_search.predictor.config import TrainConfig
from polar_search.predictor.decoding import top_paths
from polar_search.predictor.encoder import padded
from polar_search.predictor.execution import Executes
from polar_search.predictor.labels import LabelSet
from polar_search.predictor.network import ProgramHead
from polar_search.predictor.reinforce import Prices, RunningAverage, leave_one_out, policy_loss
from polar_search.predictor.supervised import (
    contrast_loss,
    path_loss,
    structure_loss,
    structure_targets,
    verdict_loss,
)
from polar_search.program import Program, ProgramSpace
from polar_search.search.places import writing
from polar_search.tasks import Example

Stage = Literal["supervised", "reinforce"]
WATCHED = 5
"""Ranks whose programs are counted in the watch against collapse."""


@dataclass(frozen=True)
class Epoch:
    """What one epoch came to, on the validation split.

    Attributes:
        stage: Supervised or REINFORCE.
        epoch: Number within the stage, from 1; 0 is its start.
        loss: Mean training loss; None for the start.
        accuracy: Of the programs ranked first, executed.
        depth: Their executed layers in the mean.
        value: Accuracy minus the price of depth: what the best epoch is chosen by.
        identity: Share of examples whose first choice is the standard pass.
        distinct: Different programs among all first choices.
        distinct_top: Different programs among the first `WATCHED` choices.
        entropy: Of the path, in nats, in the mean.
    """

    stage: Stage
    epoch: int
    loss: float | None
    accuracy: float
    depth: float
    value: float
    identity: float
    distinct: int
    distinct_top: int
    entropy: float


@dataclass(frozen=True)
class Data:
    """Examples with their encodings, in the same order."""

    examples: Sequence[Example]
    encodings: Sequence[Tensor]


class Trainer:
    """The state of a training, and its steps.

    Args:
        config: All options.
        labels: Of the training examples.
        executor: Runs programs.
        train: The labelled examples first, in the order of the labels, then the others.
        val: The validation examples.
        head: Fresh.
        space: Where first choices are taken from.
    """

    def __init__(
        self,
        config: TrainConfig,
        labels: LabelSet,
        executor: Executes,
        train: Data,
        val: Data,
        head: ProgramHead,
        space: ProgramSpace,
    ) -> None:
        self.config, self.labels, self.executor = config, labels.labels, executor
        self.train, self.val, self.head, self.space = train, val, head, space
        self.device = head.queries.device
        self.history: list[Epoch] = []
        self.best = copy.deepcopy(head.state_dict())
        self.start = copy.deepcopy(head)
        self._targets = structure_targets(self.labels, head.shape.max_repeats)
        self._average = RunningAverage()
        self._optimizer = self._new_optimizer(config.lr)
        self._step = 0

    def run(self, state: Path, on_epoch: Callable[[Epoch], None] | None = None) -> None:
        """Train to the end, or go on from the file `state`; leaves the best epoch in the head."""
        for epoch in self.epochs(state):
            if on_epoch:
                on_epoch(epoch)
        self.head.load_state_dict(self.best)

    def epochs(self, state: Path) -> Iterator[Epoch]:
        """Train epoch by epoch, each of them saved to `state`; those there before are not given."""
        self._load(state)
        stages: list[tuple[Stage, int]] = [("supervised", self.config.epochs)]
        if self.config.reinforce_epochs:
            stages.append(("reinforce", self.config.reinforce_epochs))
        for stage, epochs in stages:
            done = [epoch for epoch in self.history if epoch.stage == stage]
            if not done:
                self._begin(stage)
                yield self._close(Epoch(stage, 0, None, *self._validate()), state)
            for number in range(max(1, len(done)), epochs + 1):
                if self._stale(stage):
                    break
                loss = self._epoch(stage, number)
                yield self._close(Epoch(stage, number, loss, *self._validate()), state)

    def _begin(self, stage: Stage) -> None:
        """A stage begins with the best so far, which REINFORCE measures divergence from."""
        self.head.load_state_dict(self.best)
        self.start = copy.deepcopy(self.head).requires_grad_(False).eval()
        supervised = stage == "supervised"
        self._optimizer = self._new_optimizer(
            self.config.lr if supervised else self.config.reinforce_lr
        )
        self._step = 0

    def _new_optimizer(self, lr: float) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.head.parameters(), lr=lr)

    def _stale(self, stage: Stage) -> bool:
        """Whether the last epochs of the stage brought nothing."""
        values = [epoch.value for epoch in self.history if epoch.stage == stage]
        return len(values) - 1 - values.index(max(values)) >= self.config.patience

    def _close(self, epoch: Epoch, state: Path) -> Epoch:
        self.history.append(epoch)
        if best_epoch(self.history) is epoch:
            self.best = copy.deepcopy(self.head.state_dict())
        self._save(state)
        return epoch

    def _epoch(self, stage: Stage, number: int) -> float:
        """One pass over the examples; the mean loss."""
        supervised = stage == "supervised"
        seed = hash_seed(self.config.seed, stage, number)
        generator = torch.Generator().manual_seed(seed)
        count = len(self.labels) if supervised else len(self.train.examples)
        order = torch.randperm(count, generator=generator)
        steps = math.ceil(count / self.config.batch)
        total = steps * (self.config.epochs if supervised else self.config.reinforce_epochs)
        losses = []
        self.head.train()
        for rows in torch.split(order, self.config.batch):
            scale = schedule(self._step, total, self.config.warmup)
            if supervised:
                loss = self._supervised_loss(rows)
            else:
                loss = self._reinforce_loss(rows, generator)
                scale = min(1.0, (self._step + 1) / max(1, self.config.warmup))
            self._descend(loss, scale)
            losses.append(loss.item())
        return sum(losses) / len(losses)

    def _descend(self, loss: Tensor, scale: float) -> None:
        if not loss.isfinite():
            raise PredictorError(
                f"expected a finite loss, received {loss.item()} at step {self._step}; lower --lr "
                "or --reinforce-lr"
            )
        group = self._optimizer.param_groups[0]
        base = group.setdefault("base_lr", group["lr"])
        group["lr"] = base * scale
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.head.parameters(), 1.0)
        self._optimizer.step()
        self._step += 1

    def _inputs(self, data: Data, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        return padded([data.encodings[row] for row in rows], self.device)

    def _supervised_loss(self, rows: Tensor) -> Tensor:
        distribution = self.head(*self._inputs(self.train, rows.tolist()))
        labels = [self.labels[row] for row in rows.tolist()]
        if self.config.loss == "path":
            return path_loss(distribution, labels)
        if self.config.loss == "contrast":
            return contrast_loss(distribution, labels)
        if self.config.loss == "verdict":
            return verdict_loss(distribution, labels, self.config.depth_price)
        starts, operations = (target[rows].to(self.device) for target in self._targets)
        return structure_loss(distribution, starts, operations)

    def _reinforce_loss(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        config, inputs = self.config, self._inputs(self.train, rows.tolist())
        policy = self.head(*inputs)
        programs = policy.sample(config.samples, generator)
        examples = [self.train.examples[row] for row in rows.tolist()]
        rewards = self._rewards(examples, programs)
        if config.baseline == "leave-one-out":
            advantages = leave_one_out(rewards)
        else:
            advantages = rewards - self._average.update(rewards)
        start = self.start(*inputs) if config.kl_price else None
        prices = Prices(config.entropy_bonus, config.kl_price)
        loss = policy_loss(policy, programs, advantages, prices, start)
        labelled = rows[rows < len(self.labels)]
        if config.replay and len(labelled):
            loss = loss + config.replay * self._supervised_loss(labelled)
        return loss

    def _rewards(self, examples: Sequence[Example], programs: list[list[Program]]) -> Tensor:
        """`[B, k]`: 1 for a right answer, minus the price of the executed layers."""
        flat = [(e.id, p) for e, row in zip(examples, programs, strict=True) for p in row]
        outcomes = self.executor.evaluate([id_ for id_, _ in flat], [p for _, p in flat])
        rewards = [self._worth(outcome.correct, outcome.program.depth) for outcome in outcomes]
        return torch.tensor(rewards, dtype=torch.double).view(len(examples), -1)

    def _worth(self, accuracy: float, depth: float) -> float:
        return accuracy - self.config.depth_price * depth / self.space.num_layers

    @torch.no_grad()
    def _validate(self) -> tuple[float, float, float, float, int, int, float]:
        """Execute the first choices on the validation split; the last seven entries of an epoch."""
        self.head.eval()
        ranked, entropy = [], 0.0
        for i in range(0, len(self.val.examples), 256):
            rows = range(i, min(i + 256, len(self.val.examples)))
            distribution = self.head(*self._inputs(self.val, rows))
            ranked += top_paths(distribution, WATCHED, self.space)
            entropy += distribution.entropy().sum().item()
        first = [row[0].program for row in ranked]
        outcomes = self.executor.evaluate([e.id for e in self.val.examples], first)
        n = len(outcomes)
        accuracy = sum(outcome.correct for outcome in outcomes) / n
        depth = sum(program.depth for program in first) / n
        standard = Program.identity(self.space.num_layers)
        return (
            accuracy,
            depth,
            self._worth(accuracy, depth),
            first.count(standard) / n,
            len(set(first)),
            len({program for row in ranked for program, _ in row}),
            entropy / n,
        )

    def _save(self, path: Path) -> None:
        state = {
            "head": self.head.state_dict(),
            "best": self.best,
            "start": self.start.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self._step,
            "average": self._average.value,
            "history": json.dumps([asdict(epoch) for epoch in self.history]),
        }
        partial = path.with_suffix(".partial")
        with writing(path):
            torch.save(state, partial)
            partial.rename(path)

    def _load(self, path: Path) -> None:
        if not path.exists():
            return
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.history = [Epoch(**epoch) for epoch in json.loads(state["history"])]
            self._begin(self.history[-1].stage)
            self.head.load_state_dict(state["head"])
            self.start.load_state_dict(state["start"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.best, self._step = state["best"], state["step"]
            self._average.value = state["average"]
        except Exception as error:  # a broken file may raise anything
            raise PredictorError(
                f"expected the state of a training, received '{path}', which raises "
                f"{one_line(error)[:200]}; remove it to begin again"
            ) from error


def best_epoch(history: Sequence[Epoch]) -> Epoch:
    """The first one of the best value; the untrained start is none, if there is any other."""
    trained = [epoch for epoch in history if epoch.epoch or epoch.stage == "reinforce"]
    return max(trained or history, key=lambda epoch: epoch.value)


def hash_seed(seed: int, stage: Stage, number: int) -> int:
    """A seed for an epoch of its own."""
    return (seed * 1_000_003 + number) * 2 + (stage == "reinforce")


def schedule(step: int, total: int, warmup: int) -> float:
    """Share of the learning rate: up in `warmup` steps, then down a cosine to 0 at `total`."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, total - warmup))))
