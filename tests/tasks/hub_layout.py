"""Small data sets in the layout and with the columns that they have on the Hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, repository: str, configs: dict[str, dict[str, list[dict]]]) -> None:
    """`configs`: rows by configuration and split; `default` is a data set without any."""
    folder, lines = root / repository, ["---", "configs:"]
    for config, splits in configs.items():
        lines += [f"- config_name: {config}", "  data_files:"]
        data = "data" if config == "default" else config
        (folder / data).mkdir(parents=True)
        for split, rows in splits.items():
            name = f"{data}/{split}-00000-of-00001.parquet"
            pq.write_table(pa.Table.from_pylist(rows), folder / name)
            lines += [f"  - split: {split}", f"    path: {data}/{split}-*"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]))


def write_gsm8k(root: Path, count: int = 40) -> None:
    """Sums in 1 to 3 steps."""

    def row(split, i):
        steps = "\n".join(f"Step <<{k}+1={k + 1}>>{k + 1}" for k in range(i % 3 + 1))
        return {"question": f"What is {i} and 1 ({split})?", "answer": f"{steps}\n#### {i + 1:,}"}

    splits = {split: [row(split, i) for i in range(count)] for split in ("train", "test")}
    write(root, "openai/gsm8k", {"main": splits, "socratic": splits})


def write_math(root: Path) -> None:
    """One problem a level and subject, and one without a level."""
    subjects = (
        *("algebra", "counting_and_probability", "geometry", "intermediate_algebra"),
        *("number_theory", "prealgebra", "precalculus"),
    )

    def rows(subject, split):
        return [
            {
                "problem": f"A {split} problem of {subject}, {level}",
                "level": f"Level {level}",
                "type": subject,
                "solution": rf"First \boxed{{0}}, then \boxed{{\frac{{{level}}}{{2}}}}.",
            }
            for level in (1, 2, 3, 4, 5, "?")
        ]

    configs = {s: {split: rows(s, split) for split in ("train", "test")} for s in subjects}
    write(root, "EleutherAI/hendrycks_math", configs)


def write_asdiv(root: Path) -> None:
    """A number with a unit, several parts, a text."""
    answers = ["9 (apples)", "5 (pens); 6 (books)", "Yes", "1/2"]
    rows = [
        {
            "body": f"There are {i} things.",
            "question": "How many?",
            "answer": answer,
            "solution_type": "Sum",
            "formula": "4+5=9",
        }
        for i, answer in enumerate(answers)
    ]
    write(root, "EleutherAI/asdiv", {"default": {"validation": rows}})


def write_mawps(root: Path) -> None:
    """Fractions and numbers."""

    def rows(split):
        return [
            {"id": f"{split}{i}", "question": f"{split} {i}?", "chain": "", "result": result}
            for i, result in enumerate(["8", "3/4", "1_000"])
        ]

    names = ("train", "validation", "test")
    write(root, "MU-NLPC/Calc-mawps", {"default": {name: rows(name) for name in names}})


def write_mmlu_pro(root: Path) -> None:
    """Two subjects, three to ten options; one question that holds what looks like an option."""

    def rows(first):
        return [
            {
                "question_id": first + i,
                "question": f"Which one is {first + i}?" + ("\nA. is no option" if i == 0 else ""),
                "options": [str(k) for k in range(3 + i)],
                "answer": "ABCDEFGHIJ"[i],
                "answer_index": i,
                "cot_content": "",
                "category": ("law", "math")[i % 2],
                "src": "",
            }
            for i in range(8)
        ]

    write(root, "TIGER-Lab/MMLU-Pro", {"default": {"test": rows(0), "validation": rows(100)}})


def write_dart_math(root: Path, counts: dict[str, int]) -> None:
    """`counts` questions a pool, each with responses; the last one has none, as all failed."""
    for pool, count in counts.items():
        repository = f"hkust-nlp/dart-math-pool-{pool}"
        info = [
            {
                "query_id": f"{pool}-{i:04d}",
                # The rate falls with the number, by pairs, so that ids decide between two.
                "pass_rate": 1 - i // 2 * 2 / count,
                **({"level": f"Level {i % 5 + 1}"} if pool == "math" else {"n_steps": 3}),
                "domain": pool,
            }
            for i in range(count + 1)
        ]
        responses = [
            {
                "query_id": f"{pool}-{i:04d}",
                "query": f"{pool} question {i}",
                "gt_ans": str(i),
                "domain": pool,
                "resp": f"response {k}",
            }
            for k in range(2)
            for i in range(count)
        ]
        write(root, f"{repository}-query-info", {"default": {"train": info}})
        write(root, repository, {"default": {"train": responses}})
