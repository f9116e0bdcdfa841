"""The explorer: what is packed, and that a browser browses it."""

import base64
import gzip
import json
import re
from dataclasses import replace

import pytest
import synthetic

from polar_search import SearchConfig, cli
from polar_search.analysis import Outcomes
from polar_search.program import Program
from polar_search.report.agents import agent_names
from polar_search.report.explorer import write_explorer
from polar_search.search.outcome import Outcome
from polar_search.search.run import RunFolder
from polar_search.search.store import Fingerprints, Store, read_outcomes, read_trace

HOSTILE = '</script><img src=x onerror="alert(1)"><b>{{7*7}}</b>\u2028\x00&amp;'


def parts(page):
    """Every part of the data in a page, unpacked, by its id."""
    found = re.findall(r'<script type="text/plain" id="([^"]+)">([^<]*)</script>', page)
    return {name: json.loads(gzip.decompress(base64.b64decode(text))) for name, text in found}


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("explorer") / "explore.html"
    write_explorer(run, path)
    return path


@pytest.fixture(scope="module")
def two_agents(tmp_path_factory):
    """Six examples, two agents, and texts that would be code if they were not escaped."""
    folder = tmp_path_factory.mktemp("made") / "<i>two"
    synthetic.write_run(folder, ("a", "b"), limit=6, programs=20, text=lambda rng: HOSTILE)
    return folder


def test_all_outcomes_and_all_steps_are_in_the_page(run, page):
    packed = parts(page.read_text())
    index = packed["index"]
    ones = [one for name in packed if name.startswith("chunk-") for one in packed[name]]
    outcomes = {
        (id_, index["notation"][program], one["texts"][text], bool(correct))
        for id_, one in zip(index["id"], ones, strict=True)
        for program, text, correct in zip(one["program"], one["text"], one["correct"], strict=True)
    }
    stored = read_outcomes(run).to_pylist()
    assert outcomes == {(r["example_id"], r["program"], r["text"], r["correct"]) for r in stored}

    notation = {tuple(row["path"]): row["program"] for row in stored}
    notation[()] = None
    steps = {
        (id_, step, *(index["notation"][one["program"][o]] if o >= 0 else None for o in pair))
        for id_, one in zip(index["id"], ones, strict=True)
        for step, pair in enumerate(one["steps"][0])
    }
    trace = read_trace(run).to_pylist()
    paths = [(r["path"], r["parent_path"] or ()) for r in trace]
    assert steps == {
        (r["example_id"], r["step"], *(notation[tuple(path)] for path in pair))
        for r, pair in zip(trace, paths, strict=True)
    }


def test_the_index_tells_kinds_and_the_shortest_valid_program(run, page):
    index = parts(page.read_text())["index"]
    outcomes = Outcomes.from_table(read_outcomes(run), 8)
    assert [kind == 0 for kind in index["kind"]] == outcomes.base.tolist()
    for example, id_ in enumerate(index["id"]):
        rows = (outcomes.example == example) & outcomes.correct
        depths = outcomes.depth[outcomes.program[rows]]
        assert index["valid"][example] == len(depths), id_
        assert index["shortest"][example] == min(depths, default=0), id_
        assert (index["kind"][example] == 2) == (len(depths) == 0), id_


def test_the_programs_tell_whom_they_answer(two_agents, tmp_path):
    write_explorer(two_agents, tmp_path / "page.html")
    packed = parts((tmp_path / "page.html").read_text())
    outcomes = Outcomes.from_table(read_outcomes(two_agents), synthetic.LAYERS)
    for program, answered in enumerate(packed["programs"]["answered"]):
        rows = (outcomes.program == program) & outcomes.correct
        assert answered == sorted(outcomes.example[rows].tolist())
        corrected = sum(not outcomes.base[example] for example in answered)
        assert packed["programs"]["corrected"][program] == corrected


def test_agents_are_called_as_configured_and_by_what_tells_them_apart(run, two_agents, tmp_path):
    folder = RunFolder(run)
    [recorded] = folder.read("environment.json")
    config = SearchConfig(**recorded["config"])
    again, other = replace(config, seed=1), replace(config, agent="random")
    first, second, third = (c.agent_fingerprint() for c in (config, again, other))
    assert agent_names(folder, [first]) == ["mcts"]
    assert head(run, tmp_path)["agents"] == ["mcts"]

    copy = RunFolder(tmp_path / "copy")
    copy.write("environment.json", [{"config": c.to_dict()} for c in (config, again, other)])
    assert agent_names(copy, [second, third, first, "0123456789"]) == [
        *("mcts (seed 1)", "random", "mcts (seed 0)", "agent 012345")
    ]
    assert head(two_agents, tmp_path)["agents"] == ["agent a", "agent b"]


def head(run, tmp_path):
    """What the page of a run tells its script at once."""
    write_explorer(run, tmp_path / "head.html")
    page = (tmp_path / "head.html").read_text()
    return json.loads(re.search(r'id="head">(.*?)</script>', page)[1])


@pytest.fixture(scope="module")
def of_three_sources(tmp_path_factory):
    """One example: a label that nobody executed, a program, and one that was run again alone."""
    folder = tmp_path_factory.mktemp("sources") / "run"
    synthetic.write_run(folder, ("a",), limit=1, programs=3)
    rows = read_outcomes(folder).to_pylist()
    example = rows[0]["example_id"]
    skip, repeat = (Program.parse(text, synthetic.LAYERS) for text in ("S1 K7", "R1 K7"))
    made = [
        Outcome(example, rows[0]["level"], skip, None, True, "imported"),
        Outcome(example, rows[0]["level"], repeat, "x", True, "confirmed"),
        Outcome(example, rows[0]["level"], repeat, "y", False, "executed"),
    ]
    store = Store(folder, Fingerprints("m", "t", "d"), "a")
    store.append(made, [])
    store.flush()
    return folder


