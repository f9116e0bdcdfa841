"""What is said of a program in words and small files: `program.json`, mergekit's form, a card."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import yaml

from polar_search.errors import ProgramError, one_line
from polar_search.execution.loading import looks_local
from polar_search.program import Program

FORMAT = "polar-search program"
NOTE = """> **A program of layers.** This checkpoint holds the layers of `{program}` of {model},
> copied and renumbered by polar-search: {depth} layers, where that model has {num_layers}.

"""


def read_program_file(file: str, num_layers: int) -> Program:
    """The program of a file such as `program.json`.

    Raises:
        ProgramError: It holds none, or one for a model of another depth.
    """
    try:
        said = json.loads(Path(file).read_text(encoding="utf-8"))
        return Program.parse(said["program"], num_layers)
    except ProgramError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProgramError(
            f"expected a file with a program, received '{file}', which raises "
            f"{one_line(error)[:200]}; write one with `polar-search export-program`"
        ) from error


def noted(card: str, model: str, program: Program) -> str:
    """The model card with a note of what was changed, behind its front matter."""
    note = NOTE.format(
        program=program,
        model=public_name(model),
        depth=program.depth,
        num_layers=program.num_layers,
    )
    front = re.match(r"---\n.*?\n---\n+", card, re.DOTALL)
    end = front.end() if front else 0
    return card[:end] + note + card[end:]


def program_json(model: str, program: Program) -> str:
    """The program without weights, as JSON."""
    said = {
        "format": FORMAT,
        "model": public_name(model),
        "num_layers": program.num_layers,
        "program": str(program),
        "path": list(program.path),
        "depth": program.depth,
    }
    return json.dumps(said) + "\n"


def mergekit_yaml(model: str, program: Program, dtype: object) -> str:
    """The same as a configuration of mergekit: a passthrough merge of runs of layers."""
    path = program.path
    cuts = [i for i, (a, b) in enumerate(pairwise(path), 1) if b != a + 1]
    bounds = pairwise([0, *cuts, len(path)])
    slices = [
        {"sources": [{"model": model, "layer_range": [path[a], path[b - 1] + 1]}]}
        for a, b in bounds
    ]
    said = {"slices": slices, "merge_method": "passthrough"}
    if dtype is not None:
        said["dtype"] = str(dtype).removeprefix("torch.")
    return yaml.safe_dump(said, sort_keys=False, default_flow_style=None)


def public_name(model: str) -> str:
    """A Hub id as it is; of a folder the last part, since others need not know the machine."""
    return Path(model).resolve().name if looks_local(model) else model
