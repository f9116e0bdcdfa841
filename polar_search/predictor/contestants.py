"""The ways to answer that an evaluation compares, each executed on every example.

Deployable ones choose their answer without the answer key. Oracles are right where any of several
answers is: they need the key to pick it, and are no accuracy of use.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from polar_search.analysis.menus import greedy_cover
from polar_search.analysis.outcomes import Bools, Floats
from polar_search.execution import Row, Sampling
from polar_search.execution.decoding import continuation_ids
from polar_search.predictor.execution import Executor
from polar_search.predictor.selection import Answer, confident, majority, weighted
from polar_search.program import Program, ProgramSpace
from polar_search.search.evaluation import Evaluator
from polar_search.search.outcome import Outcome
from polar_search.tasks import Example

Kind = Literal["deployable", "oracle"]
SELECTIONS: dict[str, Callable[[Sequence[Answer]], int]] = {
    "majority vote": majority,
    "highest confidence": confident,
    "vote by confidence": weighted,
}


@dataclass(frozen=True)
class Contestant:
    """One way to answer, on every example.

    Attributes:
        name: For the table.
        kind: Deployable, or an oracle.
        correct: `[n]`.
        layers: `[n]`, executed layers of all its programs together.
        latency: Time of an answer as a share of the standard pass's, where it was measured.
    """

    name: str
    kind: Kind
    correct: Bools
    layers: Floats
    latency: float | None = None


class Arena:
    """Examples, and what executes programs and samples on them.

    Args:
        evaluator: Executes and grades.
        examples: Those that are evaluated, in the order of every array `[n]`.
    """

    def __init__(self, evaluator: Evaluator, examples: Sequence[Example]) -> None:
        self.evaluator, self.examples = evaluator, examples
        self.executor = Executor(evaluator, examples)
        self._samples: dict[tuple[float, int, int], list[list[Answer]]] = {}
        self.ids = [example.id for example in examples]
        self.prompts = [
            evaluator.task.prompt(example, evaluator.engine.tokenizer) for example in examples
        ]

    def run(self, programs: Sequence[Program]) -> list[Outcome]:
        """The outcome of every example with its own program."""
        return self.executor.evaluate(self.ids, programs)

    def single(self, name: str, programs: Sequence[Program]) -> Contestant:
        """One program for each example."""
        outcomes = self.run(programs)
        depth = np.array([float(program.depth) for program in programs])
        return Contestant(name, "deployable", _correct(outcomes), depth)

    def several(self, name: str, programs: Sequence[Sequence[Program]]) -> list[Contestant]:
        """Selections among several programs of each example (`[n][k]`), without the key."""
        answers = self._answers(programs)
        layers = np.array([float(sum(p.depth for p in row)) for row in programs])
        return [
            Contestant(
                f"{name}, {how}",
                "deployable",
                np.array([row[choose(row)].correct for row in answers]),
                layers,
            )
            for how, choose in SELECTIONS.items()
        ]

    def oracle(self, name: str, programs: Sequence[Sequence[Program]]) -> Contestant:
        """Right where any of the example's programs is."""
        flat = self._flat(programs)
        outcomes = iter(self.executor.evaluate([i for i, _ in flat], [p for _, p in flat]))
        hits = [sum(next(outcomes).correct for _ in row) for row in programs]
        layers = np.array([float(sum(p.depth for p in row)) for row in programs])
        return Contestant(name, "oracle", np.array(hits) > 0, layers)

    def samples(self, temperature: float, k: int, seed: int) -> list[list[Answer]]:
        """Answers of the standard pass, k to each example, drawn at a temperature."""
        key = (temperature, k, seed)
        if key not in self._samples:
            self._samples[key] = self._draw(*key)
        return self._samples[key]

    def _draw(self, temperature: float, k: int, seed: int) -> list[list[Answer]]:
        engine, task = self.evaluator.engine, self.evaluator.task
        standard = Program.identity(engine.num_layers)
        rows = [
            Row(prompt, standard, sampling=Sampling(temperature, seed=seed_of(seed, id_, draw)))
            for id_, prompt in zip(self.ids, self.prompts, strict=True)
            for draw in range(k)
        ]
        generations = engine.generate(rows, self.evaluator.max_new_tokens, task.stop)
        examples = [example for example in self.examples for _ in range(k)]
        texts = [(e, g.text or "") for e, g in zip(examples, generations, strict=True)]
        answers = [Answer(v.answer, 0.0, v.correct) for v in task.grade_all(texts)]
        return [answers[i : i + k] for i in range(0, len(answers), k)]

    def _answers(self, programs: Sequence[Sequence[Program]]) -> list[list[Answer]]:
        """What the programs answered, with the confidence of each."""
        flat = self._flat(programs)
        outcomes = self.executor.evaluate([i for i, _ in flat], [p for _, p in flat])
        examples = [e for e, row in zip(self.examples, programs, strict=True) for _ in row]
        verdicts = self.evaluator.task.grade_all(
            [(e, o.text or "") for e, o in zip(examples, outcomes, strict=True)]
        )
        worth = self._confidences(outcomes)
        answers = iter(
            Answer(v.answer, c, o.correct)
            for v, c, o in zip(verdicts, worth, outcomes, strict=True)
        )
        return [[next(answers) for _ in row] for row in programs]

    def _confidences(self, outcomes: Sequence[Outcome]) -> list[float]:
        """Mean log-probability of each text's tokens, the end of text included."""
        engine = self.evaluator.engine
        prompts = dict(zip(self.ids, self.prompts, strict=True))
        end = engine.model.generation_config.eos_token_id
        ends = [end[0] if isinstance(end, list) else end] if end is not None else []
        rows, options = [], []
        for outcome in outcomes:
            rows.append((prompts[outcome.example_id], outcome.program))
            ids = continuation_ids(outcome.text, engine.tokenizer) if outcome.text else []
            options.append([[*ids, *ends]] if ids or ends else [[0]])
        scores = engine.score(rows, options)
        return [score / len(o[0]) for (score,), o in zip(scores, options, strict=True)]

    def _flat(self, programs: Sequence[Sequence[Program]]) -> list[tuple[str, Program]]:
        return [(i, p) for i, row in zip(self.ids, programs, strict=True) for p in row]


