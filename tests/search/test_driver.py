"""The driver, with the bundled model."""

from contextlib import suppress
from itertools import pairwise
from types import SimpleNamespace

import pytest
from searching import SPACE, Climber, Watched, drive, outcomes_of, stored, trace_of

from polar_search.agents.exhaustive import ExhaustiveAgent
from polar_search.agents.random import RandomAgent
from polar_search.errors import AgentError
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import Agent, seed_of_example

IDENTITY = Program.identity(8)
OUTSIDE = Program.from_path([0, 2, 4, 6], 8)


@pytest.fixture
def evaluator(loaded):
    return Watched(loaded.evaluator)


@pytest.fixture(scope="module")
def examples(loaded):
    """An easy and two harder ones."""
    return [loaded.examples[i] for i in (0, 6, 13)]


@pytest.fixture(scope="module")
def undisturbed(loaded, examples, tmp_path_factory):
    """What an adaptive agent leaves when nothing happens to it, and what was executed for it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    evaluator = Watched(loaded.evaluator)
    drive(evaluator, folder, examples)
    return SimpleNamespace(tables=stored(folder), calls=evaluator.calls, jobs=evaluator.jobs)


def test_identity_is_the_first_step_and_outside_the_budget(evaluator, examples, tmp_path):
    progress = drive(evaluator, tmp_path, examples, RandomAgent, programs=5)
    assert progress.examples == 3
    assert progress.programs == progress.executed == 3 * (1 + 5)
    trace = trace_of(tmp_path)
    for example in examples:
        steps = [row for row in trace if row["example_id"] == example.id]
        assert [row["step"] for row in steps] == list(range(6))
        assert steps[0]["path"] == list(range(8))
        assert steps[0]["parent_path"] is None


def test_every_step_has_its_outcome(undisturbed):
    outcomes, trace = undisturbed.tables
    assert [(r["example_id"], r["path"]) for r in outcomes] == sorted(
        (r["example_id"], r["path"]) for r in trace
    )


def test_parents_are_traced(undisturbed):
    _, trace = undisturbed.tables
    asked_before = set()
    for row in trace:
        asked_before.add((row["example_id"], tuple(row["path"])))
        if row["step"]:
            assert (row["example_id"], tuple(row["parent_path"])) in asked_before


def test_outcomes_say_what_evaluation_says(loaded, undisturbed, examples):
    outcomes, _ = undisturbed.tables
    by_id = {example.id: example for example in examples}
    for row in outcomes:
        example = by_id[row["example_id"]]
        [direct] = loaded.evaluator.evaluate([(example, Program.from_path(row["path"], 8))])
        assert (row["text"], row["correct"]) == (direct.text, direct.correct)
        assert row["level"] == example.level
        assert row["depth"] == len(row["path"])
        assert row["program"] == str(direct.program)
        assert row["source"] == "executed"


@pytest.mark.parametrize(
    ("programs", "batch", "asked"),
    [(5, 2, [2, 2, 1]), (4, 4, [4]), (1, 16, [1]), (6, 3, [3, 3]), (7, 16, [7])],
)
def test_agents_are_asked_for_batches_until_the_budget_is_spent(
    evaluator, examples, tmp_path, programs, batch, asked
):
    counts = []

    class Counted(RandomAgent):
        def ask(self, n):
            counts.append(n)
            return super().ask(n)

    options = {"programs": programs, "ask_batch": batch, "rows": batch}
    drive(evaluator, tmp_path, examples[:1], Counted, **options)
    assert counts == asked


def test_without_a_budget_the_agent_ends_the_search(evaluator, examples, tmp_path):
    space = ProgramSpace(8, segmentation=(4, 4))
    options = {"programs": None, "ask_batch": 3, "rows": 8, "space": space}
    progress = drive(evaluator, tmp_path, examples[:2], ExhaustiveAgent, **options)
    assert progress.programs == 2 * space.size() == 2 * 8


@pytest.mark.parametrize(("rows", "in_work"), [(2, 1), (4, 2), (5, 2), (64, 3)])
def test_an_evaluation_has_no_more_rows_than_allowed(evaluator, examples, tmp_path, rows, in_work):
    drive(evaluator, tmp_path, examples, rows=rows)
    assert max(map(len, evaluator.calls)) <= rows
    assert max(len({id_ for id_, _ in call}) for call in evaluator.calls) == in_work


@pytest.mark.parametrize("rows", [2, 3, 64])
def test_results_do_not_depend_on_what_is_in_work_beside(
    evaluator, examples, undisturbed, tmp_path, rows
):
    drive(evaluator, tmp_path / "forth", examples, rows=rows)
    drive(evaluator, tmp_path / "back", examples[::-1], rows=rows)
    assert stored(tmp_path / "forth") == stored(tmp_path / "back") == undisturbed.tables


def test_seeds_decide_what_is_searched(evaluator, examples, undisturbed, tmp_path):
    drive(evaluator, tmp_path / "same", examples)
    drive(evaluator, tmp_path / "other", examples, seed=1)
    assert stored(tmp_path / "same") == undisturbed.tables
    assert trace_of(tmp_path / "other") != undisturbed.tables[1]


def test_examples_have_seeds_of_their_own(evaluator, examples, tmp_path):
    drive(evaluator, tmp_path, examples, RandomAgent)
    asked = {}
    for row in trace_of(tmp_path):
        asked.setdefault(row["example_id"], []).append(row["path"])
    assert all(one != other for one, other in pairwise(asked.values()))


def test_seed_of_an_example_is_the_same_everywhere():
    # The first 16 hexadecimal digits of `printf 0:tracking-train-1-001 | sha256sum`.
    assert seed_of_example(0, "tracking-train-1-001") == 12138385662270335044
    assert seed_of_example(1, "tracking-train-1-001") == 6715876710627485474


def test_a_stopped_search_repeats_nothing_wherever_it_stopped(
    loaded, examples, undisturbed, tmp_path
):
    for stop_at in range(len(undisturbed.calls)):
        folder = tmp_path / str(stop_at)
        before = Watched(loaded.evaluator, stop_at)
        with pytest.raises(KeyboardInterrupt):
            drive(before, folder, examples)
        assert len(outcomes_of(folder)) == len(before.jobs)

        after = Watched(loaded.evaluator)
        progress = drive(after, folder, examples)
        assert sorted(before.jobs + after.jobs, key=str) == sorted(undisturbed.jobs, key=str)
        assert (progress.executed, progress.reused) == (len(after.jobs), len(before.jobs))
        assert stored(folder) == undisturbed.tables


def test_a_search_stopped_again_and_again_gets_to_the_end(loaded, examples, undisturbed, tmp_path):
    jobs = []
    for _ in undisturbed.calls:
        evaluator = Watched(loaded.evaluator, stop_at=1)
        with suppress(KeyboardInterrupt):
            drive(evaluator, tmp_path, examples)
        jobs += evaluator.jobs
    assert sorted(jobs, key=str) == sorted(undisturbed.jobs, key=str)
    assert stored(tmp_path) == undisturbed.tables


def test_a_finished_search_executes_nothing_again(evaluator, examples, tmp_path):
    first = drive(evaluator, tmp_path, examples)
    files = sorted(tmp_path.rglob("*"))
    again = drive(evaluator, tmp_path, examples)
    assert (again.executed, again.reused) == (0, first.programs)
    assert (again.examples, again.valid) == (first.examples, first.valid)
    assert sorted(tmp_path.rglob("*")) == files


@pytest.mark.parametrize("table", ["outcomes", "trace"])
def test_a_search_makes_up_for_a_part_that_was_moved_away(
    loaded, examples, undisturbed, tmp_path, table
):
    for stop_at in (3, 2, None):
        with suppress(KeyboardInterrupt):
            drive(Watched(loaded.evaluator, stop_at), tmp_path, examples)
    parts = sorted((tmp_path / table).iterdir())
    assert len(parts) > 2
    for part in parts:
        part.rename(tmp_path / "away")
        assert stored(tmp_path) != undisturbed.tables
        drive(loaded.evaluator, tmp_path, examples)
        assert stored(tmp_path) == undisturbed.tables


def test_growing_examples_and_budget_equals_starting_large(loaded, examples, tmp_path):
    grown, large = Watched(loaded.evaluator), Watched(loaded.evaluator)
    drive(grown, tmp_path / "grown", examples[:2], programs=4)
    drive(grown, tmp_path / "grown", examples, programs=4)
    drive(grown, tmp_path / "grown", examples, programs=8)
    drive(large, tmp_path / "large", examples, programs=8)
    assert sorted(grown.jobs, key=str) == sorted(large.jobs, key=str)
    assert stored(tmp_path / "grown") == stored(tmp_path / "large")


def test_agents_are_told_their_own_outcomes_in_the_order_asked(evaluator, examples, tmp_path):
    diaries = []

    class Diarist(Climber):
        def prepare(self, context):
            self.example_id, self.asked, self.told = context.example_id, [[IDENTITY]], []
            diaries.append(self)

        def ask(self, n):
            proposals = super().ask(n)
            self.asked.append([proposal.program for proposal in proposals])
            return proposals

        def tell(self, outcomes):
            super().tell(outcomes)
            self.told.append(list(outcomes))

    for _ in range(2):  # the second time all comes from the store
        diaries.clear()
        drive(evaluator, tmp_path, examples, Diarist, programs=7, ask_batch=3, rows=6)
        assert [diary.example_id for diary in diaries] == [example.id for example in examples]
        for diary in diaries:
            assert [[o.program for o in told] for told in diary.told] == diary.asked
            assert {o.example_id for told in diary.told for o in told} == {diary.example_id}


class Asks(Agent):
    """Asks something sensible first, then what a test wants."""

    def __init__(self, space, seed):
        super().__init__(space, seed)
        self._answers = [[Program.from_path(range(7), 8)], self.bad(2)]

    def ask(self, n):
        return self._answers.pop(0)


def asking(bad):
    return type("Bad", (Asks,), {"bad": staticmethod(bad)})


def raising(method):
    def fail(self, *_):
        raise KeyError("it\nbroke")

    return type("Bad", (RandomAgent,), {method: fail})


BAD_ANSWERS = {
    "again": (lambda n: [Program.from_path(range(7), 8)], r"new programs .*'K7 S1' again"),
    "twice": (lambda n: 2 * [Program.from_path(range(6), 8)], r"new programs .*'K6 S2' again"),
    "identity": (lambda n: [IDENTITY], r"new programs .*'K8' again"),
    "outside": (lambda n: [OUTSIDE], r"programs of its space .*received 'K1 S1"),
    "other model": (lambda n: [Program.identity(4)], r"programs of its space .*received 'K4'"),
    "too many": (lambda n: list(SPACE)[10 : 11 + n], r"at most 2 programs .*received 3"),
    "paths": (lambda n: [(0, 1, 2)], r"expected programs .*received \(0, 1, 2\)"),
    "nothing at all": (lambda n: None, r"no error .*TypeError: .*NoneType"),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_an_agent_that_breaks_its_contract_is_named(loaded, examples, tmp_path, name):
    bad, message = BAD_ANSWERS[name]
    with pytest.raises(AgentError, match=rf"{message}.*; \w+") as caught:
        drive(loaded.evaluator, tmp_path, examples[:1], asking(bad))
    assert f"agent Bad on example {examples[0].id}" in str(caught.value)
    assert len(outcomes_of(tmp_path)) == 2


@pytest.mark.parametrize(
    ("method", "kept"), [("__init__", 0), ("prepare", 0), ("tell", 1), ("ask", 1)]
)
def test_an_agent_that_raises_is_named_with_the_place(loaded, examples, tmp_path, method, kept):
    with pytest.raises(AgentError, match=r"received KeyError: 'it.{1,2}nbroke'") as caught:
        drive(loaded.evaluator, tmp_path, examples[:1], raising(method))
    message = str(caught.value)
    assert f"agent Bad on example {examples[0].id}" in message
    assert "test_driver.py, line " in message
    assert "\n" not in message
    assert isinstance(caught.value.__cause__, KeyError)
    assert len(outcomes_of(tmp_path)) == kept


def test_one_bad_agent_costs_the_others_nothing_stored(loaded, examples, tmp_path):
    class FailsOnTheSecond(RandomAgent):
        def prepare(self, context):
            self.bad = context.example_id == examples[1].id

        def ask(self, n):
            return [IDENTITY] if self.bad else super().ask(n)

    evaluator = Watched(loaded.evaluator)
    with pytest.raises(AgentError, match=examples[1].id):
        drive(evaluator, tmp_path, examples, FailsOnTheSecond, rows=64)
    assert len(outcomes_of(tmp_path)) == len(evaluator.jobs) == 3

    repaired = drive(evaluator, tmp_path, examples, RandomAgent, rows=64)
    assert repaired.reused == 3

    others = drive(
        Watched(loaded.evaluator), tmp_path, examples, FailsOnTheSecond, on_agent_error="continue"
    )
    assert others.examples == 2
    [failure] = others.failures
    assert failure.example_id == examples[1].id
    assert f"agent FailsOnTheSecond on example {examples[1].id}" in failure.message


def test_failing_agents_make_room_for_others(loaded, examples, tmp_path):
    class FailsAtFirst(RandomAgent):
        def prepare(self, context):
            if context.example_id != examples[-1].id:
                raise KeyError("at first")

    progress = drive(
        loaded.evaluator, tmp_path, examples, FailsAtFirst, rows=2, on_agent_error="continue"
    )
    assert (progress.examples, len(progress.failures)) == (1, 2)
    assert len(outcomes_of(tmp_path)) == 1 + 6


def test_an_agent_that_never_answers_is_ended(loaded, examples, tmp_path):
    class Hangs(RandomAgent):
        def prepare(self, context):
            self.hangs = context.example_id == examples[0].id

        def ask(self, n):
            while self.hangs:
                with suppress(ZeroDivisionError):
                    _ = 1 / 0
            return super().ask(n)

    progress = drive(
        *(loaded.evaluator, tmp_path, examples, Hangs),
        on_agent_error="continue",
        ask_seconds=2.0,
    )
    assert progress.examples == 2
    assert "no answer within 2 seconds (--ask-seconds)" in progress.failures[0].message


def found_by(trace, outcomes):
    """For every example, whether each of its programs is valid, in the order asked."""
    valid = {(row["example_id"], tuple(row["path"])): row["correct"] for row in outcomes}
    found = {}
    for row in trace:
        verdict = valid[row["example_id"], tuple(row["path"])]
        found.setdefault(row["example_id"], []).append((verdict, len(row["path"])))
    return found


@pytest.mark.parametrize("limit", ["stop_after_valid", "stop_after_shorter"])
def test_an_example_is_left_when_it_has_enough(loaded, examples, tmp_path, limit):
    progress = drive(
        *(loaded.evaluator, tmp_path, examples, ExhaustiveAgent),
        programs=None,
        rows=6,
        **{limit: 2},
    )
    assert progress.examples == 3
    outcomes, trace = stored(tmp_path)
    counts = []
    for steps in found_by(trace, outcomes).values():
        hits = [v and (limit == "stop_after_valid" or d < 8) for v, d in steps[1:]]
        # Batches of two are told whole; before the last one there was not enough.
        assert sum(hits[:-2]) < 2
        counts.append(sum(hits))
    assert max(counts) >= 2


def test_wanting_more_goes_on(loaded, examples, tmp_path):
    few, all_ = Watched(loaded.evaluator), Watched(loaded.evaluator)
    drive(few, tmp_path / "grown", examples, programs=20, stop_after_valid=1)
    drive(few, tmp_path / "grown", examples, programs=20)
    drive(all_, tmp_path / "large", examples, programs=20)
    assert stored(tmp_path / "grown") == stored(tmp_path / "large")
    assert sorted(few.jobs, key=str) == sorted(all_.jobs, key=str)
