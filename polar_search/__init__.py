"""Find the programs of layers that make a frozen language model answer.

The public names of all rooms, imported only when they are used: `import polar_search` is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polar_search.analysis import Outcomes as Outcomes
    from polar_search.analysis import Statistics as Statistics
    from polar_search.analysis import summarize as summarize
    from polar_search.errors import PolarSearchError as PolarSearchError
    from polar_search.execution import Generation as Generation
    from polar_search.execution import ProgramEngine as ProgramEngine
    from polar_search.execution import Row as Row
    from polar_search.execution import Sampling as Sampling
    from polar_search.execution import unrolled as unrolled
    from polar_search.predictor.config import TrainConfig as TrainConfig
    from polar_search.predictor.predictor import Predictor as Predictor
    from polar_search.program import Operation as Operation
    from polar_search.program import Program as Program
    from polar_search.program import ProgramSpace as ProgramSpace
    from polar_search.program import Segment as Segment
    from polar_search.search.agent import Agent as Agent
    from polar_search.search.agent import Context as Context
    from polar_search.search.agent import Proposal as Proposal
    from polar_search.search.config import SearchConfig as SearchConfig
    from polar_search.search.outcome import Outcome as Outcome
    from polar_search.search.run import load_outcomes as load_outcomes
    from polar_search.search.session import Session as Session
    from polar_search.search.store import read_outcomes as read_outcomes
    from polar_search.serving.completion import Completion as Completion
    from polar_search.serving.model import PolarModel as PolarModel
    from polar_search.serving.model import load as load
    from polar_search.tasks import Example as Example
    from polar_search.tasks import Task as Task
    from polar_search.tasks import Verdict as Verdict

_MODULES = {
    "polar_search.analysis": ("Outcomes", "Statistics", "summarize"),
    "polar_search.errors": ("PolarSearchError",),
    "polar_search.execution": ("Generation", "ProgramEngine", "Row", "Sampling", "unrolled"),
    "polar_search.predictor.config": ("TrainConfig",),
    "polar_search.predictor.predictor": ("Predictor",),
    "polar_search.program": ("Operation", "Program", "ProgramSpace", "Segment"),
    "polar_search.search.agent": ("Agent", "Context", "Proposal"),
    "polar_search.search.config": ("SearchConfig",),
    "polar_search.search.outcome": ("Outcome",),
    "polar_search.search.run": ("load_outcomes",),
    "polar_search.search.session": ("Session",),
    "polar_search.search.store": ("read_outcomes",),
    "polar_search.serving.completion": ("Completion",),
    "polar_search.serving.model": ("PolarModel", "load"),
    "polar_search.tasks": ("Example", "Task", "Verdict"),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name not in _HOMES:
        raise AttributeError(f"module 'polar_search' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