def sampled(name: str, kind: Kind, answers: Sequence[Sequence[Answer]], depth: int) -> Contestant:
    """Samples of the standard pass: their majority, or right where any is."""
    if kind == "deployable":
        correct = [row[majority(row)].correct for row in answers]
    else:
        correct = [any(answer.correct for answer in row) for row in answers]
    layers = np.array([float(depth * len(row)) for row in answers])
    return Contestant(name, kind, np.array(correct), layers)


def choose_static(
    arena: Arena, candidates: Sequence[Program], size: int
) -> tuple[Program, list[Program]]:
    """The best single program, and the menu that together answers most, on the arena's examples.

    Ties go to the shallower program; the menu is filled up with the best ones.
    """
    order = sorted(candidates, key=lambda program: program.depth)
    columns = [_correct(arena.run([program] * len(arena.examples))) for program in order]
    verdicts = np.stack(columns, 1)
    best = sorted(range(len(order)), key=lambda i: -int(verdicts[:, i].sum()))
    chosen = dict.fromkeys([*greedy_cover(verdicts, size), *best])
    return order[best[0]], [order[i] for i in list(chosen)[:size]]


def random_programs(
    space: ProgramSpace, ids: Sequence[str], k: int, seed: int
) -> list[list[Program]]:
    """K different programs of the space for each example, fewer where it has no more."""
    rows = []
    count = min(k, space.size())
    for id_ in ids:
        rng, chosen = random.Random(seed_of(seed, id_, 0)), dict[Program, None]()
        while len(chosen) < count:
            chosen[space.sample(rng)] = None
        rows.append(list(chosen))
    return rows


def seed_of(seed: int, example_id: str, draw: int) -> int:
    """A seed for one draw on one example."""
    return zlib.crc32(f"{seed}:{example_id}:{draw}".encode())


def _correct(outcomes: Sequence[Outcome]) -> Bools:
    return np.array([outcome.correct for outcome in outcomes], dtype=np.bool_)
