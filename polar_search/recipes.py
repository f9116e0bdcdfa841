"""Recipes: a table or figure of the paper as commands, at the scale of a laptop or a cluster.

A recipe is a YAML file: a `title`, what it `shows`, `steps` (commands, without `polar-search`), and
`scales`, each a list of searches that the steps are run for. In a step `$here` is the recipe's
folder, `$out` the folder for all recipes' runs, and `$search` the name of the search. Recipes that
name the same search share its run folder, so that its work is done once.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import yaml

from polar_search.errors import ConfigError, UnknownNameError, one_line

KEYS = ("title", "shows", "steps", "scales")


@dataclass(frozen=True)
class Recipe:
    """A recipe, read and checked.

    Attributes:
        path: The file.
        title: What it reproduces.
        shows: What there is to see.
        steps: Commands with `$here`, `$out` and `$search`.
        scales: Names of searches, by scale.
    """

    path: Path
    title: str
    shows: str
    steps: tuple[str, ...]
    scales: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a file.

        Raises:
            ConfigError: It cannot be read, or is no recipe.
        """
        values = read_yaml(path, "a recipe")
        if sorted(values) != sorted(KEYS):
            raise ConfigError(
                f"expected a recipe with {', '.join(KEYS)}, received '{path}' with "
                f"{', '.join(map(str, values)) or 'nothing'}; see experiments/ for examples"
            )
        scales = values["scales"]
        if not _is_texts(values["steps"]) or not (
            isinstance(scales, dict) and all(map(_is_texts, scales.values()))
        ):
            raise ConfigError(
                f"expected lists of texts for the steps and for every scale of '{path}', "
                "received something else; see experiments/ for examples"
            )
        return cls(
            path,
            str(values["title"]),
            str(values["shows"]),
            tuple(values["steps"]),
            {str(scale): tuple(names) for scale, names in scales.items()},
        )

    def commands(self, scale: str, out: Path) -> list[list[str]]:
        """The commands of a scale, split into words, in order.

        Raises:
            UnknownNameError: There is no such scale.
            ConfigError: A step names something that is not filled in.
        """
        if scale not in self.scales:
            raise UnknownNameError("a scale of this recipe", scale, self.scales)
        return [
            self._words(step, search, out) for search in self.scales[scale] for step in self.steps
        ]

    def _words(self, step: str, search: str, out: Path) -> list[str]:
        names = {"here": str(self.path.parent), "out": str(out), "search": search}
        try:
            return [Template(word).substitute(names) for word in shlex.split(step)]
        except (KeyError, ValueError) as error:
            raise ConfigError(
                f"expected a step with $here, $out and $search alone, received '{step}' in "
                f"'{self.path}' ({one_line(error)}); write $$ for a dollar sign"
            ) from error


@dataclass(frozen=True)
class Projection:
    """What a search on GPUs nobody has tried yet might take, from stated assumptions.

    Attributes:
        peak: FLOP/s of the GPU, from its data sheet.
        share: Share of the peak that the engine is taken to reach.
        computed: Share of the asked layer-tokens that the engine computes, the rest being shared.
        tokens: Tokens of prompt and answer of a row.
        levels: Levels of the task.
        parameters: For each model, those of its layers that a token meets.
    """

    peak: float
    share: float
    computed: float
    tokens: int
    levels: int
    parameters: Mapping[str, float]

    @classmethod
    def read(cls, path: Path) -> Projection:
        """Read a file.

        Raises:
            ConfigError: It cannot be read, or is no projection.
        """
        try:
            return cls(**read_yaml(path, "a projection"))
        except TypeError as error:
            raise ConfigError(
                f"expected a projection, received '{path}' ({one_line(error)}); see "
                "experiments/projection.yaml"
            ) from error

    def outcomes(self, search: Mapping[str, Any]) -> int:
        """Outcomes of a search, the identities included."""
        return self.levels * int(search["limit"]) * (int(search["budget"]) + 1)

    def hours(self, search: Mapping[str, Any]) -> float:
        """GPU-hours: two operations a parameter and token, every layer run once on average."""
        operations = 2 * float(self.parameters[search["model"]]) * self.tokens * self.computed
        return self.outcomes(search) * operations / (self.peak * self.share) / 3600


def read_yaml(path: Path, kind: str) -> dict[Any, Any]:
    """The mapping in a YAML file.

    Raises:
        ConfigError: It cannot be read, or holds no mapping.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(
            f"expected {kind} in YAML, received '{path}', which raises {one_line(error)}; "
            "check the path and the file"
        ) from error
    if not isinstance(values, dict):
        raise ConfigError(f"expected {kind}, received '{path}' without keys; see experiments/")
    return values


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
