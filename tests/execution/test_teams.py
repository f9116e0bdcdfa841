"""Rows in teams, one thread each, give what they give in one."""

from __future__ import annotations

import functools

import pytest
import torch

from polar_search.execution import ProgramEngine, Switches
from polar_search.execution.admission import Job
from polar_search.execution.decoding import Ending, RowState
from polar_search.execution.teams import TEAM_ROWS, assemble_teams
from polar_search.testing.families import build, prompts

PATHS = [(0, 1, 2, 3), (1, 2, 3), (0, 1, 2, 1, 2, 3), (2,)]
tiny = functools.cache(build)


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def jobs(lengths):
    ending = Ending(tiny("Llama"), None, 4)
    return [Job(tuple(p), path, RowState(ending)) for p in prompts(0, lengths) for path in PATHS]


def test_teams_share_the_work_and_keep_prompts_together():
    rows = jobs([5, 9, 7, 5, 12, 6, 8] * 8)
    teams = assemble_teams(rows, 3)
    assert len(teams) == 3
    assert sorted(map(id, rows)) == sorted(id(job) for team in teams for job in team)
    owners = [{job.ids for job in team} for team in teams]
    assert sum(map(len, owners)) == len(set().union(*owners))
    loads = [sum(len(job.ids) * len(job.path) for job in team) for team in teams]
    assert max(loads) < 1.1 * min(loads)


def test_few_rows_or_one_prompt_make_one_team():
    assert len(assemble_teams(jobs([5] * (TEAM_ROWS // 4)), 4)) == 1
    assert len(assemble_teams(jobs([5]) * TEAM_ROWS, 4)) == 1


def test_teams_change_nothing(two_threads):
    rows = [(p, path) for p in prompts(1, [9, 3, 12, 7] * 12) for path in PATHS]
    together = ProgramEngine(tiny("Qwen3"), switches=Switches(teams=False))
    parted = ProgramEngine(tiny("Qwen3"))
    assert parted.generate(rows, 5) == together.generate(rows, 5)
    assert parted.stats.work.decoding == together.stats.work.decoding
    assert parted.stats.work.rounds > together.stats.work.rounds
    assert torch.get_num_threads() == 2


def test_scarce_memory_goes_to_one_team(two_threads):
    rows = [(p, path) for p in prompts(2, [9, 3] * 20) for path in PATHS]
    scarce = ProgramEngine(tiny("Qwen3"), kv_memory=60_000)
    assert scarce.generate(rows, 5) == ProgramEngine(tiny("Qwen3")).generate(rows, 5)


def test_an_error_in_one_team_ends_the_others(two_threads):
    model = build("Llama")
    calls = []

    def fail(_, inputs):
        calls.append(inputs[0].shape)
        raise ZeroDivisionError

    rows = [(p, path) for p in prompts(3, [9] * 60) for path in PATHS]
    engine = ProgramEngine(model, kv_memory=400_000)
    engine.generate(rows[:1], 2)
    model.model.layers[2].register_forward_pre_hook(fail)
    with pytest.raises(ZeroDivisionError):
        engine.generate(rows, 5)
    assert len(calls) <= 2
    assert torch.get_num_threads() == 2
