"""The front door: `polar-search COMMAND`, one file a command, imported only when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from polar_search.errors import PolarSearchError, UnknownNameError

COMMANDS = {
    "demo": "the whole road on the bundled model and task, offline, in minutes",
    "search": "find the programs that answer the examples of a task",
    "train": "learn to predict programs from the valid ones of a run",
    "evaluate": "what a predictor is worth on examples it has not seen",
    "generate": "answer prompts by programs, JSON lines out",
    "serve": "answer prompts over HTTP, as OpenAI's interface does",
    "tune": "find static programs, one for all examples, by Ray Tune and Optuna",
    "tune-predictor": "find hyper-parameters of a predictor by Ray Tune and Optuna",
    "status": "how far a run is, told from another shell",
    "stats": "valid-program statistics of a run",
    "menu": "what few programs, the same for all inputs, cover; by execution",
    "report": "one page that says what programs are worth, with figures and tables as files",
    "explore": "a page to browse the examples, programs and searches of a run",
    "run": "a recipe, such as a table of the paper, at one of its scales",
    "task": "show what a model will see of a task",
    "export-program": "a static program as a plain checkpoint that other programs load",
    "import-labels": "make a run of labels of PoLar, RE-PoLar or Dr.LLM",
    "export-labels": "write the outcomes of a run as labels of PoLar, RE-PoLar or Dr.LLM",
    "verify-labels": "execute imported labels again",
    "push-to-hub": "publish a run as a data set, with a card",
    "load": "make a run of a published data set",
    "list": "agents, tasks and bundled models, with their options",
}
BROKEN_PIPE = 1
USAGE_ERROR = 2
INTERRUPTED = 130


def usage() -> str:
    """The text of `polar-search --help`."""
    commands = "\n".join(f"  {name:15s} {text}" for name, text in COMMANDS.items())
    return (
        "usage: polar-search COMMAND [OPTIONS]\n\n"
        "Find the programs of layers that make a frozen language model answer.\n\n"
        f"commands:\n{commands}\n\n"
        "`polar-search COMMAND --help` tells the options of a command."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code is 0, 2 for a mistake of the user's, 130 for Ctrl-C.

    When the reader of a pipe has left, as `head` does, it is 1.
    """
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if "" not in sys.path:
        sys.path.append("")  # agents and tasks in the folder at hand; installed modules come first
    try:
        _run(name, rest)
        sys.stdout.flush()
    except PolarSearchError as error:
        return _stop(error, USAGE_ERROR)
    except KeyboardInterrupt as interrupt:
        return _stop(f"interrupted; {interrupt}" if interrupt.args else "interrupted", INTERRUPTED)
    except RuntimeError as error:
        # Before Python 3.12, a Ctrl-C while a class is made (imports do that) comes wrapped.
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        return _stop("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # The reader, such as `head`, has enough; what Python still holds for it must go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return 0


def _run(name: str, arguments: Sequence[str]) -> None:
    if name in ("-h", "--help"):
        print(usage())  # noqa: T201
    elif name == "--version":
        from importlib.metadata import version

        print(version("polar-search"))  # noqa: T201
    elif name in COMMANDS:
        import_module(f"polar_search.cli.{name.replace('-', '_')}").main(arguments)
    else:
        raise UnknownNameError("a command", name, COMMANDS)


def _stop(reason: object, code: int) -> int:
    print(f"polar-search: {reason}", file=sys.stderr)  # noqa: T201
    return code