def test_the_source_of_every_outcome_is_told(of_three_sources, tmp_path):
    write_explorer(of_three_sources, tmp_path / "page.html")
    packed = parts((tmp_path / "page.html").read_text())
    [one] = packed["chunk-0"]
    names = head(of_three_sources, tmp_path)["sources"]
    found = {
        packed["index"]["notation"][program]: (names[source], one["texts"][text])
        for program, source, text in zip(one["program"], one["source"], one["text"], strict=True)
    }
    assert found["S1 K7"] == ("imported", None)
    assert found["R1 K7"] == ("confirmed", "x")
    assert {source for source, _ in found.values()} == {"imported", "confirmed", "executed"}


@pytest.mark.slow
def test_a_browser_shows_where_outcomes_are_from(open_page, of_three_sources, tmp_path):
    write_explorer(of_three_sources, tmp_path / "page.html")
    view = open_page(tmp_path / "page.html")
    view.wait_for_selector("body[data-ready]")
    badges = view.locator("#detail .row.outcome .badge").all_inner_texts()
    assert sorted(badges) == ["confirmed", "imported"]


def test_the_same_run_gives_the_same_page(run, page, tmp_path):
    write_explorer(run, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{tmp}/nothing"], "expected a run folder, received '{tmp}/nothing'"),
        (["{run}", "--out", "{tmp}/file/page.html"], "expected to write '{tmp}/file/page.html'"),
        ([], "run"),
    ],
)
def test_mistakes_end_with_one_line(arguments, said, run, tmp_path, capsys):
    (tmp_path / "file").touch()
    filled = [argument.format(tmp=tmp_path, run=run) for argument in arguments]
    assert cli.main(["explore", *filled]) == 2
    error = capsys.readouterr().err
    assert said.format(tmp=tmp_path) in error
    assert error.count("\n") == 1


@pytest.mark.slow
def test_a_browser_browses_examples_order_and_tree(open_page, page, run):
    view = open_page(page)
    view.wait_for_selector("body[data-ready]")
    outcomes = Outcomes.from_table(read_outcomes(run), 8)
    assert view.locator("#count").inner_text() == "10 of 10 examples"
    view.select_option("#level", "1")
    assert view.locator("#list .row").count() == 2
    view.select_option("#level", "")
    view.select_option("#kind", "0")
    assert view.locator("#count").inner_text() == f"{outcomes.base.sum()} of 10 examples"

    view.locator("#list .row").first.click()
    view.get_by_role("tab", name="Search order").click()
    for _ in range(3):
        view.get_by_role("button", name="Next").click()
    assert view.locator("output").inner_text().startswith("step 3 of 12: ")
    assert view.locator('.row.outcome[aria-current="true"] .number').first.inner_text() == "3"

    view.get_by_role("tab", name="Tree").click()
    assert view.locator(".treebox circle").count() == 13
    assert view.locator(".treebox path").count() == 12
    view.locator(".treebox circle").nth(5).click()
    assert view.locator(".facts").inner_text().startswith("step 5")


@pytest.mark.slow
def test_a_program_leads_to_the_examples_it_answers(open_page, page):
    view = open_page(page, color_scheme="dark")
    view.wait_for_selector("body[data-ready]")
    view.get_by_role("tab", name="Programs").first.click()
    view.locator("#find").fill("R")
    view.locator("#list .row").first.click()
    text = view.locator("#detail dd").nth(2).inner_text()
    view.get_by_role("button", name="Show the examples it answers").click()
    assert view.locator("#count").inner_text().startswith(f"{text.split()[0]} of 10")
    view.locator("#only").click()
    assert view.locator("#count").inner_text() == "10 of 10 examples"


@pytest.mark.slow
def test_hostile_texts_stay_texts_and_agents_are_told_apart(open_page, two_agents, tmp_path):
    write_explorer(two_agents, tmp_path / "page.html")
    view = open_page(tmp_path / "page.html")
    view.wait_for_selector("body[data-ready]")
    assert view.locator("h1").inner_text() == "<i>two"
    assert view.locator("img").count() == 0
    assert "<b>{{7*7}}</b>" in view.locator("#detail pre").last.inner_text()
    view.get_by_role("tab", name="Search order").click()
    names = view.get_by_label("Agent of the search").locator("option").all_inner_texts()
    assert names == ["agent a", "agent b"]
    view.get_by_label("Agent of the search").select_option("1")
    assert view.locator("output").inner_text().startswith("step 0 of 19")


@pytest.mark.slow
def test_a_hundred_thousand_outcomes_draw_only_what_is_shown(open_page, tmp_path):
    run = synthetic.write_run(tmp_path / "large", ("a",), limit=1000, programs=100)
    write_explorer(run, tmp_path / "page.html")
    view = open_page(tmp_path / "page.html")
    view.wait_for_selector("body[data-ready]")
    assert view.locator("header p").inner_text().endswith("100,000 outcomes, 8 layers")
    view.evaluate("document.getElementById('list').scrollTop = 1e9")
    assert view.locator("#list .row").count() < 40
    view.locator("#list .row").last.click()
    view.locator('#list .row[aria-current="true"]').wait_for()
    assert view.evaluate("document.querySelectorAll('*').length") < 3000
