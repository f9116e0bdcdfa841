"""Attempts at more right answers on `arithmetic` without the answer key.

    python experiments/predictor/right_answers.py RUN --split val
    python experiments/predictor/right_answers.py RUN --split test

RUN is a search on the train split (of `arithmetic`, or of a file of more examples) in which many
programs were tried on each example: priors, menu and verifier are learnt from it. Each attempt
chooses among answers that the model gave; the last lines are the oracles over the same answers.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rewriting import inverses, rewrites
from torch import Tensor, nn

from polar_search import Program
from polar_search.analysis.intervals import Estimate, paired_gain, share
from polar_search.execution import ProgramEngine, Row, Sampling
from polar_search.execution.decoding import continuation_ids
from polar_search.models import locate
from polar_search.predictor.encoder import make_encoder
from polar_search.search.store import read_outcomes
from polar_search.tasks import Example, load_task

MODEL = "bundled-arithmetic"
CHECK = 3.0
"""What an inverse sum that comes out weighs beside all votes of the menu."""

Choice = Callable[[int], str]
"""The answer to the example of a row."""


class Answers:
    """What a model answers to a question with a program; each is asked once."""

    def __init__(self, engine: ProgramEngine, max_new_tokens: int) -> None:
        self.engine, self.max_new_tokens = engine, max_new_tokens
        self._known: dict[tuple[str, Program], str] = {}

    def ask(self, rows: Iterable[tuple[str, Program]]) -> None:
        """Answer all rows in one batch."""
        new = [row for row in dict.fromkeys(rows) if row not in self._known]
        for i in range(0, len(new), 8192):
            batch = new[i : i + 8192]
            texts = [g.text or "" for g in self.engine.generate(batch, self.max_new_tokens)]
            self._known.update(zip(batch, map(str.strip, texts), strict=True))

    def __call__(self, question: str, program: Program) -> str:
        """The answer to a row that was asked."""
        return self._known[question, program]


class Experience:
    """What a run on the train split tells: how often programs are right, and which answers are."""

    def __init__(self, run: Path, questions: dict[str, str]) -> None:
        columns = ["example_id", "level", "program", "text", "correct"]
        right: dict[tuple[str, int], list[bool]] = defaultdict(list)
        self.pairs: dict[tuple[str, str], bool] = {}
        for row in read_outcomes(run).select(columns).to_pylist():
            right[row["program"], row["level"]].append(row["correct"])
            question = questions[row["example_id"]]
            self.pairs[question, (row["text"] or "").strip()] = row["correct"]
        self.priors = {key: float(np.mean(verdicts)) for key, verdicts in right.items()}

    def best(self, count: int) -> list[str]:
        """The programs that are right most often, all levels alike."""
        mean = defaultdict(list)
        for (program, _), prior in self.priors.items():
            mean[program].append(prior)
        return sorted(mean, key=lambda program: -float(np.mean(mean[program])))[:count]


class Verifier:
    """A network over the model's own hidden states: is this answer right?"""

    def __init__(self, engine: ProgramEngine, layers: int, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self._encoder = make_encoder(f"base:{layers}", engine.model, engine.tokenizer)
        width = 2 * self._encoder.width
        self._net = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, 256),
            nn.GELU(),
            nn.Dropout(0.2),
            nn.Linear(256, 1),
        )

    def _features(self, pairs: Sequence[tuple[str, str]]) -> Tensor:
        encoded = self._encoder.encode([question + answer for question, answer in pairs])
        return torch.stack([torch.cat((tokens[-1], tokens.mean(0))) for tokens in encoded])

    def fit(self, pairs: dict[tuple[str, str], bool], epochs: int = 20) -> None:
        """Binary cross-entropy on answers known to be right or wrong."""
        features, verdicts = self._features(list(pairs)), torch.tensor(list(pairs.values())).float()
        optimizer = torch.optim.AdamW(self._net.parameters(), 1e-3, weight_decay=0.05)
        self._net.train()
        for _ in range(epochs):
            for rows in torch.randperm(len(features)).split(256):
                logits = self._net(features[rows])[:, 0]
                loss = nn.functional.binary_cross_entropy_with_logits(logits, verdicts[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        self._net.eval()

    @torch.no_grad()
    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The logit of each answer being right."""
        return self._net(self._features(pairs))[:, 0].tolist()


def heaviest(votes: dict[str, float], first: str) -> str:
    """The answer of the most weight; among equals `first`, then the one met first."""
    return max(votes, key=lambda answer: (votes[answer], answer == first))


def likelihoods(
    engine: ProgramEngine,
    questions: Sequence[str],
    options: Sequence[Sequence[str]],
    menu: list[Program],
) -> list[NDArray[np.float64]]:
    """`[programs, answers]` log-probabilities of all answers under all programs."""
    end = engine.model.generation_config.eos_token_id
    ends = end if isinstance(end, list) else [end]
    rows, texts = [], []
    for question, answers in zip(questions, options, strict=True):
        ids = [[*continuation_ids(a, engine.tokenizer), ends[0]] for a in answers]
        rows += [(question, program) for program in menu]
        texts += [ids] * len(menu)
    scores = engine.score(rows, texts)
    return [np.array(scores[i : i + len(menu)]) for i in range(0, len(rows), len(menu))]


def percent(estimate: Estimate, sign: str = "") -> str:
    """A share and its interval, in percent."""
    low, high = (100 * (end or 0.0) for end in (estimate.low, estimate.high))
    return f"{100 * (estimate.value or 0.0):{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]"


class Attempts:
    """All attempts on some examples; each is a way to choose an answer, and what it executes."""

    def __init__(
        self,
        examples: Sequence[Example],
        answers: Answers,
        experience: Experience,
        size: int,
        words: int,
    ) -> None:
        layers = answers.engine.num_layers
        self.standard = Program.identity(layers)
        best = [Program.parse(text, layers) for text in experience.best(size)]
        self.menu = list(dict.fromkeys([self.standard, *best]))[:size]
        self.examples, self.answers, self.experience = examples, answers, experience
        self.questions = [example.question for example in examples]
        self.words = [rewrites(question, words) for question in self.questions]
        answers.ask((question, p) for question in self.questions for p in self.menu)
        self.given = [[answers(q, p) for p in self.menu] for q in self.questions]
        self.checks = [
            {answer: inverses(question, answer) for answer in given}
            for question, given in zip(self.questions, self.given, strict=True)
        ]
        asked = {q for checks in self.checks for several in checks.values() for q, _ in several}
        answers.ask((question, self.standard) for question in sorted(asked))

    def first(self, row: int) -> str:
        """The standard pass."""
        return self.given[row][0]

    def majority(self, row: int) -> str:
        """Most votes of the menu."""
        return heaviest(Counter(self.given[row]), self.first(row))

    def by_prior(self, row: int) -> str:
        """Votes weighted by how often the program is right at this level (log-odds, on train)."""
        votes: dict[str, float] = defaultdict(float)
        for program, answer in zip(self.menu, self.given[row], strict=True):
            prior = self.experience.priors.get((str(program), self.examples[row].level), 0.5)
            votes[answer] += float(np.log((prior + 0.01) / (1.01 - prior)))
        return heaviest(votes, self.first(row))

    def likeliest(self) -> Choice:
        """The answer that is likeliest under all programs of the menu together."""
        options = [list(dict.fromkeys(answers)) for answers in self.given]
        scores = likelihoods(self.answers.engine, self.questions, options, self.menu)
        return lambda row: options[row][int(scores[row].mean(0).argmax())]

    def verified(self, layers: int) -> Choice:
        """The answer that a verifier head, trained on the run, finds best."""
        verifier = Verifier(self.answers.engine, layers)
        verifier.fit(self.experience.pairs)
        pairs = [(q, a) for q, row in zip(self.questions, self.given, strict=True) for a in row]
        worth = dict(zip(pairs, verifier(pairs), strict=True))
        return lambda row: max(self.given[row], key=lambda a: worth[self.questions[row], a])

    def other_words(self, count: int, *, programs: bool = False) -> Choice:
        """Most votes over the same sum in `count` words, by one program or by several in turn."""
        menu = self.menu if programs else [self.standard]
        rows = [
            [(word, menu[i % len(menu)]) for i, word in enumerate(words[:count])]
            for words in self.words
        ]
        self.answers.ask(row for several in rows for row in several)
        return lambda row: heaviest(Counter(self.answers(*r) for r in rows[row]), self.first(row))

    def sampled(self, count: int, temperature: float = 0.7) -> Choice:
        """Most votes of `count` samples of the standard pass."""
        rows = [
            Row(question, self.standard, sampling=Sampling(temperature, seed=seed))
            for question in self.questions
            for seed in range(count)
        ]
        generated = self.answers.engine.generate(rows, self.answers.max_new_tokens)
        texts = [(one.text or "").strip() for one in generated]
        votes = [Counter(texts[i : i + count]) for i in range(0, len(texts), count)]
        return lambda row: heaviest(votes[row], self.first(row))

    def checked(self, row: int) -> str:
        """Votes of the menu, and the share of inverse sums that come out; level 1 has such."""
        votes: dict[str, float] = defaultdict(float)
        for answer in self.given[row]:
            votes[answer] += 1 / len(self.menu)
        for answer, checks in self.checks[row].items():
            agreed = [self.answers(q, self.standard) == value for q, value in checks]
            votes[answer] += CHECK * sum(agreed) / max(1, len(agreed))
        return heaviest(votes, self.first(row))

    def layers(self, count: int) -> float:
        """Mean executed layers of `count` words with the standard pass."""
        return self.standard.depth * float(np.mean([len(w[:count]) for w in self.words]))

    def layers_of_checks(self) -> float:
        """Mean executed layers of the inverse sums."""
        return self.standard.depth * float(
            np.mean([sum(map(len, c.values())) for c in self.checks])
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--more", type=Path, help="the run's file of examples, where it had one")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val")
    parser.add_argument("--menu", type=int, default=8)
    parser.add_argument("--words", type=int, default=24)
    parser.add_argument("--verifier-layers", type=int, default=12)
    parser.add_argument("--only", nargs="+", help="attempts by name; all by default")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = load_task("arithmetic")
    source = load_task("file", file_options(options.more)) if options.more else task
    questions = {example.id: example.question for example in source.examples("train")}
    engine = ProgramEngine.from_pretrained(locate(MODEL, task), device="cpu")
    experience = Experience(options.run, questions)
    answers = Answers(engine, task.max_new_tokens)
    examples = task.examples(options.split)
    attempts = Attempts(examples, answers, experience, options.menu, options.words)
    print(f"menu: {', '.join(map(str, attempts.menu))}; {len(experience.pairs)} answers verified\n")
    menu = float(sum(program.depth for program in attempts.menu))
    few, many = options.words // 3, options.words
    programs = menu / len(attempts.menu) / engine.num_layers
    rows: list[tuple[str, Callable[[], Choice], float]] = [
        ("standard pass", lambda: attempts.first, engine.num_layers),
        (f"majority of a menu of {options.menu}", lambda: attempts.majority, menu),
        ("votes weighted by level priors", lambda: attempts.by_prior, menu),
        ("likeliest under the whole menu", attempts.likeliest, menu),
        ("verifier head over the menu", lambda: attempts.verified(options.verifier_layers), menu),
        (
            "menu checked by inverse sums",
            lambda: attempts.checked,
            menu + attempts.layers_of_checks(),
        ),
        (
            f"majority of {few} samples",
            lambda: attempts.sampled(few),
            few * float(engine.num_layers),
        ),
        (f"{few} other words", lambda: attempts.other_words(few), attempts.layers(few)),
        (f"{many} other words", lambda: attempts.other_words(many), attempts.layers(many)),
        (
            f"{many} other words, programs in turn",
            lambda: attempts.other_words(many, programs=True),
            attempts.layers(many) * programs,
        ),
    ]
    wanted = [row for row in rows if row is rows[0] or not options.only or row[0] in options.only]
    table = []
    for name, make, layers in wanted:
        choice = make()
        correct = np.array([choice(i) == e.answer for i, e in enumerate(examples)])
        table.append((name, correct, layers))
    oracle = [e.answer in given for e, given in zip(examples, attempts.given, strict=True)]
    table.append(("*oracle* menu", np.array(oracle), menu))
    levels, base = np.array([example.level for example in examples]), table[0][1]
    print(f"| n = {len(examples)} | accuracy (%) | gain | layers | gain per level |")
    print("|---|---|---|---|---|")
    for name, correct, layers in table:
        each = [100 * (correct[levels == n].mean() - base[levels == n].mean()) for n in set(levels)]
        cells = [name, percent(share(correct)), percent(paired_gain(correct, base), "+")]
        print(f"| {' | '.join(cells)} | {layers:.0f} | {' / '.join(f'{x:+.1f}' for x in each)} |")


def file_options(path: Path) -> dict[str, str]:
    """The options of task `file` for a file of `more_examples.py`."""
    columns = {name: name for name in ("id", "level", "split")}
    return {"path": str(path), **columns, "grading": "exact", "prompt": "question", "chat": "never"}


if __name__ == "__main__":
    main()
