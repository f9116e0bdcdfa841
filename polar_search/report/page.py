"""The report of a run: one page that needs nothing else, and its figures and tables as files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from matplotlib.figure import Figure

from polar_search.analysis import Statistics
from polar_search.analysis.runs import statistics_of
from polar_search.analysis.tables import searched_by
from polar_search.errors import ConfigError
from polar_search.report.answer import headline, tiles
from polar_search.report.beside import agreement_exhibit, paper_exhibit
from polar_search.report.exhibits import BESIDE, Exhibit, check_names, chosen
from polar_search.report.plots import inline_svg, png, svg
from polar_search.report.sheets import Sheet
from polar_search.search.places import Location, place_of, write_file
from polar_search.search.run import open_run

MAIN_OPTIONS = ("model", "task", "split", "agent", "budget", "seed", "max_edits", "max_repeats")


@dataclass(frozen=True)
class Shown:
    """An exhibit with its table filled in and its figure drawn."""

    exhibit: Exhibit
    sheet: Sheet
    figure: Figure | None

    @property
    def inline(self) -> Markup | None:
        """The figure, to stand in a page."""
        if self.figure is None:
            return None
        return Markup(inline_svg(self.figure, self.exhibit.title, self.exhibit.name))


def write_report(
    run: Location,
    out: Location,
    only: Sequence[str] = (),
    *,
    against: Location | None = None,
    paper: bool = False,
) -> list[Shown]:
    """Write the report of a run, from what is stored so far, into the folder `out`.

    `report.html` is the page; `figures/` has PNG and SVG, `tables/` has CSV, LaTeX and Markdown.

    Args:
        run: The run folder.
        out: Where to write; made where there is none.
        only: Names of exhibits to show; all by default.
        against: Another run, to tell how far its outcomes agree with those of this one.
        paper: Whether to set the published numbers beside the run's.

    Returns:
        What is shown, in the order of the page.

    Raises:
        UnknownNameError: There is no exhibit of a name.
        ConfigError: One that is there on demand was named, but not asked for.
        RunError: The folder holds no run or no outcomes, or `out` cannot be written.
    """
    given = {"agreement": against is not None, "paper": paper}
    check_names(only)
    for name in only:
        if not given.get(name, True):
            wanted = BESIDE[name]
            raise ConfigError(f"expected {wanted} with exhibit '{name}', received none; add it")
    statistics = statistics_of(run)
    beside = [agreement_exhibit(run, against)] if against is not None else []
    beside += [paper_exhibit(run, statistics)] if paper else []
    exhibits = chosen(only, beside)
    shown = [
        Shown(exhibit, exhibit.sheet(statistics), exhibit.draw and exhibit.draw(statistics))
        for exhibit in exhibits
    ]
    files = {"report.html": report_page(run, statistics, shown).encode()}
    for one in shown:
        files |= _files(one)
    place = place_of(out)
    for name, content in files.items():
        write_file(f"{place}/{name}", content)
    return shown


def report_page(run: Location, statistics: Statistics, shown: Sequence[Shown]) -> str:
    """The page: the answer first, then the exhibits, then what was run."""
    folder = open_run(run)
    config = (folder.read("config.json") or {}).get("config", {})
    environments = folder.read("environment.json") or [{}]
    return template("report.html").render(
        name=folder.place.name,
        config=config,
        options={name: config[name] for name in MAIN_OPTIONS if name in config},
        environment=_facts(environments[-1]),
        headline=headline(statistics),
        tiles=tiles(statistics),
        statistics=statistics,
        searched=searched_by(statistics),
        shown=shown,
    )


def _facts(environment: Mapping[str, Any]) -> dict[str, str]:
    packages = environment.get("packages", {})
    return {
        **{name: str(environment[name]) for name in environment if name != "packages"},
        "packages": ", ".join(f"{name} {version}" for name, version in packages.items()),
    }


def _files(shown: Shown) -> dict[str, bytes]:
    """The figure and the table of an exhibit, by file name."""
    name = shown.exhibit.name
    files = {
        f"tables/{name}.csv": shown.sheet.csv().encode(),
        f"tables/{name}.md": shown.sheet.markdown().encode(),
        f"tables/{name}.tex": shown.sheet.latex().encode(),
    }
    if shown.figure is not None:
        files[f"figures/{name}.png"] = png(shown.figure)
        files[f"figures/{name}.svg"] = svg(shown.figure).encode()
    return files


@cache
def _environment() -> Environment:
    loader = PackageLoader("polar_search.report")
    return Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def template(name: str) -> Template:
    """A template of this room; whatever is put into it is escaped."""
    return _environment().get_template(name)
