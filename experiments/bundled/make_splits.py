"""Write the bundled tasks into the package (`python experiments/bundled/make_splits.py`).

Which split a string may stand in is decided by `split_of`; here strings are drawn until every level
of every split is full. The output is the same on every machine.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

from polar_search.tasks import arithmetic
from polar_search.tasks.base import Example
from polar_search.tasks.groups import ALPHABET, product
from polar_search.tasks.splits import SPLITS, split_of

SIZES = {"train": 400, "val": 100, "test": 400}
WORD_LENGTHS = {1: 4, 2: 9, 3: 14, 4: 17, 5: 20}
SEED = 0
DATA = Path(__file__).resolve().parents[2] / "polar_search" / "tasks" / "data"

Draw = Callable[[int, random.Random], tuple[str, str, str]]
"""(level, rng) -> question, answer, split."""


def draw_tracking(level: int, rng: random.Random) -> tuple[str, str, str]:
    """Two words of one split: a test word is never half of a training example."""
    first = "".join(rng.choices(ALPHABET, k=WORD_LENGTHS[level]))
    while True:
        second = "".join(rng.choices(ALPHABET, k=WORD_LENGTHS[level]))
        if split_of(second) == split_of(first):
            return f"{first}.{second}=", product(first) + product(second), split_of(first)


def draw_arithmetic(level: int, rng: random.Random) -> tuple[str, str, str]:
    """A chain whose answer has at most two digits."""
    chain, answer = arithmetic.draw(arithmetic.LEVELS[level], rng)
    return f"{chain}=", str(answer), split_of(chain)


def fill(task: str, draw: Draw) -> dict[str, list[Example]]:
    """Examples of every split, in levels; each question once."""
    rng = random.Random(f"{task} {SEED}")
    examples: dict[str, list[Example]] = {split: [] for split in SPLITS}
    for level in range(1, 6):
        wanted, seen = dict(SIZES), set()
        while any(wanted.values()):
            question, answer, split = draw(level, rng)
            if wanted[split] and question not in seen:
                seen.add(question)
                wanted[split] -= 1
                number = SIZES[split] - wanted[split]
                examples[split].append(
                    Example(f"{task}-{split}-{level}-{number:03d}", level, question, answer)
                )
    return examples


def main() -> None:
    """Write all files."""
    for task, draw in (("tracking", draw_tracking), ("arithmetic", draw_arithmetic)):
        for split, examples in fill(task, draw).items():
            path = DATA / task / f"{split}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [{name: getattr(e, name) for name in Example.__slots__} for e in examples]
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            print(f"{path.relative_to(DATA.parents[2])}: {len(rows)} examples")


if __name__ == "__main__":
    main()
