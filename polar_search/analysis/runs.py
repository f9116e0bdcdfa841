"""The statistics of a run folder."""

from __future__ import annotations

from polar_search.analysis.outcomes import Outcomes
from polar_search.analysis.report import Statistics, summarize
from polar_search.errors import RunError
from polar_search.search.places import Location
from polar_search.search.run import open_run
from polar_search.search.store import read_coded_outcomes
from polar_search.tasks import SPLITS, load_task


def outcomes_of(path: Location) -> Outcomes:
    """The outcomes of the run in `path`, from what is stored so far.

    Raises:
        RunError: The folder holds no run, no outcomes yet, or a broken part.
    """
    config = open_run(path).fixed() or {}
    return read_for_statistics(path, config["num_layers"])


def read_for_statistics(path: Location, num_layers: int) -> Outcomes:
    """The outcomes in a folder, of a model of `num_layers` layers, in little memory.

    Raises:
        RunError: No outcomes, or a broken part.
    """
    return Outcomes.from_table(read_coded_outcomes(path), num_layers)


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
    folder = open_run(path)
    config = folder.fixed() or {}
    task = load_task(config["task"], config.get("task_options"))
    if task.fingerprint() != config["task fingerprint"]:
        raise RunError(
            f"expected the examples of task '{config['task']}' that '{path}' was searched on, "
            "received others; install the version that its environment.json names"
        )
    examples = {example.id: example for split in SPLITS for example in task.examples(split)}
    outcomes = outcomes_of(path)
    statistics = summarize(
        outcomes, lambda example_id, text: task.grade(examples[example_id], text).correct
    )
    folder.write("stats.json", statistics.to_dict())
    return statistics
