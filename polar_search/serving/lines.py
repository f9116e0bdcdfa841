"""Lines with prompts: what can be answered, and what is wrong with the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from polar_search.errors import ConfigError, PolarSearchError
from polar_search.program import Program
from polar_search.serving.completion import Asked, Completion
from polar_search.serving.model import PolarModel
from polar_search.serving.programs import read_program


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        number: From 1.
        prompt: Its ``prompt``, or its conversation, ``messages``.
        program: Its ``program``, if it names one.
        others: All other fields, which are handed on.
    """

    number: int
    prompt: Asked
    program: str | None = None
    others: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Broken:
    """A line that cannot be answered.

    Attributes:
        number: From 1.
        reason: What was expected, received, and what helps.
    """

    number: int
    reason: str


def read_lines(lines: Iterable[bytes]) -> Iterator[Line | Broken]:
    """Every line that is not blank."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield read_line(number, line)
        except ConfigError as error:
            yield Broken(number, str(error))


def read_line(number: int, line: bytes) -> Line:
    """One line of JSON.

    Raises:
        ConfigError: It is no JSON object with a prompt.
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"expected a line of JSON, received {_begin(line)} ({error})") from error
    if not isinstance(fields, dict) or ("prompt" in fields) == ("messages" in fields):
        raise ConfigError(
            "expected an object with either 'prompt' or 'messages', received "
            f"{_begin(line)}; write one of them"
        )
    prompt = fields.pop("prompt", None) or fields.pop("messages", None) or ""
    program = fields.pop("program", None)
    if program is not None and not isinstance(program, str):
        raise ConfigError(f"expected 'program' as a text such as 'K4 S2 K2', received {program!r}")
    return Line(number, prompt, program, fields)


def answerable(
    model: PolarModel,
    lines: Iterable[Line | Broken],
    program: Program | None,
    max_new_tokens: int | None,
) -> Iterator[tuple[Line, Program | None] | Broken]:
    """The lines that the model can answer, with the program that they or ``program`` name."""
    for line in lines:
        if isinstance(line, Broken):
            yield line
            continue
        try:
            model.encode(line.prompt, max_new_tokens)
            named = line.program and read_program(line.program, model.num_layers)
            yield line, named or program
        except PolarSearchError as error:
            yield Broken(line.number, str(error))


def written(line: Line, completion: Completion) -> str:
    """The answer to a line, as a line."""
    conversation = not isinstance(line.prompt, str) and isinstance(line.prompt[0], dict)
    answer = {
        **line.others,
        "messages" if conversation else "prompt": line.prompt,
        "text": completion.text,
        "program": str(completion.program),
        "depth": completion.depth,
        "finish_reason": completion.finish_reason,
    }
    return json.dumps(answer, ensure_ascii=False)


def _begin(line: bytes) -> str:
    return repr(line.decode(errors="replace").strip()[:60])
