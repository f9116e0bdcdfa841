"""Names to classes: entry points of installed packages, or an import path `package.module:Class`.

Our own agents and tasks are registered the same way as anybody else's (see pyproject.toml), and
nothing is imported before it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from inspect import Parameter, isabstract, signature
from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin, get_type_hints

from polar_search.errors import ConfigError, UnknownNameError, one_line

T = TypeVar("T")


@dataclass(frozen=True)
class Registry(Generic[T]):
    """The plug-ins of one kind: subclasses of `base`, under the entry-point group `group`."""

    kind: str
    group: str
    base: type[T]

    @cached_property
    def _entries(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group=self.group)}

    def names(self) -> list[str]:
        """All registered names, sorted."""
        return sorted(self._entries)

    def load(self, name: str) -> type[T]:
        """The class that `name` stands for.

        Raises:
            UnknownNameError: no plug-in has this name.
            ConfigError: the import fails, or leads to something of another kind.
        """
        if name in self._entries:
            path = self._entries[name].value
        elif ":" in name:
            path = name
        else:
            raise UnknownNameError(self.kind, name, self.names())
        found = _import(path, self.kind)
        if not (isinstance(found, type) and issubclass(found, self.base)) or isabstract(found):
            raise ConfigError(
                f"expected {self.kind} at '{path}' (a class derived from "
                f"{self.base.__qualname__}, with all it asks for), received {found!r}; "
                "name such a class"
            )
        return found


def _import(path: str, kind: str) -> Any:  # noqa: ANN401
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except Exception as error:  # a module may raise anything while it is imported
        raise ConfigError(
            f"expected the import path of {kind} (package.module:Class), received '{path}', which "
            f"raises {one_line(error)}; check the spelling and that the package is installed"
        ) from error


def options_of(plugin: type, given_by_caller: tuple[str, ...] = ()) -> dict[str, Parameter]:
    """The options of a plug-in's constructor: its parameters, but for those of the caller."""
    several = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    return {
        name: parameter
        for name, parameter in signature(plugin).parameters.items()
        if name not in given_by_caller and parameter.kind not in several
    }


def checked_options(
    what: str, plugin: type, given: Mapping[str, Any], given_by_caller: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The options `given` to a plug-in, of the types that its constructor states.

    Args:
        what: What the plug-in is, for the message, such as `agent 'mcts'`.
        plugin: Its class.
        given: Values by option, as YAML or the command line give them (a list for a tuple).
        given_by_caller: Parameters of the constructor that are no options.

    Raises:
        ConfigError: An unknown option, or a value of another type.
    """
    known = options_of(plugin, given_by_caller)
    for name in given:
        if name not in known:
            raise ConfigError(
                f"expected an option of {what} ({', '.join(known) or 'it has none'}), received "
                f"'{name}'; see `polar-search list`"
            )
    hints = _hints(plugin) if given else {}
    return {
        name: _of_type(hints.get(name, Any), f"option '{name}' of {what}", value)
        for name, value in given.items()
    }


def _hints(plugin: type) -> dict[str, Any]:
    """The types of a constructor's parameters; none where one of them cannot be resolved."""
    try:
        return get_type_hints(plugin.__init__)  # type: ignore[misc]
    except NameError:  # imported for type checkers only
        return {}


def _of_type(hint: Any, what: str, value: Any) -> Any:  # noqa: ANN401
    """`value` as the type of an annotation wants it."""
    from jsonargparse import ArgumentError, ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--value", type=hint)
    try:
        # The library takes None for "not given", whatever the type.
        if value is None and hint is not Any and NoneType not in get_args(hint):
            raise TypeError
        return parser.parse_object({"value": value}).value
    except (ArgumentError, TypeError, ValueError) as error:
        raise ConfigError(
            f"expected {what} to be {in_words(hint)}, received {value!r}; see `polar-search list`"
        ) from error


def in_words(hint: Any) -> str:  # noqa: ANN401
    """A type in words."""
    if get_origin(hint) is UnionType:
        return " or ".join(map(in_words, get_args(hint)))
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    names = {int: "an integer", float: "a number", str: "a text", NoneType: "null"}
    names |= {
        bool: "true or false",
        tuple: "a list such as [1,2]",
        Mapping: "a mapping such as {a: 1}",
    }
    return names.get(get_origin(hint) or hint, str(hint))
