"""The bundled tasks: sizes, levels, splits, and answers computed here in another way."""

import itertools
import json
import re
from collections import Counter

import make_splits
import pytest
from hypothesis import example as explicit
from hypothesis import given
from hypothesis import strategies as st
from permutations import product

from polar_search.errors import TaskError
from polar_search.tasks import SPLITS, TASKS, Example
from polar_search.tasks.splits import split_of

BUNDLED = ("tracking", "arithmetic")
LARGEST = {1: (99, 20), 2: (9,) * 3, 3: (9,) * 4, 4: (9,) * 5, 5: (9,) * 6}


def everything(name):
    task = TASKS.load(name)()
    return [(split, example) for split in SPLITS for example in task.examples(split)]


@pytest.mark.parametrize("name", BUNDLED)
def test_sizes_levels_and_ids(name):
    for split, size in {"train": 400, "val": 100, "test": 400}.items():
        examples = TASKS.load(name)().examples(split)
        assert Counter(e.level for e in examples) == dict.fromkeys(range(1, 6), size)
        assert [e.level for e in examples] == sorted(e.level for e in examples)
        assert all(e.id.startswith(f"{name}-{split}-{e.level}-") for e in examples)
    ids = [example.id for _, example in everything(name)]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", BUNDLED)
def test_questions_are_distinct_across_splits_and_levels(name):
    questions = [example.question for _, example in everything(name)]
    assert len(set(questions)) == len(questions)


def test_every_word_of_tracking_is_in_its_own_split():
    words = {split: set() for split in SPLITS}
    for split, example in everything("tracking"):
        first, second = re.fullmatch(r"([a-z0-9]+)\.([a-z0-9]+)=", example.question).groups()
        assert split_of(first) == split_of(second) == split
        assert len(first) == len(second) == make_splits.WORD_LENGTHS[example.level]
        words[split] |= {first, second}
    for one, other in itertools.combinations(SPLITS, 2):
        assert not words[one] & words[other]


def test_every_chain_of_arithmetic_is_in_its_own_split():
    for split, example in everything("arithmetic"):
        chain = example.question.removesuffix("=")
        assert split_of(chain) == split
        numbers = re.split(r"[-+*]", chain)
        assert all(str(int(n)) == n for n in numbers)
        for number, largest in zip(numbers, LARGEST[example.level], strict=True):
            assert int(number) <= largest


def test_words_of_tracking_get_longer_by_level():
    lengths = make_splits.WORD_LENGTHS
    assert sorted(lengths) == sorted(lengths, key=lengths.get) == [1, 2, 3, 4, 5]


def test_answers_of_tracking_are_products_of_permutations():
    for _, example in everything("tracking"):
        first, second = example.question.removesuffix("=").split(".")
        assert example.answer == product(first) + product(second)


def test_answers_of_arithmetic_are_what_python_says():
    for _, example in everything("arithmetic"):
        assert example.answer == str(eval(example.question.removesuffix("=")))
        assert abs(int(example.answer)) <= 99


def test_answers_are_spread_so_that_luck_is_rare():
    """At every level of tracking the most frequent answer is right for hardly anybody."""
    for level in range(1, 6):
        answers = Counter(e.answer for _, e in everything("tracking") if e.level == level)
        assert len(answers) > 400
        assert answers.most_common(1)[0][1] <= 8


@pytest.mark.parametrize("name", BUNDLED)
def test_the_data_of_the_package_are_what_the_script_makes(name):
    draw = {"tracking": make_splits.draw_tracking, "arithmetic": make_splits.draw_arithmetic}
    made = make_splits.fill(name, draw[name])
    for split in SPLITS:
        lines = (make_splits.DATA / name / f"{split}.jsonl").read_text().splitlines()
        assert [Example(**json.loads(line)) for line in lines] == made[split]


@pytest.mark.parametrize("name", BUNDLED)
@given(text=st.text(max_size=8))
@explicit(text="")
@explicit(text="\ud800")
def test_grading_is_equality_but_for_white_space(name, text):
    task = TASKS.load(name)()
    example = task.examples("val")[0]
    verdict = task.grade(example, text)
    assert verdict.correct == (text.strip() == example.answer)
    assert verdict.answer == (text.strip() or None)
    assert task.grade(example, f" {example.answer}\n").correct
    assert not task.grade(example, example.answer + "1").correct


@pytest.mark.parametrize("name", BUNDLED)
def test_answers_fit_the_room_they_are_given(name):
    """One token a character, and one that ends the text."""
    task = TASKS.load(name)()
    assert max(len(e.answer) for _, e in everything(name)) + 1 <= task.max_new_tokens


@pytest.mark.parametrize("name", BUNDLED)
def test_unknown_splits_are_named(name):
    with pytest.raises(TaskError, match=f"a split of {name}, received 'tset'; choose from train"):
        TASKS.load(name)().examples("tset")


def test_fingerprints_tell_tasks_apart_and_stay():
    prints = {name: TASKS.load(name)().fingerprint() for name in BUNDLED}
    assert len(set(prints.values())) == 2
    assert all(re.fullmatch(r"[0-9a-f]{16}", value) for value in prints.values())

    class OneLess(TASKS.load("tracking")):
        """The same task but for one example."""

        def examples(self, split):
            return super().examples(split)[split == "test" :]

    OneLess.__module__, OneLess.__qualname__ = "polar_search.tasks.bundled", "Tracking"
    assert OneLess().fingerprint() != prints["tracking"]
    OneLess.examples = TASKS.load("tracking").examples
    assert OneLess().fingerprint() == prints["tracking"]


@given(st.text())
def test_every_text_has_one_split(text):
    if not any("\ud800" <= c <= "\udfff" for c in text):
        assert split_of(text) in SPLITS


def test_splits_of_some_texts_are_known():
    """CRC-32 modulo ten: up to 7 train, 8 val, 9 test."""
    assert [split_of(text) for text in ("", "a", "b", "123456789")] == [
        *("train", "train"),  # 0 and 3904355907
        "train",  # 1908338681 ends with 1
        "train",  # 3421780262
    ]
    assert [split_of(str(n)) for n in range(10)].count("train") >= 5


@given(begun=st.text("12k \n7-\ufffd", max_size=4), more=st.text("12k \n7-\u3000", max_size=3))
@explicit(begun="\n12 ", more="")
@explicit(begun="-", more="12")
@pytest.mark.parametrize("answer", ["12", "k7", "-12"])
def test_what_is_settled_stays_wrong(answer, begun, more):
    task, example = TASKS.load("tracking")(), Example("x", 1, "", answer)
    if task.settled(example, begun):
        whole = begun.removesuffix("\ufffd") + more
        assert not task.grade(example, whole).correct
    elif "\ufffd" not in begun:
        rest = answer.removeprefix(begun.strip())
        assert task.grade(example, begun + rest).correct
