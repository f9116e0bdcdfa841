"""A bundled task with more training examples, as a file for the task `file`.

    python experiments/predictor/more_examples.py arithmetic 2000 --out arithmetic.jsonl

Validation and test examples are those of the bundled task. Training questions are drawn as those of
the task were, N a level, and are strings of the train split; so none of val or test is among them.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "bundled"))
from make_splits import draw_arithmetic, draw_tracking

from polar_search.tasks import Example, load_task

DRAWS = {"arithmetic": draw_arithmetic, "tracking": draw_tracking}


def drawn(task: str, count: int) -> Iterator[Example]:
    """Different training examples, `count` of each level."""
    rng = random.Random(f"{task} more")
    for level in range(1, 6):
        seen = dict[str, str]()
        while len(seen) < count:
            question, answer, split = DRAWS[task](level, rng)
            if split == "train":
                seen[question] = answer
        for number, (question, answer) in enumerate(seen.items()):
            yield Example(f"{task}-more-{level}-{number:05d}", level, question, answer)


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=DRAWS)
    parser.add_argument("count", type=int, help="training examples of each level")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    task = load_task(options.task)
    examples = {split: task.examples(split) for split in ("val", "test")}
    examples["train"] = list(drawn(options.task, options.count))
    rows = [
        {name: getattr(example, name) for name in Example.__slots__} | {"split": split}
        for split, several in examples.items()
        for example in several
    ]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(f"{options.out}: {len(rows)} examples")


if __name__ == "__main__":
    main()
