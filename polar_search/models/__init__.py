"""The bundled models: small Llamas trained for the bundled tasks, test beds without a network.

Each folder here is an ordinary Hugging Face checkpoint. How they were made: experiments/bundled/.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import resources
from pathlib import Path

from polar_search.errors import ConfigError, UnknownNameError
from polar_search.tasks import Task

PREFIX = "bundled"


def bundled_names() -> list[str]:
    """Names of all bundled models."""
    folder = Path(str(resources.files(__name__)))
    return sorted(path.parent.name for path in folder.glob("*/config.json"))


def locate(name: str, task: Task) -> str:
    """The folder or Hub id that `name` stands for; plain `bundled` is the model of `task`.

    Raises:
        ConfigError: `bundled` with a task that has no model of its own.
        UnknownNameError: a bundled model that does not exist.
    """
    if name == PREFIX:
        if task.bundled_model is None:
            raise ConfigError(
                f"expected a model for task '{task.name}', received 'bundled', which it has not; "
                "name a Hub id or a folder"
            )
        name = task.bundled_model
    if name not in bundled_names():
        # A Hub id or a folder may be called anything, but not almost like a bundled model.
        misspelt = "/" not in name and get_close_matches(name, bundled_names())
        if name.startswith(PREFIX) or (misspelt and not Path(name).exists()):
            raise UnknownNameError("a bundled model", name, bundled_names())
        return name
    return str(resources.files(__name__) / name)
