"""The report: what it writes, what it says, and that a browser shows it."""

import csv
import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from fsspec.core import url_to_fs

from polar_search import cli
from polar_search.analysis import Estimate
from polar_search.analysis.runs import statistics_of
from polar_search.report.answer import headline, tiles
from polar_search.report.exhibits import EXHIBITS
from polar_search.report.page import write_report
from polar_search.report.plots import COLOURS, svg


@pytest.fixture(scope="module")
def report(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(run, folder)
    return folder


def test_every_exhibit_has_its_files(report):
    for exhibit in EXHIBITS:
        for kind in ("csv", "md", "tex"):
            assert (report / "tables" / f"{exhibit.name}.{kind}").stat().st_size
        for kind in ("png", "svg") if exhibit.draw else ():
            assert (report / "figures" / f"{exhibit.name}.{kind}").stat().st_size
        assert exhibit.caption.endswith(".")
    assert len({exhibit.name for exhibit in EXHIBITS}) == len(EXHIBITS)


def test_the_numbers_are_those_of_the_statistics(run, report):
    rows = list(csv.DictReader((report / "tables" / "accuracy.csv").open()))
    expected = statistics_of(run).accuracy
    assert [row["level"] for row in rows] == [str(row.level) for row in expected]
    assert [float(row["Both (oracle)"]) for row in rows] == [row.both.value for row in expected]
    assert [int(row["Base: n"]) for row in rows] == [row.base.n for row in expected]


def test_the_page_needs_nothing_else(report):
    page = (report / "report.html").read_text()
    links = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert links
    assert all(link.startswith("#") for link in links)
    assert len(page) < 500_000  # some 25 kB an exhibit


def test_ids_of_the_page_are_unique_and_colours_are_the_pages_own(report):
    page = (report / "report.html").read_text()
    ids = re.findall(r'\sid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    drawings = "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL))
    assert "var(--both)" in drawings
    assert not any(colour in drawings for colour in COLOURS.values())


def test_a_figure_is_the_same_bytes_again(run):
    statistics, exhibit = statistics_of(run), EXHIBITS[0]
    assert svg(exhibit.draw(statistics)) == svg(exhibit.draw(statistics))


def test_only_what_is_named_is_shown_and_printed(run, tmp_path, capsys):
    assert cli.main(["report", str(run), "--out", str(tmp_path), "--only", "budget", "depth"]) == 0
    printed = capsys.readouterr().out
    assert "How much was searched?" in printed
    assert "| level | examples |" in printed
    assert sorted(path.name for path in (tmp_path / "tables").glob("*.csv")) == [
        "budget.csv",
        "depth.csv",
    ]


def test_another_run_and_the_paper_stand_beside_a_run_where_asked_for(run, tmp_path, capsys):
    beside = ["--against", str(run), "--compare", "paper"]
    names = ["budget", "agreement", "paper"]
    arguments = ["report", str(run), "--out", str(tmp_path), "--only", *names, *beside]
    assert cli.main(arguments) == 0
    printed = capsys.readouterr().out
    assert "How far do two runs agree?" in printed
    assert "What do the paper and its replication report?" in printed
    rows = list(csv.DictReader((tmp_path / "tables" / "agreement.csv").open()))
    assert [row["verdict flipped"] for row in rows] == ["0.0"] * 6
    [paper] = [
        row
        for row in csv.DictReader((tmp_path / "tables" / "paper.csv").open())
        if row["number"] == "C->C shorter"
    ]
    assert float(paper["paper"]) == 75.5
    page = (tmp_path / "report.html").read_text()
    assert [name for name in names if f'<section id="{name}">' in page] == names


def test_runs_and_reports_live_at_urls(run, tmp_path, capsys):
    url = "memory://reported/run"
    files = url_to_fs(url)[0]
    files.put(str(run), "/reported/run", recursive=True)
    for arguments in (["stats"], ["report", "--only", "coverage"], ["explore"], ["status"]):
        assert cli.main([arguments[0], url, *arguments[1:]]) == 0
    assert cli.main(["explore", url, "--out", f"file://{tmp_path}/page.html"]) == 0
    out = capsys.readouterr().out
    assert f"report: {url}/report/report.html" in out
    assert f"explorer: {url}/explore.html" in out
    assert "<td" in files.cat("/reported/run/report/report.html").decode()
    assert files.cat("/reported/run/explore.html").decode() == (tmp_path / "page.html").read_text()
    assert files.cat("/reported/run/stats.json")


def gains(statistics, value, low, high):
    """The statistics with another gain of the static program over all levels."""
    gain = Estimate(value, low, high, 1, 10)
    menus = [
        replace(row, gain=gain) if row.level == "all" and row.size == 1 else row
        for row in statistics.menus
    ]
    return replace(statistics, menus=tuple(menus))


def test_a_gain_is_claimed_only_when_its_interval_excludes_zero(run):
    statistics = statistics_of(run)
    for gain, said in (
        ((0.1, 0.02, 0.2), "One program for all inputs beats the standard pass: +10.0 points"),
        ((0.1, 0.0, 0.2), "examples do not tell this from chance"),
        ((-0.1, -0.2, -0.05), "does worse than the standard pass: -10.0 points [-20, -5]"),
        ((0.0, None, None), "No single program for all inputs is known to beat"),
        ((None, None, None), "too few examples"),
    ):
        assert said in headline(gains(statistics, *gain))[0]


def test_what_an_oracle_picks_is_called_so(run):
    statistics = statistics_of(run)
    assert "only an oracle picks" in headline(statistics)[1]
    assert [tile.note.count("oracle") for tile in tiles(statistics)] == [0, 0, 1, 1]


def test_hostile_words_of_a_run_stay_words(run, tmp_path):
    hostile = tmp_path / "<img src=x onerror=alert(1)>"
    hostile.mkdir()
    for path in run.rglob("*"):
        if path.is_file() and path.suffix in (".parquet", ".json"):
            target = hostile / path.relative_to(run)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    config = json.loads((hostile / "config.json").read_text())
    config["config"]["model"] = "</title><script>alert(1)</script>"
    (hostile / "config.json").write_text(json.dumps(config))
    write_report(hostile, tmp_path / "out", ["budget"])
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script" not in page
    assert "<img" not in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{tmp}/nothing"], "expected a run folder, received '{tmp}/nothing'"),
        (["{run}", "--only", "acuracy"], "an exhibit, received 'acuracy'; did you mean accuracy?"),
        (["{run}", "--only", "agreement"], "expected --against RUN with exhibit 'agreement'"),
        (["{run}", "--only", "paper"], "expected --compare paper with exhibit 'paper'"),
        (
            ["{run}", "--against", "{tmp}/nothing"],
            "expected a run folder, received '{tmp}/nothing'",
        ),
        (["{run}", "--out", "{tmp}/file"], "expected to write '{tmp}/file"),
        ([], "run"),
    ],
)
def test_mistakes_end_with_one_line(arguments, said, run, tmp_path, capsys):
    (tmp_path / "file").touch()
    filled = [argument.format(tmp=tmp_path, run=run) for argument in arguments]
    assert cli.main(["report", *filled]) == 2
    error = capsys.readouterr().err
    assert said.format(tmp=tmp_path) in error
    assert error.count("\n") == 1


def test_help_needs_no_matplotlib():
    code = (
        "import sys, polar_search.cli.report as r\n"
        "try: r.main(['--help'])\nexcept SystemExit: print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False\n")


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_report(open_page, report, scheme):
    page = open_page(report / "report.html", color_scheme=scheme)
    assert page.locator("h1").inner_text() == "What programs of layers are worth here"
    assert page.locator("figure svg").count() == sum(e.draw is not None for e in EXHIBITS)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(17, 22, 27)"}[scheme]
    page.get_by_role("link", name="menus").click()
    assert page.locator("#menus h2").is_visible()
    wide = "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(wide)
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate(wide)


@pytest.mark.slow
def test_the_report_prints_on_light_paper(open_page, report):
    page = open_page(report / "report.html", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf().startswith(b"%PDF")
