"""Recipes: a table or figure of the paper as commands, at the scale of a laptop or a cluster.

A recipe is a YAML file: a `title`, what it `shows`, `steps` (commands, without `polar-search`;
where scales differ, a list for each), and `scales`, each a list of searches that the steps are run
for. In a step `$here` is the recipe's folder, `$out` the folder for all recipes' runs, and
`$search` the name of the search. Recipes that name the same search share its run folder, so that
its work is done once.
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
        steps: Commands with `$here`, `$out` and `$search`, by scale.
        scales: Names of searches, by scale.
    """

    path: Path
    title: str
    shows: str
    steps: Mapping[str, tuple[str, ...]]
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
        scales, steps = values["scales"], values["steps"]
        if isinstance(scales, dict) and not isinstance(steps, dict):
            steps = dict.fromkeys(scales, steps)
        if not (_are_texts(scales) and _are_texts(steps) and scales.keys() == steps.keys()):
            raise ConfigError(
                f"expected lists of texts for the steps and for every scale of '{path}', "
                "received something else; see experiments/ for examples"
            )
        return cls(
            path,
            str(values["title"]),
            str(values["shows"]),
            {str(scale): tuple(commands) for scale, commands in steps.items()},
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
            self._words(step, search, out)
            for search in self.scales[scale]
            for step in self.steps[scale]
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
        evaluated: Test examples of each task that a predictor is evaluated on.
        answers: Answers to each of them.
        validated: Answers to validation examples, which menus are chosen by.
        parameters: For each model, those of its layers that a token meets.
    """

    peak: float
    share: float
    computed: float
    tokens: int
    levels: int
    evaluated: Mapping[str, int]
    answers: int
    validated: int
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

    def evaluation_outcomes(self, task: str) -> int:
        """Outcomes of the evaluation of a predictor on a task."""
        return self.evaluated[task] * self.answers + self.validated

    def hours(self, model: str, outcomes: int) -> float:
        """GPU-hours: two operations a parameter and token, every layer run once on average."""
        operations = 2 * float(self.parameters[model]) * self.tokens * self.computed
        return outcomes * operations / (self.peak * self.share) / 3600


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


def _are_texts(values: object) -> bool:
    """Whether it holds lists of texts by name."""
    return isinstance(values, dict) and all(
        isinstance(value, list) and all(isinstance(one, str) for one in value)
        for value in values.values()
    )
