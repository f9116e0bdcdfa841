"""Names to plug-ins, ours and others', and what is said when that fails."""

import subprocess
import sys

import pytest

from polar_search.errors import ConfigError, UnknownNameError
from polar_search.registry import checked_options, options_of
from polar_search.search.agent import AGENTS, Agent
from polar_search.tasks import TASKS, Task

REGISTRIES = [AGENTS, TASKS]

PLUGINS = """
from polar_search.search.agent import Agent
from polar_search.tasks import TASKS

class Idle(Agent):
    def __init__(self, space, seed, patience: int = 3, **others):
        super().__init__(space, seed)
    def ask(self, n):
        return []

class Half(Agent):
    pass

class Again(TASKS.load("tracking")):
    name = "again"

NUMBER = 3
"""


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """A package with an agent and a task, as somebody else would write it, and broken modules."""
    package = tmp_path / "foreign_plugins"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "good.py").write_text(PLUGINS)
    for name, code in {
        "missing": "import nothing_of_this_name",
        "syntax": "def broken(:",
        "failing": "raise RuntimeError('two\\nlines')",
        "exiting": "1 / 0",
    }.items():
        (package / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in [name for name in sys.modules if name.startswith("foreign_plugins")]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("registry", "name"), [(registry, name) for registry in REGISTRIES for name in registry.names()]
)
def test_every_registered_name_resolves_to_a_documented_class(registry, name):
    found = registry.load(name)
    assert issubclass(found, registry.base)
    assert found.__doc__
    assert found is registry.load(f"{found.__module__}:{found.__qualname__}")
    if registry is TASKS:
        assert found.name == name


def test_ours_are_there():
    assert {"exhaustive", "random"} <= set(AGENTS.names())
    assert {"arithmetic", "tracking"} <= set(TASKS.names())


@pytest.mark.parametrize(
    ("registry", "name", "message"),
    [
        (AGENTS, "exhausitve", "the name of an agent, received 'exhausitve'; did you mean exhau"),
        (TASKS, "traking", "the name of a task, received 'traking'; did you mean tracking?"),
        (TASKS, "qqq", "the name of a task, received 'qqq'; known: .*arithmetic, .*tracking"),
        (AGENTS, "", "the name of an agent, received ''; known: "),
    ],
)
def test_near_names_are_offered(registry, name, message):
    with pytest.raises(UnknownNameError, match=message):
        registry.load(name)


def test_import_paths_lead_to_plugins(plugins):
    agent = AGENTS.load("foreign_plugins.good:Idle")
    assert issubclass(agent, Agent)
    assert list(options_of(agent, ("space", "seed"))) == ["patience"]
    assert issubclass(TASKS.load("foreign_plugins.good:Again"), Task)


@pytest.mark.parametrize(
    ("registry", "path", "message"),
    [
        (AGENTS, "foreign_plugins.good:Again", "expected an agent at .*derived from Agent"),
        (TASKS, "foreign_plugins.good:Idle", "expected a task at .*derived from Task"),
        (AGENTS, "foreign_plugins.good:Half", "with all it asks for"),
        (AGENTS, "polar_search.search.agent:Agent", "with all it asks for"),
        (AGENTS, "foreign_plugins.good:NUMBER", "received 3; name such a class"),
        (AGENTS, "foreign_plugins.good:Nobody", "AttributeError"),
        (AGENTS, "foreign_plugins.good:", "AttributeError"),
        (AGENTS, ":Idle", "ValueError"),
        (AGENTS, "foreign_plugins.nowhere:Idle", "ModuleNotFoundError"),
        (AGENTS, "foreign_plugins.missing:Idle", "No module named 'nothing_of_this_name'"),
        (AGENTS, "foreign_plugins.syntax:Idle", "SyntaxError"),
        (AGENTS, "foreign_plugins.failing:Idle", "RuntimeError: two lines"),
        (AGENTS, "foreign_plugins.exiting:Idle", "ZeroDivisionError"),
        (AGENTS, "..relative:Idle", "TypeError|ImportError|ModuleNotFoundError"),
    ],
)
def test_import_paths_that_lead_nowhere_are_one_line(plugins, registry, path, message):
    with pytest.raises(ConfigError, match=message) as caught:
        registry.load(path)
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_is_imported_before_it_is_asked_for():
    code = (
        "import sys; from polar_search.search.agent import AGENTS; AGENTS.names();"
        "print([m for m in sys.modules if m.startswith(('polar_search.agents', 'torch'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


class Typed:
    """Options of all kinds, and one whose type only a type checker knows."""

    def __init__(self, space, c: float = 1.0, sizes: tuple[int, ...] | None = None, kind="x"): ...


class Unresolved:
    def __init__(self, c: "NoSuchType" = 1): ...  # noqa: F821


def test_options_become_what_their_types_say():
    given = {"c": 2, "sizes": [1, 2], "kind": {"a": 1}}
    found = checked_options("it", Typed, given, ("space",))
    assert found == {"c": 2.0, "sizes": (1, 2), "kind": {"a": 1}}
    assert checked_options("it", Typed, {"sizes": None}, ("space",)) == {"sizes": None}
    assert checked_options("it", Unresolved, {"c": "any"}) == {"c": "any"}
    assert checked_options("it", object, {}) == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"c": "red"}, "option 'c' of it to be a number, received 'red'"),
        ({"c": None}, "option 'c' of it to be a number, received None"),
        ({"c": True}, "option 'c' of it to be a number, received True"),
        (
            {"sizes": "12"},
            r"option 'sizes' of it to be a list such as \[1,2\] or null, received '12'",
        ),
        ({"space": 1}, r"an option of it \(c, sizes, kind\), received 'space'"),
    ],
)
def test_options_of_other_types_are_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        checked_options("it", Typed, given, ("space",))
