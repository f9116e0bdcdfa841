"""Agents of dataset scope: sweep, importance, menus, evolution of static programs."""

import pytest
from landscapes import outcome
from menus import write_run

from polar_search.agents.evolution import EvolutionAgent
from polar_search.agents.importance import ImportanceAgent
from polar_search.agents.menu import MenuAgent
from polar_search.agents.sweep import SweepAgent
from polar_search.errors import ConfigError
from polar_search.program import Program, ProgramSpace
from polar_search.search.agent import DATASET, Context

WIDE = ProgramSpace(4, max_segment=4)


def texts(programs):
    return [str(program) for program in programs]


def parse(*notations):
    return [Program.parse(notation) for notation in notations]


def test_a_sweep_is_every_block_skipped_and_repeated():
    asked = texts(SweepAgent(WIDE, 0).ask(100))
    assert asked[:4] == ["S1 K3", "K1 S1 K2", "K2 S1 K1", "K3 S1"]
    assert asked[-3:] == ["R3 K1", "K1 R3", "R4"]
    assert len(asked) == len(set(asked)) == 9 + 10  # to skip all four is no program


def test_a_sweep_keeps_to_its_space():
    asked = SweepAgent(ProgramSpace(4, max_segment=2, max_edits=1), 0).ask(100)
    assert len(asked) == 2 * (4 + 3)


def judged(methods, changes, space=WIDE):
    """What is asked when layer i changes the hidden states by `changes[i]`."""
    depths = range(len(changes) + 1)
    similarity = tuple(
        tuple(1 - sum(changes[min(i, j) : max(i, j)]) for j in depths) for i in depths
    )
    agent = ImportanceAgent(space, 0, methods)
    agent.prepare(Context(DATASET, "", 5, similarity))
    return texts(agent.ask(100))


def test_layers_go_by_influence():
    asked = judged(("influence",), (0.3, 0.1, 0.4, 0.2))
    assert asked == ["K1 S1 K2", "K1 S1 K1 S1", "S2 K1 S1"]


def test_blocks_go_by_the_states_at_their_ends():
    assert judged(("block",), (0.1, 0.5, 0.2, 0.2)) == ["S1 K3", "K2 S2", "S3 K1"]


def test_an_exit_leaves_out_the_last_layers():
    assert judged(("exit",), (0.1, 0.2, 0.3, 0.4)) == ["K3 S1", "K2 S2", "K1 S3"]


def test_methods_that_agree_ask_once_and_the_space_is_kept():
    every = ("influence", "block", "exit")
    assert judged(every, (0.4, 0.3, 0.2, 0.1)) == ["K3 S1", "K2 S2", "K1 S3"]
    one_edit = ProgramSpace(4, max_segment=1, max_edits=1)
    assert judged(every, (0.4, 0.3, 0.2, 0.1), one_edit) == ["K3 S1"]


@pytest.mark.parametrize("methods", [(), ("influense",)])
def test_unknown_methods_are_refused(methods):
    with pytest.raises(ConfigError, match="methods among influence, block, exit, received"):
        ImportanceAgent(WIDE, 0, methods)


def test_a_menu_covers_greedily_what_the_identity_leaves(tmp_path):
    identity, first, second, third = parse("K4", "K3 S1", "K2 S1 K1", "S1 K3")
    solved = {identity: "abcd", first: "abcdef", second: "efg", third: "hi"}
    write_run(tmp_path, solved)
    assert MenuAgent(WIDE, 0, run=str(tmp_path)).ask(9) == [second, third]
    assert MenuAgent(WIDE, 0, run=str(tmp_path), size=1).ask(9) == [second]
    by_share = MenuAgent(WIDE, 0, run=str(tmp_path), size=2, by="share")
    assert by_share.ask(9) == [first, second]
    edited = ProgramSpace(4, max_segment=4, max_depth=2)
    assert MenuAgent(edited, 0, run=str(tmp_path)).ask(9) == []


def test_a_menu_needs_valid_programs_of_the_same_model(tmp_path):
    with pytest.raises(ConfigError, match="expected a run with valid programs, received"):
        MenuAgent(WIDE, 0, run=str(tmp_path))
    write_run(tmp_path, {Program.identity(6): "a"})
    with pytest.raises(ConfigError, match=r"a model of 4 layers, received .* with program 'K6'"):
        MenuAgent(WIDE, 0, run=str(tmp_path))


def test_static_programs_are_fit_by_the_share_they_answer():
    agent = EvolutionAgent(WIDE, 0, scope="dataset")
    agent.prepare(Context(DATASET, "", 4))
    half, most, none = parse("K3 S1", "R1 K3", "S2 K2")
    agent.tell([outcome(p, p is not none) for p in (half, most, none) for _ in "ab"])
    agent.tell([outcome(p, p is most) for p in (half, most, none) for _ in "cd"])
    assert texts(m.program for m in agent._population) == ["R1 K3", "K3 S1", "S2 K2"]
    assert agent._population[1].fitness == (0.5, -3)
