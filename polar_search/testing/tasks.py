"""The conformance suite of tasks: what searches and statistics rely on, checked without a model.

A package that brings a task enrols it with one fixture::

    class TestMyTask(TaskSuite):
        @pytest.fixture
        def make_task(self):
            return partial(MyTask, path="data.jsonl")
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from itertools import combinations

import pytest

from polar_search.errors import TaskError
from polar_search.tasks import SPLITS, Example, Task, Verdict

MakeTask = Callable[[], Task]

STRANGE_TEXTS = (
    *("", " ", "\n", "\x00", "\x1b[2J", "🙂", "(" * 1000, "\\", "\\boxed{", "\\boxed{}", "}{"),
    *("\\boxed{\\frac{1}{0}}", "\\boxed{(}", "nan", "None", "A" * 10_000, "\uff11", "\u202e1"),
)
"""What a model may write; none of it may disturb a grade."""


class TaskSuite:
    """What every task must do. Override `make_task`."""

    @pytest.fixture
    def make_task(self) -> MakeTask:
        """The task's class, or a `functools.partial` of it with options, importable by name."""
        raise NotImplementedError("override the fixture `make_task` to return your task's class")

    def test_examples_have_ids_of_their_own_and_levels_from_one(self, make_task: MakeTask) -> None:
        """And there are some."""
        task = make_task()
        examples = [example for split in SPLITS for example in task.examples(split)]
        assert examples, "expected examples in some split, received none"
        ids = {example.id for example in examples}
        assert len(ids) == len(examples), "expected an id of its own for every example"
        for example in examples:
            assert isinstance(example.level, int), f"expected an integer, received {example.level}"
            assert example.level >= 1, f"expected a level of 1 or more, received {example.level}"

    def test_no_question_is_in_two_splits(self, make_task: MakeTask) -> None:
        """What is tested on was never searched or trained on."""
        task = make_task()
        questions = {split: {e.question for e in task.examples(split)} for split in SPLITS}
        for one, other in combinations(SPLITS, 2):
            both = questions[one] & questions[other]
            assert not both, f"expected no question in {one} and {other}, received {both}"

    def test_the_same_again(self, make_task: MakeTask) -> None:
        """Examples, prompts and fingerprint are those of another instance, and travel."""
        task, other = make_task(), pickle.loads(pickle.dumps(make_task()))
        for split in SPLITS:
            assert list(task.examples(split)) == list(other.examples(split))
        assert task.fingerprint() == other.fingerprint() == task.fingerprint()
        assert re.fullmatch(r"[0-9a-f]{16}", task.fingerprint())
        for example in self._some(task):
            assert task.prompt(example, None) == other.prompt(example, None)
            assert tuple(task.choices(example)) == tuple(other.choices(example))

    def test_prompts_are_texts(self, make_task: MakeTask) -> None:
        """An engine cannot run an empty one."""
        task = make_task()
        for example in self._some(task):
            prompt = task.prompt(example, None)
            assert isinstance(prompt, str)
            assert prompt, f"expected a prompt of example '{example.id}', received an empty text"

    def test_grading_takes_any_text_and_batches_grade_alike(self, make_task: MakeTask) -> None:
        """Never an error, in the order given, and a batch says what one by one says."""
        task = make_task()
        answers = [(example, text) for example in self._some(task) for text in STRANGE_TEXTS]
        verdicts = task.grade_all(answers)
        assert all(isinstance(verdict, Verdict) for verdict in verdicts)
        assert verdicts == [task.grade(example, text) for example, text in answers]
        assert task.grade_all([]) == []

    def test_no_beginning_of_a_right_answer_is_settled(self, make_task: MakeTask) -> None:
        """What is settled can only become wrong."""
        task = make_task()
        for example in self._some(task):
            for answer in (*task.choices(example), example.answer):
                begun = [answer[:end] for end in range(len(answer) + 1)]
                settled = [text for text in begun if task.settled(example, text)]
                assert not settled or not task.grade(example, answer).correct

    def test_choices_are_graded_and_one_of_them_is_right(self, make_task: MakeTask) -> None:
        """Where a model chooses, it can be right."""
        task = make_task()
        for example in self._some(task):
            if choices := task.choices(example):
                right = [task.grade(example, choice).correct for choice in choices].count(True)
                assert right == 1, f"expected one right choice of '{example.id}', received {right}"

    def test_an_unknown_split_is_an_error_or_empty(self, make_task: MakeTask) -> None:
        """Not the examples of another one."""
        try:
            found = make_task().examples("tset")  # type: ignore[arg-type]
        except TaskError:
            return
        assert not found

    @staticmethod
    def _some(task: Task) -> list[Example]:
        """The first and the last example of every split."""
        found = [task.examples(split) for split in SPLITS]
        return [
            example for examples in found if examples for example in (examples[0], examples[-1])
        ]
