"""A static program as a plain checkpoint: layers copied and renumbered, everything else kept.

What comes out needs nothing of polar-search: transformers and what reads its checkpoints load it as
a model of its family. Repeated layers are stored once for each occurrence; the weight-free forms
(`program.json`, `mergekit.yaml`) say the same in a few lines.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from polar_search.errors import ConfigError, ModelError
from polar_search.execution.loading import explain, looks_local
from polar_search.hub import cache_unless_reached
from polar_search.models import locate
from polar_search.program import Program
from polar_search.search.places import writing
from polar_search.serving.checkpoint import (
    SHARD,
    Tensor,
    read_tensors,
    unrolled_tensors,
    write_tensors,
)
from polar_search.serving.forms import mergekit_yaml, noted, program_json, read_program_file
from polar_search.serving.programs import Named, read_program
from polar_search.serving.unrolled_config import (
    build_empty,
    check_twins,
    differs_from_pattern,
    unrolled_config,
)
from polar_search.tasks.bundled import Tracking

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

    from polar_search.execution.adapter import ModelAdapter

CONFIG, CARD, PROGRAM, MERGEKIT = "config.json", "README.md", "program.json", "mergekit.yaml"
BESIDE = ("*.json", "*.jinja", "*.txt", "*.model", "*.md", "LICENSE*", "NOTICE*")
"""What is copied from beside the weights: tokenizer, generation config, model card, licence."""

NOT_BESIDE = ("*.index.json", CONFIG, CARD)

PATTERN_NOTE = (
    "layer_types is not the pattern that its family makes by itself: transformers and vLLM read "
    "the list, but converters that have the pattern built in (llama.cpp for Gemma) would not"
)


@dataclass(frozen=True)
class Exported:
    """What an export has written.

    Attributes:
        out: The folder, or the file of a weight-free form.
        bytes: Of the weights.
        notes: What to know before other programs read it.
    """

    out: Path
    bytes: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A checkpoint, looked at without loading its weights.

    Attributes:
        name: As the user calls it.
        folder: Its files.
        raw: Its `config.json`.
        config: The same as loaded.
        model: The model without weights.
    """

    name: str
    folder: Path
    raw: dict[str, Any]
    config: PreTrainedConfig
    model: ModelAdapter


def export_program(
    model: str | Path, program: Named, out: str | Path, *, shard: int = SHARD
) -> Exported:
    """Write the model that runs the layers of `program` in its standard pass.

    Args:
        model: A Hub id, a local folder, or the name of a bundled model.
        program: A program, its notation or layer path, or a file such as `program.json`.
        out: A new or empty folder; or a new file `*.json` or `*.yaml` for the weight-free forms.
        shard: Bytes of one file of weights at most.

    Raises:
        ConfigError: `out` is taken, or the disk is too small.
        ModelError: The checkpoint cannot be read, or cannot say in its format what the program is.
        ProgramError: No program of this model.
    """
    out = Path(out)
    check_free(out)
    source = read_source(locate(str(model), Tracking()))
    if isinstance(program, str) and program.endswith(".json"):
        chosen = read_program_file(program, source.model.num_layers)
    else:
        chosen = read_program(program, source.model.num_layers)
    if out.suffix in (".json", ".yaml"):
        with writing(out):
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(forms(source, chosen)[out.suffix], encoding="utf-8")
        return Exported(out, 0, ())
    tensors = read_tensors(source.folder)
    plan = unrolled_tensors(tensors, source.model.name, source.model.num_layers, chosen.path)
    size = sum(tensor.size for _, tensor in plan)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        check_disk(out, size)
        # Under another name until it is whole: what lies at `out` can be used.
        with TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as beside:
            whole = Path(beside) / out.name
            notes = write_checkpoint(source, chosen, plan, whole, shard)
            whole.replace(out)
    return Exported(out, size, notes)


def write_checkpoint(
    source: Source, program: Program, plan: Sequence[tuple[str, Tensor]], folder: Path, shard: int
) -> tuple[str, ...]:
    """Config first, so that what cannot be said in it costs no copying of weights."""
    from transformers import AutoConfig

    folder.mkdir()
    config = unrolled_config(source.raw, source.config, program.path)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    loaded = AutoConfig.from_pretrained(folder)
    check_twins(source.model, build_empty(loaded), program.path)
    copy_beside(source.folder, folder)
    card = source.folder / CARD
    text = card.read_text(encoding="utf-8") if card.is_file() else ""
    (folder / CARD).write_text(noted(text, source.name, program), encoding="utf-8")
    said = forms(source, program)
    (folder / PROGRAM).write_text(said[".json"], encoding="utf-8")
    (folder / MERGEKIT).write_text(said[".yaml"], encoding="utf-8")
    write_tensors(plan, folder, shard)
    return (PATTERN_NOTE,) if differs_from_pattern(loaded) else ()


def read_source(name: str) -> Source:
    """Look at a checkpoint.

    Raises:
        ModelError: There is none, or one that cannot be exported.
    """
    from transformers import AutoConfig

    folder = folder_of(name)
    try:
        config = AutoConfig.from_pretrained(folder)
        raw = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(explain(name, error)) from error
    try:
        model = build_empty(config)
    except ValueError as error:
        raise ModelError(explain(name, error)) from error
    quantization = json.dumps(raw.get("quantization_config", {}))
    if re.search(rf"\b{re.escape(model.name)}\W+\d", quantization):
        raise ModelError(
            f"expected a checkpoint whose layers are stored alike, received '{name}', whose "
            "quantization_config names single layers; export the unquantised model, then quantise"
        )
    return Source(name, folder, raw, config, model)


def folder_of(name: str) -> Path:
    """The folder of a model: itself, or the Hub's files in the local cache."""
    if looks_local(name):
        if not (Path(name) / CONFIG).is_file():
            raise ModelError(
                f"expected a model folder with {CONFIG}, received '{name}'; check the path"
            )
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        with cache_unless_reached(name, "model"):
            return Path(snapshot_download(name, allow_patterns=["*.safetensors", *BESIDE]))
    except (OSError, ValueError) as error:
        raise ModelError(explain(name, error)) from error


def forms(source: Source, program: Program) -> dict[str, str]:
    """The forms without weights, by the ending of their files."""
    return {
        ".json": program_json(source.name, program),
        ".yaml": mergekit_yaml(source.name, program, source.config.dtype),
    }


def check_free(out: Path) -> None:
    """Nothing is overwritten."""
    if out.is_dir() and out.suffix not in (".json", ".yaml") and not any(out.iterdir()):
        return
    if out.exists():
        raise ConfigError(f"expected a new place, received '{out}', which exists; choose another")


def check_disk(out: Path, size: int) -> None:
    """There is room for the weights."""
    free = shutil.disk_usage(out.parent).free
    if free < size:
        raise ConfigError(
            f"expected {size / 1e9:.1f} GB of free disk for '{out}', received {free / 1e9:.1f} GB; "
            "make room, or write --out program.json for the form without weights"
        )


def copy_beside(folder: Path, out: Path) -> None:
    """Copy what belongs to a checkpoint beside its weights."""
    for file in sorted({file for pattern in BESIDE for file in folder.glob(pattern)}):
        if file.is_file() and not any(file.match(pattern) for pattern in NOT_BESIDE):
            shutil.copyfile(file, out / file.name)
