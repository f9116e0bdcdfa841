"""The statistics of a run folder."""

from __future__ import annotations

from collections.abc import Sequence

from polar_search.analysis.outcomes import Outcomes
from polar_search.analysis.report import Statistics, summarize
from polar_search.search.places import Location
from polar_search.search.run import open_run, task_of_run
from polar_search.search.store import read_coded_outcomes
from polar_search.tasks import SPLITS

MENU = "menu"
"""Where in a run's folder the outcomes of shared menus lie, which are no part of the search."""


def outcomes_of(path: Location) -> Outcomes:
    """The outcomes of the run in `path`, from what is stored so far.

    Raises:
        RunError: The folder holds no run, no outcomes yet, or a broken part.
    """
    config = open_run(path).fixed() or {}
    return read_for_statistics(path, config["num_layers"])


def cells_of(path: Location) -> Outcomes:
    """The outcomes of the run in `path`, and those executed for its menus.

    Raises:
        RunError: The folder holds no run, no outcomes yet, or a broken part.
    """
    folder = open_run(path)
    layers = (folder.fixed() or {})["num_layers"]
    return read_for_statistics(folder.place, layers, folder.place.below(MENU))


def read_for_statistics(path: Location, num_layers: int, *more: Location) -> Outcomes:
    """The outcomes in one or more folders, of a model of `num_layers` layers, in little memory.

    Raises:
        RunError: No outcomes, or a broken part.
    """
    return Outcomes.from_table(read_coded_outcomes(path, *more), num_layers)


def model_of(path: Location) -> str:
    """The name of the model that was searched.

    Raises:
        RunError: The folder holds no run.
    """
    return str((open_run(path).fixed() or {})["model"])


def statistics_of(path: Location) -> Statistics:
    """The statistics of the run in `path`, from what is stored so far; kept in its `stats.json`.

    Raises:
        RunError: The folder holds no run, no outcomes yet, or a broken part, or the task has
            changed since.
    """
    folder, task = open_run(path), task_of_run(path)
    examples = {example.id: example for split in SPLITS for example in task.examples(split)}

    def grade(pairs: Sequence[tuple[str, str]]) -> list[bool]:
        verdicts = task.grade_all([(examples[id_], text) for id_, text in pairs])
        return [verdict.correct for verdict in verdicts]

    executed = folder.place.below(MENU).below("outcomes").names()
    cells = cells_of(path) if executed else None
    statistics = summarize(outcomes_of(path), grade, cells=cells)
    folder.write("stats.json", statistics.to_dict())
    return statistics
