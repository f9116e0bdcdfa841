"""`polar-search generate`: prompts in, answers by programs of layers out, one JSON line each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from polar_search.cli.options import make_parser
from polar_search.errors import ConfigError

if TYPE_CHECKING:
    from polar_search.program import Program
    from polar_search.serving.lines import Line
    from polar_search.serving.model import PolarModel

DESCRIPTION = (
    "Answer prompts by programs of layers. Each answer is a line of JSON: prompt, text, program, "
    "depth, finish_reason. Lines that cannot be answered are told on stderr by their number, the "
    "others are answered, and the exit code is 2."
)
CHUNK = 256
"""Prompts that are answered together."""


def main(arguments: Sequence[str]) -> None:
    """Parse, load, answer."""
    parser = make_parser("generate", DESCRIPTION)
    integers = {"max_new_tokens": "an integer", "k": "an integer", "seed": "an integer"}
    numbers = {"temperature": "a number", "top_p": "a number"}
    parser.kinds |= {**integers, **numbers, "threads": "an integer", "stop": "a list such as [x,y]"}
    parser.add_argument(
        "prompts",
        nargs="*",
        type=str,
        help="prompts, or one FILE.jsonl, or - for standard input: lines of JSON with 'prompt' "
        "or 'messages', and 'program' if they like",
    )
    parser.add_argument("--model", type=str, default="bundled", help="name, Hub id or folder")
    parser.add_argument("--predictor", type=str, default=None, help="folder or Hub id")
    parser.add_argument("--program", type=str, default=None, help="for all, such as 'K4 S2 K2'")
    parser.add_argument("--max-new-tokens", type=int, default=None, help="of each answer")
    parser.add_argument("--stop", type=list[str], default=[], help="texts that end an answer")
    parser.add_argument(
        "--select", type=str, default=None, help="among k programs: vote, confidence"
    )
    parser.add_argument("--k", type=int, default=5, help="programs for --select")
    parser.add_argument("--temperature", type=float, default=0.0, help="0 is greedy")
    parser.add_argument("--top-p", type=float, default=1.0, help="probability drawn from")
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda, cuda:1, ...")
    parser.add_argument("--device-map", type=str, default=None, help="auto: among all GPUs")
    parser.add_argument("--dtype", type=str, default="auto", help="of the weights")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads of torch")
    parsed = parser.parse_args(list(arguments))
    if not parsed.prompts:
        raise ConfigError("expected prompts, a FILE.jsonl or -, received none; write one")
    if parsed.max_new_tokens is not None and parsed.max_new_tokens < 1:
        raise ConfigError(
            f"expected --max-new-tokens of at least 1, received {parsed.max_new_tokens}; raise it"
        )
    with _source(parsed.prompts) as source:
        broken = _answer(source, parsed)
    if broken:
        raise ConfigError(f"{broken} of the lines could not be answered, see above; correct them")


@contextmanager
def _source(prompts: Sequence[str]) -> Iterator[BinaryIO | Sequence[str]]:
    """The file of lines that the arguments name, or the prompts that they are."""
    if list(prompts) == ["-"]:
        yield sys.stdin.buffer
    elif len(prompts) == 1 and prompts[0].endswith((".jsonl", ".json")):
        if not Path(prompts[0]).is_file():
            raise ConfigError(
                f"expected a file of JSON lines, received '{prompts[0]}', which is none; "
                "check the path"
            )
        with Path(prompts[0]).open("rb") as file:
            yield file
    else:
        yield prompts


def _answer(source: BinaryIO | Sequence[str], parsed: Any) -> int:  # noqa: ANN401
    """Answer all prompts, in chunks; how many cannot be answered comes back."""
    from polar_search.cli.search import quieten_libraries, set_threads
    from polar_search.serving.lines import Broken, Line, answerable, read_lines
    from polar_search.serving.model import load
    from polar_search.serving.programs import read_program

    quieten_libraries()
    set_threads(parsed.threads)
    model = load(
        parsed.model,
        parsed.predictor,
        device=parsed.device,
        dtype=parsed.dtype,
        device_map=parsed.device_map,
    )
    program = parsed.program and read_program(parsed.program, model.num_layers)
    if isinstance(source, Sequence):
        lines: Any = (Line(number, prompt) for number, prompt in enumerate(source, 1))
    else:
        lines = read_lines(source)
    asked = answerable(model, lines, program, parsed.max_new_tokens)
    count = 0
    while chunk := list(islice(asked, CHUNK)):
        for item in chunk:
            if isinstance(item, Broken):
                count += 1
                print(f"line {item.number}: {item.reason}", file=sys.stderr)  # noqa: T201
        _complete([item for item in chunk if not isinstance(item, Broken)], model, parsed)
    return count


def _complete(
    asked: Sequence[tuple[Line, Program | None]],
    model: PolarModel,
    parsed: Any,  # noqa: ANN401
) -> None:
    """Answer what can be answered, and print it."""
    from polar_search.execution import Sampling
    from polar_search.serving.lines import written

    draws = None
    if parsed.temperature:
        first = asked[0][0].number if asked else 0
        draws = Sampling(parsed.temperature, parsed.top_p, parsed.seed + first)
    completions = model.generate(
        [line.prompt for line, _ in asked],
        programs=[program for _, program in asked],
        max_new_tokens=parsed.max_new_tokens,
        stop=parsed.stop,
        sampling=draws,
        select=parsed.select,
        k=parsed.k,
    )
    for (line, _), completion in zip(asked, completions, strict=True):
        print(written(line, completion), flush=True)  # noqa: T201
