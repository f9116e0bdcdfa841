"""Every error a user can meet: one line that says expected, received and remedy."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def one_line(error: BaseException) -> str:
    """Type and message of somebody else's error, without line breaks."""
    return " ".join(f"{type(error).__name__}: {error}".split())


class PolarSearchError(Exception):
    """Base of all errors raised on purpose; the command line prints it as one line."""


class ProgramError(PolarSearchError, ValueError):
    """A text, path or segment list that is no program, or a program for another model or space."""


class ConfigError(PolarSearchError, ValueError):
    """An option or a combination of options that cannot work."""


class UnknownNameError(PolarSearchError, LookupError):
    """A name that no registry knows."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = get_close_matches(name, known, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known)}"
        super().__init__(f"expected the name of {kind}, received '{name}'; {hint}")


class ModelError(PolarSearchError):
    """A model that cannot be loaded, or whose layers cannot be rerouted."""


class TaskError(PolarSearchError):
    """A task, split or example that does not exist or cannot be used."""


class RunError(PolarSearchError):
    """A run folder that belongs to another configuration, is in use, broken or not writable."""


class LabelError(PolarSearchError):
    """A label file that is broken, of no known format, or for another model or task."""


class AgentError(PolarSearchError):
    """An agent that breaks its contract."""


class PredictorError(PolarSearchError):
    """A predictor, its labels or its training that cannot be used."""


class ClusterError(PolarSearchError):
    """A cluster that cannot be reached, lacks what a worker needs, or whose workers keep dying."""
