"""Rows that join and leave an open batch give what they give alone."""

from __future__ import annotations

import functools
import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polar_search.errors import ConfigError, ProgramError
from polar_search.execution import ProgramEngine, Row, Sampling, generate_reference
from polar_search.testing.families import NUM_LAYERS, VOCAB, build, prompts

tiny = functools.cache(build)
pool = tuple(tuple(p) for p in prompts(3, [5, 1, 11, 7, 11]))
programs = st.lists(st.integers(0, NUM_LAYERS - 1), min_size=1, max_size=7).map(tuple)
arrivals = st.tuples(st.integers(0, 8), st.sampled_from(pool), programs, st.integers(1, 6))


@functools.cache
def alone(prompt, path, max_new_tokens):
    return generate_reference(tiny("Qwen3"), None, [prompt], path, max_new_tokens)[0]


@settings(max_examples=25)
@given(
    rows=st.lists(arrivals, min_size=1, max_size=10).map(
        lambda rows: sorted(rows, key=operator.itemgetter(0))
    ),
    leaves=st.integers(0, 12),
    memory=st.integers(40_000, 300_000),
)
def test_neither_arrival_nor_company_nor_memory_nor_leaving_matters(rows, leaves, memory):
    """Rows join at given steps, one of them leaves early, and memory may be short."""
    batch = ProgramEngine(tiny("Qwen3"), kv_memory=memory).open(20)
    live, waiting, step = {}, list(enumerate(rows)), 0
    while waiting or batch:
        while waiting and waiting[0][1][0] <= step:
            place, (_, prompt, path, length) = waiting.pop(0)
            (live[place],) = batch.add([Row(prompt, path)], length)
        seen = {place: row.token_ids for place, row in live.items()}
        batch.step()
        for place, before in seen.items():
            assert live[place].token_ids[: len(before)] == before
        if step == leaves and 0 in live:
            batch.remove(live[0])
        step += 1
    for place, (_, prompt, path, length) in enumerate(rows):
        expected, row = alone(prompt, path, length), live[place]
        assert row.token_ids == expected.token_ids[: len(row.token_ids)]
        assert row.result == expected or (row.result is None and place == 0)


def test_near_ties_are_not_told_before_the_reference_has_decided():
    model = build("Llama")
    prompt = prompts(6, [6])[0]
    (free,) = ProgramEngine(model).generate([(prompt, (0, 1, 2, 3))], 6)
    model.lm_head.weight[VOCAB - 1] = model.lm_head.weight[free.token_ids[1]]
    engine = ProgramEngine(model)
    batch = engine.open(20)
    (row,) = batch.add([Row(prompt, (0, 1, 2, 3))], 6)
    told = set()
    while not batch.step():
        told.add(row.token_ids)
    assert max(map(len, told)) <= 1
    assert row.result == generate_reference(model, None, [prompt], (0, 1, 2, 3), 6)[0]
    assert engine.stats.near_ties == engine.stats.rows == 1


def test_samples_are_those_of_a_closed_batch():
    engine = ProgramEngine(tiny("Qwen3"))
    rows = [Row(pool[0], (0, 1, 2, 3), sampling=Sampling(seed=seed)) for seed in range(3)]
    expected = engine.generate(rows, 5)
    batch = engine.open(20)
    live = batch.add(rows, 5)
    while batch:
        batch.step()
    assert [row.result for row in live] == expected


def test_mistakes_are_refused_and_leave_the_batch_as_it_was():
    engine = ProgramEngine(tiny("Qwen3"), kv_memory=60_000)
    batch = engine.open(20)
    with pytest.raises(ConfigError, match="at least one token"):
        batch.add([Row(pool[0], (0,)), Row((), (0,))], 3)
    with pytest.raises(ConfigError, match="at most 9 prompt tokens"):
        batch.add([Row(pool[2], (0,))], 11)
    with pytest.raises(ProgramError, match="expected layers 0 to 3"):
        batch.add([Row(pool[0], (9,))], 3)
    with pytest.raises(ConfigError, match="kv_memory; raise it"):
        batch.add([Row(pool[0], (0,) * 90)], 3)
    assert not batch
    (row,) = batch.add([Row(pool[0], (0,))], 3)
    with pytest.raises(ConfigError, match="live batch to be finished, received 1"):
        engine.generate([(pool[0], (0,))], 3)
    batch.close()
    assert row.result is None
    assert len(engine.generate([(pool[0], (0,))], 3)) == 1
