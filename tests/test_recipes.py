"""Recipes: every one in experiments/ is sound, and one runs from a fresh folder to its tables."""

from pathlib import Path

import pytest
import yaml

from polar_search import SearchConfig, cli
from polar_search.errors import ConfigError, UnknownNameError
from polar_search.models import bundled_names
from polar_search.recipes import Projection, Recipe
from polar_search.report.exhibits import BESIDE, EXHIBITS, check_names
from polar_search.search.agent import AGENTS

EXPERIMENTS = Path(__file__).parents[1] / "experiments"
# The other YAML files there are settings: of scripts, of clusters, of the projection.
RECIPES = [path for path in sorted(EXPERIMENTS.glob("*.yaml")) if "\nsteps:" in path.read_text()]
SEARCHES = sorted((EXPERIMENTS / "searches").glob("*.yaml"))

SMALL = """\
title: A small one
shows: That recipes run.
steps:
  - search --config $here/$search.yaml --out $out/$search
  - report $out/$search --only accuracy --out $out/$search/small
scales:
  bundled: [tiny]
  paper: [huge]
"""
BY_SCALE = """\
title: Another at each scale
shows: That they may differ.
steps:
  bundled: [stats $out/$search]
  paper: [search --config $here/$search.yaml --out $out/$search, evaluate $out/$search]
scales:
  bundled: [tiny]
  paper: [huge]
"""
TINY = "{task: tracking, limit: 1, max_edits: 0, threads: 1}"
HUGE = "{model: some/model, task: dart-math, limit: 100, budget: 9}"


def arguments_after(command, flag):
    """What follows a flag, up to the next one."""
    rest = command[command.index(flag) + 1 :]
    ends = [i for i, word in enumerate(rest) if word.startswith("--")]
    return rest[: ends[0]] if ends else rest


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
@pytest.mark.parametrize("scale", ["bundled", "paper"])
def test_every_recipe_has_both_scales_of_searches_and_exhibits_that_exist(path, scale):
    for command in Recipe.read(path).commands(scale, Path("runs")):
        if command[0] == "search":
            assert Path(command[command.index("--config") + 1]) in SEARCHES
        if command[0] == "report":
            names = arguments_after(command, "--only")
            assert names
            check_names(names)


def test_every_exhibit_has_a_recipe():
    shown = {
        name
        for path in RECIPES
        for command in Recipe.read(path).commands("bundled", Path("runs"))
        if "--only" in command
        for name in arguments_after(command, "--only")
    }
    assert shown == {*(exhibit.name for exhibit in EXHIBITS), *BESIDE}


@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: path.stem)
def test_every_search_is_a_configuration_with_an_agent_and_a_known_scale(path):
    config = SearchConfig(**yaml.safe_load(path.read_text()))
    AGENTS.load(config.agent)
    projection = Projection.read(EXPERIMENTS / "projection.yaml")
    assert config.model in {*bundled_names(), *projection.parameters}


def test_recipes_that_share_a_search_share_its_run():
    outs = {}
    for path in RECIPES:
        for command in Recipe.read(path).commands("bundled", Path("runs")):
            if command[0] == "search":
                at = command.index("--out")
                search = (*command[:at], *command[at + 2 :])
                outs.setdefault(search, set()).add(command[at + 1])
    assert all(len(places) == 1 for places in outs.values())


@pytest.fixture
def small(tmp_path):
    for name, text in (("small", SMALL), ("tiny", TINY), ("huge", HUGE)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path / "small.yaml"


def test_a_recipe_runs_its_commands_and_does_nothing_twice(small, tmp_path, capsys):
    arguments = ["run", str(small), "--out", str(tmp_path / "runs")]
    assert cli.main(arguments) == 0
    assert "5 executed" in capsys.readouterr().out
    assert (tmp_path / "runs" / "tiny" / "small" / "tables" / "accuracy.csv").exists()
    assert cli.main(arguments) == 0
    assert "5 from the store" in " ".join(capsys.readouterr().out.split())


def test_a_dry_run_measures_here_or_projects_and_says_so(small, tmp_path, capsys):
    out = tmp_path / "runs"
    assert cli.main(["run", str(small), "--out", str(out), "--dry-run"]) == 0
    assert "measured on" in capsys.readouterr().out
    projection = {
        **{"peak": 1e12, "share": 0.5, "computed": 0.5, "tokens": 100, "levels": 2},
        **{"evaluated": {"dart-math": 100}, "answers": 11, "validated": 1000},
        "parameters": {"some/model": 3.6e9},
    }
    (tmp_path / "projection.yaml").write_text(yaml.safe_dump(projection))
    assert cli.main(["run", str(small), "--scale", "paper", "--dry-run"]) == 0
    said = capsys.readouterr().out
    # 2 levels x 100 examples x 10 programs; 2 x 3.6e9 x 100 x 0.5 operations each.
    assert "2,000 outcomes at most; a projection, no GPU was measured: 0.4 GPU-hours" in said
    # 100 examples x 11 answers, and 1,000 more.
    (tmp_path / "scaled.yaml").write_text(BY_SCALE)
    assert cli.main(["run", str(tmp_path / "scaled.yaml"), "--scale", "paper", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "polar-search evaluate runs/huge\n2,100 outcomes at most; a projection" in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title: x", "expected a recipe with title, shows, steps, scales, received"),
        ("- a\n- b", "expected a recipe, received"),
        ("title: [1", "expected a recipe in YAML"),
        (SMALL.replace("[tiny]", "tiny"), "expected lists of texts"),
        (BY_SCALE.replace("  paper: [huge]", ""), "expected lists of texts"),
        (SMALL.replace("steps:", "steps: 3\nother:"), "expected a recipe with"),
    ],
)
def test_what_is_no_recipe_is_refused(text, said, tmp_path):
    (tmp_path / "broken.yaml").write_text(text)
    with pytest.raises(ConfigError, match=said):
        Recipe.read(tmp_path / "broken.yaml")


def test_unknown_scales_commands_and_placeholders_are_refused_before_anything_runs(small, capsys):
    with pytest.raises(UnknownNameError, match="received 'papr'; did you mean paper"):
        Recipe.read(small).commands("papr", Path("runs"))
    small.write_text(SMALL.replace("$search.yaml", "$serch.yaml"))
    with pytest.raises(ConfigError, match=r"expected a step with \$here, \$out and \$search alone"):
        Recipe.read(small).commands("bundled", Path("runs"))
    small.write_text(SMALL.replace("- report", "- rm"))
    assert cli.main(["run", str(small)]) == 2
    error = capsys.readouterr().err
    assert "a command that a recipe may use, received 'rm'" in error
    assert cli.main(["run", "nowhere.yaml"]) == 2
    assert "expected a recipe in YAML, received 'nowhere.yaml'" in capsys.readouterr().err
