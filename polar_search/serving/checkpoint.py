"""The weights of a program: tensors of a safetensors checkpoint copied under new layer numbers.

Names are those of the files, so a checkpoint stays what other programs expect, whatever the library
makes of it in memory. One file is written at a time: memory holds `SHARD` bytes at most, unless a
single tensor is larger.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from polar_search.errors import ModelError, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD = 4 * 2**30
"""Bytes of one file at most."""


@dataclass(frozen=True)
class Tensor:
    """One tensor of a checkpoint.

    Attributes:
        name: In its file.
        file: The file.
        size: Bytes.
    """

    name: str
    file: Path
    size: int


def read_tensors(folder: Path) -> list[Tensor]:
    """The tensors of a checkpoint, in the order of its files.

    Raises:
        ModelError: No safetensors there, or broken ones.
    """
    files = sorted(folder.glob("*.safetensors"))
    try:
        if (folder / INDEX).is_file():
            index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            files = [folder / name for name in sorted(set(index["weight_map"].values()))]
        elif (folder / WEIGHTS).is_file():
            files = [folder / WEIGHTS]
        found = [tensor for file in files for tensor in read_header(file)]
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ModelError(
            f"expected a safetensors checkpoint in '{folder}', received {one_line(error)[:200]}; "
            "download it again"
        ) from error
    if not found:
        raise ModelError(
            f"expected {WEIGHTS} or its parts in '{folder}', received none; load the model with "
            "transformers and save it with save_pretrained, which writes them"
        )
    return found


def read_header(file: Path) -> list[Tensor]:
    """The tensors of one file: eight bytes say how long the JSON is that lists them."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if not 0 < length < file.stat().st_size:
            raise ValueError(f"{file.name} is no safetensors file, or cut short")
        header: dict[str, dict[str, Any]] = json.loads(opened.read(length))
    header.pop("__metadata__", None)
    spans = {name: entry["data_offsets"] for name, entry in header.items()}
    return [Tensor(name, file, end - begin) for name, (begin, end) in spans.items()]


def unrolled_tensors(
    tensors: Sequence[Tensor], list_name: str, num_layers: int, path: Sequence[int]
) -> list[tuple[str, Tensor]]:
    """New names and the tensors that go there: what is no layer first, then the path.

    Args:
        tensors: Of the model's checkpoint.
        list_name: The name of the list of layers, such as `layers`.
        num_layers: Of the model.
        path: The layers of the program.

    Raises:
        ModelError: The files do not hold such layers, or hold several towers of them.
    """
    pattern = re.compile(rf"((?:.*\.)?{re.escape(list_name)}\.)(\d+)(\..+)")
    towers: dict[str, dict[int, list[tuple[str, Tensor]]]] = defaultdict(lambda: defaultdict(list))
    for tensor in tensors:
        if match := pattern.fullmatch(tensor.name):
            prefix, layer, tail = match.groups()
            towers[prefix][int(layer)].append((tail, tensor))
    found = [prefix for prefix, layers in towers.items() if set(layers) == set(range(num_layers))]
    if len(found) != 1:
        raise ModelError(
            f"expected one list of {num_layers} layers among the names of the weights, received "
            f"{len(found)} ({', '.join(found) or 'other names'}); the program cannot be exported"
        )
    (prefix,) = found
    own = {tensor.name for parts in towers[prefix].values() for _, tensor in parts}
    plan = [(tensor.name, tensor) for tensor in tensors if tensor.name not in own]
    for place, layer in enumerate(path):
        plan += [(f"{prefix}{place}{tail}", tensor) for tail, tensor in towers[prefix][layer]]
    return plan


def write_tensors(plan: Sequence[tuple[str, Tensor]], folder: Path, shard: int = SHARD) -> None:
    """Write the tensors under their new names; several files and an index above `shard` bytes."""
    parts: list[list[tuple[str, Tensor]]] = [[]]
    size = 0
    for name, tensor in plan:
        if parts[-1] and size + tensor.size > shard:
            parts.append([])
            size = 0
        parts[-1].append((name, tensor))
        size += tensor.size
    names = [f"model-{i:05d}-of-{len(parts):05d}.safetensors" for i in range(1, len(parts) + 1)]
    if len(parts) == 1:
        names = [WEIGHTS]
    for name, part in zip(names, parts, strict=True):
        write_part(part, folder / name)
    if len(parts) > 1:
        where = {key: name for name, part in zip(names, parts, strict=True) for key, _ in part}
        total = sum(tensor.size for _, tensor in plan)
        index = {"metadata": {"total_size": total}, "weight_map": where}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def write_part(part: Sequence[tuple[str, Tensor]], file: Path) -> None:
    """Write one file; a layer that stands there twice has its numbers twice."""
    with ExitStack() as stack:
        sources = {
            source: stack.enter_context(safe_open(source, "pt"))
            for source in {tensor.file for _, tensor in part}
        }
        copied = {
            name: sources[tensor.file].get_tensor(tensor.name).clone() for name, tensor in part
        }
        save_file(copied, file, metadata={"format": "pt"})
