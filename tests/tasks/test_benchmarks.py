"""Public data sets, read from folders in the Hub's own layout."""

from collections import Counter

import hub_layout
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from polar_search.errors import ConfigError, TaskError
from polar_search.tasks import SPLITS, load_task
from polar_search.tasks.dart_math import PER_LEVEL, cut_into_splits
from polar_search.tasks.splits import split_of


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A folder with all data sets."""
    root = tmp_path_factory.mktemp("hub")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datasets.config.HF_DATASETS_CACHE", root / "cache")
        hub_layout.write_gsm8k(root)
        hub_layout.write_math(root)
        hub_layout.write_asdiv(root)
        hub_layout.write_mawps(root)
        hub_layout.write_mmlu_pro(root)
        hub_layout.write_dart_math(root, {"math": 50, "gsm8k": 30})
        yield root


def load(hub, name, **options):
    return load_task(name, {"source": str(hub), **options})


def by_split(task):
    return {split: task.examples(split) for split in SPLITS}


def test_gsm8k(hub):
    found = by_split(load(hub, "gsm8k"))
    assert [len(found["train"]) + len(found["val"]), len(found["test"])] == [40, 40]
    assert all(split_of(e.question) == "val" for e in found["val"])
    assert all(split_of(e.question) != "val" for e in found["train"])
    example = found["test"][39]
    assert (example.level, example.question, example.answer) == (
        *(1, "What is 39 and 1 (test)?", "40"),
    )
    assert {e.level for e in found["test"]} == {1, 2, 3}


def test_a_folder_may_be_the_data_set_itself_or_hold_it_by_name(hub, tmp_path):
    expected = load(hub, "gsm8k").fingerprint()
    assert load(hub / "openai", "gsm8k").fingerprint() == expected
    assert load(hub / "openai" / "gsm8k", "gsm8k").fingerprint() == expected


def test_math_takes_the_last_box_of_the_solution(hub):
    found = by_split(load(hub, "math"))
    assert Counter(e.level for e in found["test"]) == dict.fromkeys(range(1, 6), 7)
    assert len(found["train"]) + len(found["val"]) == 35
    assert {e.answer for e in found["test"]} == {rf"\frac{{{n}}}{{2}}" for n in range(1, 6)}


def test_asdiv_has_a_test_split_only_and_answers_without_units(hub):
    found = by_split(load(hub, "asdiv"))
    assert [e.answer for e in found["test"]] == ["9", "5,6", "Yes", "1/2"]
    assert found["test"][0].question == "There are 0 things. How many?"
    assert not found["train"]
    assert not found["val"]


def test_mawps(hub):
    task = load(hub, "mawps")
    assert [len(task.examples(split)) for split in SPLITS] == [3, 3, 3]
    example = task.examples("test")[1]
    assert example.answer == "3/4"
    texts = [r"\boxed{0.75}", r"\boxed{\frac34}", r"\boxed{0.7}", "0.75"]
    verdicts = task.grade_all([(example, text) for text in texts])
    assert [verdict.correct for verdict in verdicts] == [True, True, False, False]
    assert task.grade(example, r"\boxed{6/8}").answer == "6/8"


def test_mmlu_pro_by_letter_and_by_likelihood(hub):
    task = load(hub, "mmlu-pro")
    [first, second] = task.examples("test")[:2]
    assert first.question == "Which one is 0?\nA. is no option\nA. 0\nB. 1\nC. 2"
    assert (first.answer, first.level, second.level) == ("A", 9, 10)
    assert task.choices(first) == ()
    assert task.grade(first, r"\boxed{A}").correct
    chosen = load(hub, "mmlu-pro", by="likelihood")
    assert chosen.choices(first) == (" A", " B", " C")
    assert chosen.choices(chosen.examples("test")[7])[-1] == " J"
    assert chosen.grade(first, " A").correct
    assert chosen.prompt(first, None).endswith("C. 2\nAnswer:")
    written = load(hub, "mmlu-pro", prompt="plain", chat="never")
    assert written.fingerprint() != chosen.fingerprint()


def test_mmlu_pro_of_some_subjects(hub):
    task = load(hub, "mmlu-pro", subjects=["math"])
    assert {e.level for split in SPLITS for e in task.examples(split)} == {10}
    with pytest.raises(ConfigError, match=r"subjects of mmlu-pro \(biology, .*received 'maths'"):
        load(hub, "mmlu-pro", subjects=["maths"])


def test_dart_math_bins_both_pools_by_fail_rate_then_id(hub):
    found = by_split(load(hub, "dart-math"))
    examples = [e for split in SPLITS for e in found[split]]
    assert Counter(e.level for e in examples) == dict.fromkeys(range(1, 6), 16)
    assert {s: len(found[s]) for s in SPLITS} == {"train": 50, "val": 10, "test": 20}
    rate = {"math": 50, "gsm8k": 30}

    def difficulty(example):
        pool, _, number = example.id.partition("-")
        return int(number) // 2 * 2 / rate[pool], example.id

    ordered = sorted(examples, key=difficulty)
    assert [e.level for e in ordered] == sorted(e.level for e in examples)
    assert ordered[0].question.partition(" ")[2] == "question 0"
    assert len({e.id for e in examples}) == 80, "a question once, and none that nobody solved"


def test_dart_math_by_the_levels_of_math(hub):
    task = load(hub, "dart-math", levels="math")
    examples = [e for split in SPLITS for e in task.examples(split)]
    assert {e.id.partition("-")[0] for e in examples} == {"math"}
    assert all(e.level == int(e.id.partition("-")[2]) % 5 + 1 for e in examples)
    assert task.fingerprint() != load(hub, "dart-math").fingerprint()


def test_a_level_of_two_thousand_is_cut_as_in_the_paper():
    parts = cut_into_splits(range(3000))
    assert [len(parts[split]) for split in SPLITS] == [1250, 250, 500]
    assert len({member for part in parts.values() for member in part}) == PER_LEVEL
    assert parts == cut_into_splits(range(3000))


def rewrite(hub, tmp_path, change):
    """A copy of gsm8k, changed."""
    folder = tmp_path / "copy"
    hub_layout.write_gsm8k(folder)
    for part in (folder / "openai/gsm8k/main").iterdir():
        pq.write_table(change(pq.read_table(part)), part)
    return folder


def test_missing_columns_and_answers_are_named(hub, tmp_path):
    renamed = rewrite(hub, tmp_path / "a", lambda t: t.rename_columns(["problem", "answer"]))
    with pytest.raises(TaskError, match=r"columns question, answer .*received problem, answer;"):
        load(renamed, "gsm8k").examples("test")

    def without_number(table):
        return table.set_column(1, "answer", pa.array(["no number"] * len(table)))

    with pytest.raises(TaskError, match=r"an answer in every row .* none for gsm8k-train-00000"):
        load(rewrite(hub, tmp_path / "b", without_number), "gsm8k").examples("test")


def test_folders_that_hold_something_else_are_named(hub, tmp_path):
    with pytest.raises(TaskError, match=r"as option 'source', received '.*nowhere', which is none"):
        load(tmp_path / "nowhere", "gsm8k").examples("test")
    with pytest.raises(
        TaskError, match="give a copy in the Hub's layout: hf download openai/gsm8k"
    ):
        load(tmp_path, "gsm8k").examples("test")


def test_a_hub_that_cannot_be_reached_asks_for_a_local_folder():
    with pytest.raises(TaskError, match=r"no connection; .* give a local folder: --task-options"):
        load_task("gsm8k").examples("test")


def test_pools_that_do_not_belong_together_are_named(hub, tmp_path):
    hub_layout.write_dart_math(tmp_path, {"math": 4, "gsm8k": 4})
    [part] = (tmp_path / "hkust-nlp/dart-math-pool-math/data").iterdir()
    table = pq.read_table(part)
    other = table.set_column(0, "query_id", pa.array(["other"] * len(table)))
    pq.write_table(other, part)
    with pytest.raises(TaskError, match=r"with the ids of its query-info, received none among 5"):
        load(tmp_path, "dart-math").examples("test")


@pytest.mark.parametrize("name", ["gsm8k", "math", "asdiv", "mawps", "mmlu-pro", "dart-math"])
def test_prompts_and_gradings_change_the_fingerprint_and_folders_do_not(hub, name, tmp_path):
    task = load(hub, name)
    assert task.fingerprint() == load(hub / ".", name).fingerprint()
    assert task.fingerprint() != load(hub, name, prompt="question").fingerprint()
    assert len(task.fingerprint()) == 16
    with pytest.raises(TaskError, match=f"a split of {name}, received 'tset'"):
        task.examples("tset")
