"""What a predictor is worth on examples that it has not seen; every figure is executed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from polar_search.analysis.intervals import Estimate, paired_gain, share
from polar_search.analysis.outcomes import Level
from polar_search.errors import TaskError
from polar_search.execution import ProgramEngine
from polar_search.models import locate
from polar_search.predictor.baselines import least_influence
from polar_search.predictor.contestants import (
    Arena,
    Contestant,
    Kind,
    choose_static,
    random_programs,
    sampled,
)
from polar_search.predictor.decoding import Ranked
from polar_search.predictor.latency import relative_latency
from polar_search.predictor.predictor import Predictor, read_config
from polar_search.predictor.settings import EvaluateConfig
from polar_search.program import Program
from polar_search.search.evaluation import Evaluator
from polar_search.tasks import Example, Task, load_task

TIMED = 128
"""Examples whose answers are timed."""

SELF_CONSISTENCY = 0.7
"""Temperature of the samples that a majority is taken of."""


@dataclass(frozen=True)
class EvaluationRow:
    """A contestant at one level, or over all.

    Attributes:
        level: The level, or "all".
        name: Of the contestant.
        kind: Deployable, or an oracle.
        accuracy: With its Wilson interval.
        gain: Over the standard pass on the same examples, paired bootstrap.
        layers: Executed layers of all its programs, in the mean.
        latency: Time as a share of the standard pass's; None where it was not measured.
    """

    level: Level
    name: str
    kind: Kind
    accuracy: Estimate
    gain: Estimate
    layers: float
    latency: float | None


@dataclass(frozen=True)
class Evaluation:
    """The table, and what it was made of.

    Attributes:
        rows: For each level, and for all, every contestant.
        num_layers: D.
        identity_first: Share of examples whose first choice is the standard pass.
        distinct_first: Different programs among the first choices.
        static: The best static program on val.
        menu: The menu that answers most of val.
        executed: Outcomes that were run for it on these examples, samples left out.
        config: How it was evaluated.
    """

    rows: tuple[EvaluationRow, ...]
    num_layers: int
    identity_first: float
    distinct_first: int
    static: str
    menu: tuple[str, ...]
    executed: int
    config: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    def row(self, name: str, level: Level = "all") -> EvaluationRow:
        """The row of a contestant."""
        return next(row for row in self.rows if (row.name, row.level) == (name, level))


def evaluate(
    folder: str | Path,
    config: EvaluateConfig,
    on_step: Callable[[str], None] | None = None,
) -> Evaluation:
    """Evaluate the predictor in `folder` on the model it was trained for.

    What is chosen on val (the static program, the menus) is chosen on the predictor's own task,
    also where another one is evaluated.

    Raises:
        PredictorError: No predictor, or one for another model.
        TaskError: No such examples.
    """
    origin, _ = read_config(Path(folder))
    own = load_task(origin.task, origin.task_options)
    task = load_task(config.task, config.task_options) if config.task else own
    examples = chosen_examples(task, config)
    level = None if config.task else config.level
    val = chosen_examples(own, replace(config, split="val", level=level, limit=None))
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    source = locate(origin.model, own)
    engine = ProgramEngine.from_pretrained(source, device=config.device, dtype=origin.dtype)
    predictor = Predictor.from_pretrained(folder, engine)
    arena, val_arena = (
        Arena(Evaluator(engine, asked, origin.max_new_tokens), chosen)
        for asked, chosen in ((task, examples), (own, val))
    )
    contest = Contest(predictor, arena, val_arena, config)
    contestants = []
    for contestant in contest.contestants():
        contestants.append(contestant)
        if on_step:
            on_step(contestant.name)
    first = [row[0].program for row in contest.ranked]
    standard = Program.identity(engine.num_layers)
    return Evaluation(
        tuple(table(examples, contestants)),
        engine.num_layers,
        first.count(standard) / len(first),
        len(set(first)),
        str(contest.static),
        tuple(map(str, contest.menu)),
        arena.executor.executed,
        asdict(config),
    )


class Contest:
    """All contestants of an evaluation.

    Attributes:
        ranked: The predictor's programs for each example, best first.
        static: The best static program, chosen on val.
        menu: The programs that together answer most of val.
    """

    def __init__(
        self, predictor: Predictor, arena: Arena, val: Arena, config: EvaluateConfig
    ) -> None:
        self._predictor, self._arena, self._config = predictor, arena, config
        self._space = predictor.space
        layers = self._space.num_layers
        self._standard = Program.identity(layers)
        self.ranked = self._rank(arena.prompts)
        notations = predictor.origin.candidates[: config.candidates]
        candidates = dict.fromkeys(
            [self._standard, *(Program.parse(text, layers) for text in notations)]
        )
        self._candidates = list(candidates)
        self.static, self.menu = choose_static(val, self._candidates, config.k)
        self._val_prompts = val.prompts

    def _rank(self, prompts: Sequence[str], k: int | None = None) -> list[list[Ranked]]:
        config = self._config
        return self._predictor.rank(prompts, k or config.k, self._space, config.decoding)

    def contestants(self) -> Iterator[Contestant]:
        """Deployable ones, then oracles."""
        n = len(self._arena.examples)
        everyone = [self._standard] * n
        yield replace(self._arena.single("standard pass", everyone), latency=1.0)
        static = self._arena.single("best static program", [self.static] * n)
        yield self._timed(static, lambda prompts: [self.static] * len(prompts))
        first = [row[0].program for row in self.ranked]
        yield self._timed(
            self._arena.single("predictor", first),
            lambda prompts: [row[0].program for row in self._rank(prompts, 1)],
        )
        if pruned := self._pruned(first):
            yield pruned
        yield self._arena.single("menu, predictor's choice", self._from_menu())
        if self._config.k > 1:
            yield from self._selections()
        yield from self._oracles()

    def _pruned(self, first: Sequence[Program]) -> Contestant | None:
        """Static pruning as deep as the first choices are, if that leaves out a layer."""
        depth = round(sum(program.depth for program in first) / len(first))
        if depth >= self._space.num_layers:
            return None
        program = least_influence(self._arena.evaluator.engine, self._val_prompts, depth)
        name = f"least influence left out, {depth} layers"
        return self._arena.single(name, [program] * len(first))

    def _timed(
        self, contestant: Contestant, choose: Callable[[Sequence[str]], Sequence[Program]]
    ) -> Contestant:
        arena = self._arena
        step = max(1, len(arena.prompts) // TIMED)
        latency = relative_latency(
            arena.evaluator.engine,
            arena.prompts[::step][:TIMED],
            choose,
            arena.evaluator.max_new_tokens,
        )
        return replace(contestant, latency=latency)

    def _from_menu(self) -> list[Program]:
        """For each example the menu's program that the predictor finds likeliest."""
        chosen: list[Program] = []
        prompts = self._arena.prompts
        for i in range(0, len(prompts), 256):
            encodings = self._predictor.encoder.encode(prompts[i : i + 256])
            distribution = self._predictor.distribution(encodings)
            rows = range(distribution.batch)
            chances = [
                distribution.log_prob([program] * distribution.batch, rows) for program in self.menu
            ]
            chosen += [self.menu[i] for i in torch.stack(chances).argmax(0).tolist()]
        return chosen

    def _selections(self) -> Iterator[Contestant]:
        k = self._config.k
        top = [[program for program, _ in row] for row in self.ranked]
        yield from self._arena.several(f"predictor's {k}", top)
        yield from self._arena.several(f"menu of {k}", [self.menu] * len(top))
        answers = self._arena.samples(SELF_CONSISTENCY, k, self._config.seed)
        name = f"{k} samples, majority vote"
        yield sampled(name, "deployable", answers, self._space.num_layers)

    def _oracles(self) -> Iterator[Contestant]:
        config, arena = self._config, self._arena
        counts = [k for k in (1, 2, 3, 4, 5, 10, config.k) if k <= config.k]
        counts = sorted(set(counts))
        top = [[program for program, _ in row] for row in self.ranked]
        drawn = random_programs(self._space, arena.ids, config.k, config.seed)
        for name, programs in (
            ("predictor", top),
            ("menu", [self.menu] * len(top)),
            ("random programs", drawn),
        ):
            for k in counts:
                yield arena.oracle(f"{name} @{k}", [row[:k] for row in programs])
        if config.search:
            tried = self._candidates[: config.search]
            yield arena.oracle(f"search of {len(tried)} programs", [tried] * len(top))
        for temperature in config.temperatures:
            answers = arena.samples(temperature, config.k, config.seed)
            for k in counts:
                name, cut = f"samples at {temperature} @{k}", [row[:k] for row in answers]
                yield sampled(name, "oracle", cut, self._space.num_layers)


