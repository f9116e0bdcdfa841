"""The config of a checkpoint whose layers are those of a program, and the proof that it fits.

A config says things of single layers in several ways: lists with an item a layer, lists of layer
indices, "the first k layers", "every n-th layer". Those below are rewritten. Whatever else a family
derives from a layer's place shows when both models are built without weights: each layer must be
the twin of the one it was copied from, or the export is refused by the name of what differs.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch

from polar_search.errors import ModelError
from polar_search.execution.adapter import ModelAdapter, adapt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn
    from transformers import PreTrainedConfig

INDEX_LISTS = ("mlp_only_layers", "moe_layers")
"""Lists of the indices of layers."""

FIRST_LAYERS = ("first_k_dense_replace", "max_window_layers")
"""How many of the first layers are of another kind than the rest."""

Plain = (bool, int, float, str, type(None))
"""Types of a module's settings that are compared."""


def build_empty(config: PreTrainedConfig) -> ModelAdapter:
    """The model of a config without weights.

    Raises:
        ModelError: No causal decoder that could run programs of layers.
    """
    from transformers import AutoModelForCausalLM

    # Building writes into the config it is given.
    with torch.device("meta"):
        return adapt(AutoModelForCausalLM.from_config(copy.deepcopy(config)))  # type: ignore[no-untyped-call]


def unrolled_config(
    raw: dict[str, Any], config: PreTrainedConfig, path: Sequence[int]
) -> dict[str, Any]:
    """The `config.json` of the unrolled model.

    Args:
        raw: The `config.json` of the model.
        config: The same as loaded: with what the library fills in.
        path: The layers of the program.
    """
    text = config.get_text_config(decoder=True)
    changed = copy.deepcopy(raw)
    nested = next((name for name in raw if getattr(config, name, None) is text), None)
    (changed if nested is None else changed[nested]).update(changes(text, path))
    return changed


def changes(config: PreTrainedConfig, path: Sequence[int]) -> dict[str, Any]:
    """The entries of a text config that the path changes."""
    settings, depth = vars(config), config.num_hidden_layers
    changed: dict[str, Any] = {
        config.attribute_map.get("num_hidden_layers", "num_hidden_layers"): len(path)
    }
    for name, value in settings.items():
        if name in INDEX_LISTS and value is not None:
            changed[name] = [place for place, layer in enumerate(path) if layer in value]
        elif name in FIRST_LAYERS and value is not None:
            later = (place for place, layer in enumerate(path) if layer >= value)
            changed[name] = next(later, len(path))
        elif is_list_of_layers(name, value, depth):
            changed[name] = [value[layer] for layer in path]
    if settings.get("decoder_sparse_step"):
        changed |= {"decoder_sparse_step": 1, "mlp_only_layers": dense_places(settings, path)}
    return changed


def is_list_of_layers(name: str, value: object, depth: int) -> bool:
    """Whether an entry has one item for each layer."""
    about_layers = "layer" in name or "block" in name
    return about_layers and isinstance(value, (list, tuple)) and len(value) == depth


def dense_places(settings: dict[str, Any], path: Sequence[int]) -> list[int]:
    """Where the path has layers that "every n-th layer is a mixture of experts" leaves dense."""
    step, dense = settings["decoder_sparse_step"], settings.get("mlp_only_layers") or ()
    return [place for place, layer in enumerate(path) if layer in dense or (layer + 1) % step != 0]


def check_twins(source: ModelAdapter, unrolled: ModelAdapter, path: Sequence[int]) -> None:
    """Each layer of the unrolled model is made as the one it is copied from.

    Raises:
        ModelError: One is not; named by what differs.
    """
    for place, layer in enumerate(path):
        wanted, received = (
            traits(model.layers[index]) for model, index in ((source, layer), (unrolled, place))
        )
        for name in sorted(wanted.keys() | received.keys()):
            if wanted.get(name) != received.get(name):
                raise ModelError(
                    f"expected layer {place} of the checkpoint to be made like layer {layer} of "
                    f"the model, received another {name}: its config cannot say so of single "
                    "layers; run the program with `polar-search generate`"
                )


def traits(layer: nn.Module) -> dict[str, object]:
    """What a layer is made of, but for its index: classes, shapes and plain settings."""
    found: dict[str, object] = {}
    for name, part in layer.named_modules():
        dotted = f"{name}." if name else ""
        found[f"{dotted}class"] = type(part)
        for key, value in vars(part).items():
            if isinstance(value, Plain) and key not in ("layer_idx", "training"):
                found[dotted + key] = value
    for name, weight in layer.state_dict().items():
        found[name] = (tuple(weight.shape), weight.dtype)
    return found


def differs_from_pattern(config: PreTrainedConfig) -> bool:
    """Whether the config's `layer_types` are others than its family would make by itself."""
    text = config.get_text_config(decoder=True)
    if not getattr(text, "layer_types", None):
        return False
    plain = {name: value for name, value in text.to_dict().items() if name != "layer_types"}
    return bool(type(text).from_dict(plain).layer_types != text.layer_types)
