"""Examples of one's own: formats, columns, splits, and files that cannot be used."""

import csv
import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from polar_search.errors import ConfigError, TaskError
from polar_search.tasks import SPLITS, load_task
from polar_search.tasks.splits import split_of

ROWS = [
    {
        "nr": f"q{i}",
        "q": f"What is {i} + 1?",
        "a": str(i + 1),
        "l": f"Level {i % 2 + 1}",
        "s": split,
    }
    for i, split in enumerate(["train", "train", "val", "test"])
]
COLUMNS = {"question": "q", "answer": "a", "id": "nr", "level": "l", "split": "s"}


def write(folder, suffix, rows):
    path = folder / f"mine{suffix}"
    if suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "\n")
    elif suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return str(path)


def load(path, **options):
    return load_task("file", {"path": path, **options})


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_formats_are_read_alike(tmp_path, suffix):
    task = load(write(tmp_path, suffix, ROWS), **COLUMNS)
    assert [[e.id for e in task.examples(s)] for s in SPLITS] == [["q0", "q1"], ["q2"], ["q3"]]
    example = task.examples("train")[1]
    assert (example.level, example.question, example.answer) == (2, "What is 1 + 1?", "2")


def test_ids_levels_and_splits_have_defaults(tmp_path):
    rows = [{"question": f"{i}?", "answer": i} for i in range(200)]
    task = load(write(tmp_path, ".jsonl", rows))
    found = {split: task.examples(split) for split in SPLITS}
    assert sum(map(len, found.values())) == 200
    assert len(found["train"]) > 120
    assert found["val"]
    assert found["test"]
    assert all(split_of(e.question) == s and e.level == 1 for s in SPLITS for e in found[s])
    again = load(write(tmp_path, ".jsonl", rows[::-1]))
    assert {e.id for e in again.examples("val")} == {e.id for e in found["val"]}


@pytest.mark.parametrize(
    ("grading", "right", "wrong"),
    [("math", r"\boxed{2.0}", "2"), ("exact", " 2 ", "2.0"), ("letter", "2", "B")],
)
def test_gradings(tmp_path, grading, right, wrong):
    task = load(write(tmp_path, ".jsonl", ROWS), **COLUMNS, grading=grading)
    example = task.examples("train")[1]
    expected = [grading != "letter", False]
    assert [v.correct for v in task.grade_all([(example, right), (example, wrong)])] == expected


def change(position, **values):
    return [{**row, **values} if i == position else row for i, row in enumerate(ROWS)]


MISTAKES = {
    "columns": (ROWS, {"answer": "solution"}, "a column 'solution' for option 'answer', received"),
    "an id twice": (change(1, nr="q0"), {}, "task 'file', received 'q0' 2 times; leave out"),
    "a level": (change(2, l="hard"), {}, "in column 'l', received 'hard' in row 3 of"),
    "level 0": (change(2, l=0), {}, "a level of 1 or more in column 'l', received '0' in row 3"),
    "a split": (change(0, s="dev"), {}, "expected train, val, test in column 's', received 'dev'"),
    "no answer": (change(3, a=" "), {}, "a text in column 'a', received none in row 4"),
    "null": (change(3, a=None), {}, "a text in column 'a', received none in row 4"),
    "no rows": ([], {}, "received none; add rows"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_rows_that_cannot_be_used_are_named(tmp_path, name):
    rows, options, message = MISTAKES[name]
    path = write(tmp_path, ".jsonl", rows)
    with pytest.raises(TaskError, match=re.escape(message)):
        load(path, **{**COLUMNS, **options}).examples("train")


FILES = {
    "mine.txt": (b"", "a file .jsonl, .csv, .parquet, received"),
    "missing.jsonl": (None, "FileNotFoundError"),
    "cut.jsonl": (b'{"question": "1?", "answer": 1}\n{"question', "JSONDecodeError"),
    "list.jsonl": (b"[1, 2]\n", "a row that is no object after row 1"),
    "binary.csv": (b"question,answer\n\xff\xfe,\x00", "UnicodeDecodeError"),
    "cut.parquet": (b"PAR1", "ArrowInvalid"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_cannot_be_read_are_named(tmp_path, name):
    content, message = FILES[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TaskError, match=message):
        load(str(tmp_path / name)).examples("train")


def test_a_file_is_needed_and_options_have_types(tmp_path):
    with pytest.raises(ConfigError, match=r"received none; give one with --task-options\.path"):
        load_task("file")
    path = write(tmp_path, ".jsonl", ROWS)
    with pytest.raises(ConfigError, match=r"option 'grading' of task 'file' .*received 'sum'"):
        load(path, grading="sum")
    with pytest.raises(ConfigError, match=r"an option of task 'file' .*received 'colour'"):
        load(path, colour=1)