def chosen_examples(task: Task, config: EvaluateConfig) -> list[Example]:
    """The examples of the configured split and levels.

    Raises:
        TaskError: There are none.
    """
    examples = task.examples(config.split)
    chosen = []
    for level in sorted({example.level for example in examples}):
        if config.level is None or level in config.level:
            chosen += [e for e in examples if e.level == level][: config.limit]
    if not chosen:
        raise TaskError(
            f"expected examples of task '{task.name}' in split '{config.split}' at levels "
            f"{config.level or 'of any kind'}, received none; change --split or --level"
        )
    return chosen


def table(
    examples: Sequence[Example], contestants: Sequence[Contestant]
) -> Iterator[EvaluationRow]:
    """Every contestant at every level and over all; the first one is what gains are over."""
    level_of = np.array([example.level for example in examples])
    levels: list[Level] = [*map(int, np.unique(level_of)), "all"]
    for level in levels:
        mine = level_of == level if level != "all" else np.ones(len(level_of), dtype=np.bool_)
        base = contestants[0].correct[mine]
        for contestant in contestants:
            correct = contestant.correct[mine]
            yield EvaluationRow(
                level,
                contestant.name,
                contestant.kind,
                share(correct),
                paired_gain(correct, base),
                float(contestant.layers[mine].mean()),
                contestant.latency if level == "all" else None,
            )
