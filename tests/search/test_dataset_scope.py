"""Agents of dataset scope: one for all examples, told chunk by chunk."""

from typing import ClassVar

import pytest
from searching import SPACE, Climber, Watched, drive, outcomes_of, stored, trace_of

from polar_search.program import Program
from polar_search.search.agent import DATASET, seed_of_example

IDENTITY = Program.identity(8)
CHUNK = 2


class ForAll(Climber):
    """Keeps a diary of what it was told."""

    scope = "dataset"
    diaries: ClassVar[list] = []

    def prepare(self, context):
        self.context, self.asked, self.told = context, [[IDENTITY]], []
        self.diaries.append(self)

    def ask(self, n):
        proposals = super().ask(n)
        self.asked.append([proposal.program for proposal in proposals])
        return proposals

    def tell(self, outcomes):
        super().tell(outcomes)
        self.told.append([(o.program, o.example_id) for o in outcomes])


class Fussy(ForAll):
    """Withdraws after the first chunk all but the first program of each batch."""

    def withdraw(self):
        return self.asked[-1][1:]


@pytest.fixture(scope="module")
def examples(loaded):
    """Five, one of each level, so that the last chunk is a small one."""
    return loaded.examples[::3]


@pytest.fixture
def ordered(examples):
    """The examples as they are told."""
    return sorted((e.id for e in examples), key=lambda id_: seed_of_example(0, id_))


def search(loaded, folder, examples, agent=ForAll, stop_at=None, **options):
    """Three programs a batch on two examples at a time; gives what was executed and the agent."""
    evaluator = Watched(loaded.evaluator, stop_at)
    agent.diaries.clear()
    options = {"programs": 5, "ask_batch": 3, "rows": 4, "chunk": CHUNK} | options
    try:
        progress = drive(evaluator, folder, examples, agent, **options)
    except KeyboardInterrupt:
        progress = None
    return evaluator, agent.diaries[0], progress


def test_one_agent_is_told_of_all_examples_chunk_by_chunk(loaded, examples, ordered, tmp_path):
    _, diary, progress = search(loaded, tmp_path, examples)
    assert (diary.context.example_id, diary.context.examples) == (DATASET, 5)
    assert [len(asked) for asked in diary.asked] == [1, 3, 2]
    assert diary.told == [
        [(program, example_id) for program in asked for example_id in chunk]
        for asked in diary.asked
        for chunk in (ordered[:2], ordered[2:4], ordered[4:])
    ]
    assert (progress.examples, progress.programs) == (5, 5 * 6)


def test_the_trace_has_a_step_for_each_program(loaded, examples, tmp_path):
    _, diary, _ = search(loaded, tmp_path, examples)
    steps = trace_of(tmp_path)
    assert {row["example_id"] for row in steps} == {DATASET}
    assert [row["step"] for row in steps] == list(range(6))
    assert [row["path"] for row in steps] == [list(p.path) for a in diary.asked for p in a]
    assert len(outcomes_of(tmp_path)) == 5 * 6


def test_a_withdrawn_program_costs_nothing_more(loaded, examples, ordered, tmp_path):
    evaluator, diary, _ = search(loaded, tmp_path, examples, Fussy)
    kept = [asked[0] for asked in diary.asked[1:]]
    for program in (program for asked in diary.asked[1:] for program in asked):
        tried = [id_ for id_, executed in evaluator.jobs if executed == program]
        assert tried == (ordered if program in kept else ordered[:CHUNK])


def test_a_batch_that_is_withdrawn_whole_ends(loaded, examples, tmp_path):
    class Rejects(ForAll):
        def withdraw(self):
            return self.asked[-1]

    _, diary, _ = search(loaded, tmp_path, examples, Rejects)
    # The standard pass is tried on all five.
    assert [len(told) for told in diary.told] == [2, 2, 1, 3 * CHUNK, 2 * CHUNK]


@pytest.mark.parametrize("rows", [3, 5, 64])
def test_results_do_not_depend_on_the_rows_of_an_evaluation(loaded, examples, tmp_path, rows):
    evaluator, _, _ = search(loaded, tmp_path / "some", examples, rows=rows)
    assert max(map(len, evaluator.calls)) <= rows
    search(loaded, tmp_path / "others", examples[::-1])
    assert stored(tmp_path / "some") == stored(tmp_path / "others")


@pytest.mark.parametrize("agent", [ForAll, Fussy])
def test_a_stopped_search_repeats_nothing_wherever_it_stopped(loaded, examples, tmp_path, agent):
    whole, _, _ = search(loaded, tmp_path / "whole", examples, agent)
    for stop_at in range(0, len(whole.calls), 2):
        folder = tmp_path / str(stop_at)
        before, _, _ = search(loaded, folder, examples, agent, stop_at)
        after, _, _ = search(loaded, folder, examples, agent)
        assert sorted(before.jobs + after.jobs, key=str) == sorted(whole.jobs, key=str)
        assert stored(folder) == stored(tmp_path / "whole")


def test_an_agent_of_dataset_scope_that_fails_is_named(loaded, examples, tmp_path):
    class Fails(ForAll):
        def withdraw(self):
            raise KeyError("what?")

    _, _, progress = search(loaded, tmp_path, examples, Fails, on_agent_error="continue")
    assert progress.examples == 0
    [failure] = progress.failures
    assert failure.example_id == DATASET
    assert "agent Fails on all examples, received KeyError: 'what?'" in failure.message


def test_a_similarity_is_there_for_agents_that_want_it(loaded, examples, tmp_path):
    class Wants(ForAll):
        wants_similarity = True

    _, diary, _ = search(loaded, tmp_path, examples, Wants, programs=1)
    similarity = diary.context.similarity
    assert len(similarity) == 9
    assert all(abs(similarity[i][i] - 1) < 1e-5 for i in range(9))
    assert similarity[0][8] < similarity[7][8] < 1
    assert SPACE.num_layers == 8
