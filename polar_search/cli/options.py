"""Command-line flags from the fields of a config dataclass; mistakes end with one line."""

from __future__ import annotations

import re
from argparse import ArgumentError
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar, get_type_hints

from jsonargparse import ArgumentParser, Namespace

from polar_search.errors import ConfigError
from polar_search.registry import in_words
from polar_search.search.config import flag

C = TypeVar("C")

WRONG_TYPE = re.compile(r'Parser key "(\w+)":.*(?:Got|Given) value: (.*)', re.DOTALL)
"""What jsonargparse says, over many lines, of a value that is not of its option's type."""


class Parser(ArgumentParser):
    """A parser that raises mistakes as errors of ours, in one line."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(
            prog=f"polar-search {command}",
            description=description,
            exit_on_error=False,
            allow_abbrev=False,
        )
        self.kinds: dict[str, str] = {}
        """What values the options take, for those that take not just any text."""

    def parse_args(  # type: ignore[override]
        self,
        *args: Any,  # noqa: ANN401
        **options: Any,  # noqa: ANN401
    ) -> Namespace:
        """What the arguments, and the files they name, say.

        Raises:
            ConfigError: An unknown option, or a value of another type.
        """
        try:
            return super().parse_args(*args, **options)
        except (ArgumentError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self._explain(str(error))}; see `{self.prog} --help`") from error

    def _explain(self, message: str) -> str:
        if found := WRONG_TYPE.match(message):
            name, value = found.groups()
            return f"expected {flag(name)} to be {self.kinds[name]}, received '{value}'"
        return " ".join(re.sub(r'Parser key "(\w+)"', r"--\1", message).split())


def make_parser(command: str, description: str) -> Parser:
    """A parser of one command."""
    return Parser(command, description)


def add_config(parser: Parser, *configs: type[Any]) -> None:
    """A flag for every field of the dataclasses, and `--config` for a YAML file of them."""
    parser.add_argument("--config", action="config", help="YAML file with any of these options")
    for config in configs:
        hints = get_type_hints(config)
        for field in fields(config):
            parser.kinds[field.name] = in_words(hints[field.name])
            parser.add_argument(
                flag(field.name),
                type=hints[field.name],
                default=_default(field),
                help=field.metadata["help"],
            )


def _default(field: Field[Any]) -> Any:  # noqa: ANN401
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def read_config(parser: Parser, config: type[C], arguments: Sequence[str]) -> tuple[C, Namespace]:
    """The config that the arguments state, and all that was parsed."""
    parsed = parser.parse_args(list(arguments))
    return config_of(parsed, config), parsed


def config_of(parsed: Namespace, config: type[C]) -> C:
    """The dataclass `config` from what was parsed."""
    return config(**{field.name: parsed[field.name] for field in fields(config)})  # type: ignore[arg-type]
