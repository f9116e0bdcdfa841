"""What to call the agents of a run: a trace knows fingerprints only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from polar_search.errors import PolarSearchError
from polar_search.search.config import DECIDE_WHAT_IS_ASKED, SearchConfig
from polar_search.search.run import RunFolder
from polar_search.tasks import Task, chosen_examples, load_task


def agent_names(folder: RunFolder, fingerprints: Sequence[str]) -> list[str]:
    """A name for each agent: as configured, with what tells it from others of that name.

    Every configuration that the run was begun or continued with is in its `environment.json`.
    """
    found = _configurations(folder)
    known = {
        fingerprint: found[fingerprint] for fingerprint in fingerprints if fingerprint in found
    }
    return [
        _name(known[fingerprint], list(known.values()))
        if fingerprint in known
        else f"agent {fingerprint[:6]}"
        for fingerprint in fingerprints
    ]


def _configurations(folder: RunFolder) -> dict[str, dict[str, Any]]:
    """The recorded configurations by the fingerprints that their agents may have."""
    options = {field.name for field in fields(SearchConfig)}
    task: Task | None = None
    found = {}
    for environment in folder.read("environment.json") or ():
        recorded = environment.get("config", {})
        try:
            config = SearchConfig(**{k: v for k, v in recorded.items() if k in options})
            task = task or load_task(config.task, config.task_options)
            examples = chosen_examples(task, config.split, config.level, config.limit)
        except PolarSearchError:
            continue  # of another version; its agents keep their fingerprints
        for scope in (None, examples):
            found[config.agent_fingerprint(scope)] = config.to_dict()
    return found


def _name(config: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    """The agent's name, and its options that differ from those of others of the name."""
    namesakes = [other for other in others if other["agent"] == config["agent"]]
    telling = [
        f"{option} {config[option]}"
        for option in DECIDE_WHAT_IS_ASKED
        if any(other[option] != config[option] for other in namesakes)
    ]
    return f"{config['agent']} ({', '.join(telling)})" if telling else str(config["agent"])
