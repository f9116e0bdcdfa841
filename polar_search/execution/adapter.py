"""Where a Hugging Face decoder keeps its layers, found by inspection.

Nothing here knows a model family by name. A model qualifies when exactly one module list has as
many members as the text config has layers, and every member carries attention with a ``layer_idx``
(its place in the key-value cache). What cannot run a program is refused with the reason.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from polar_search.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import PreTrainedConfig, PreTrainedModel

ATTENTION_TYPES = frozenset({"full_attention", "sliding_attention", "chunked_attention"})
"""Layer types that remember keys and values only: a cache slot an occurrence is all they need."""


@dataclass(frozen=True)
class ModelAdapter:
    """The parts of a causal decoder that rerouting touches.

    Attributes:
        model: The causal language model, its head included.
        owner: The module whose forward loops over the layers.
        name: The attribute of ``owner`` that holds the list of layers.
        config: The text config that the loop reads.
    """

    model: PreTrainedModel
    owner: nn.Module
    name: str
    config: PreTrainedConfig

    @property
    def layers(self) -> nn.ModuleList:
        """The list of layers as it stands in the model now."""
        return cast("nn.ModuleList", getattr(self.owner, self.name))

    @property
    def num_layers(self) -> int:
        """Layers of the model."""
        return len(self.layers)

    @property
    def device(self) -> torch.device:
        """Where token ids go in."""
        return place_of(self.model.get_input_embeddings())

    @property
    def max_positions(self) -> int | None:
        """Tokens that the positions of the model reach, None where they have no bound."""
        return getattr(self.config, "max_position_embeddings", None)

    @property
    def last_logits_only(self) -> dict[str, Any]:
        """Arguments of the forward that ask for the logits of the last position alone."""
        accepts = inspect.signature(self.model.forward).parameters
        return {"logits_to_keep": 1} if "logits_to_keep" in accepts else {}


def adapt(model: PreTrainedModel) -> ModelAdapter:
    """Find the layers of ``model``.

    Raises:
        ModelError: The model cannot run programs of layers; the message gives the reason.
    """
    family = type(model).__name__
    if model.config.is_encoder_decoder:
        raise refusal(family, "its decoder attends to an encoder")
    if model.get_output_embeddings() is None:  # type: ignore[no-untyped-call]
        raise refusal(family, "it has no language-model head")
    config = model.config.get_text_config(decoder=True)
    reason = obstacle(config)
    if reason:
        raise refusal(family, reason)
    found = list(layer_lists(model, config.num_hidden_layers))
    if not found:
        raise refusal(
            family, "no list of its modules holds one attention layer per layer of its config"
        )
    if len(found) > 1:
        places = ", ".join(f"{type(owner).__name__}.{name}" for owner, name in found)
        raise refusal(family, f"it has several lists of layers ({places})")
    owner, name = found[0]
    return ModelAdapter(model, owner, name, config)


def refusal(family: str, reason: str) -> ModelError:
    """The error for a model whose layers cannot be rerouted."""
    return ModelError(
        f"expected a decoder with one list of attention layers, received {family}: {reason}; "
        "choose a model of another family"
    )


def obstacle(config: PreTrainedConfig) -> str | None:
    """Why the config rules programs out, or None."""
    types = set(
        getattr(config, "layer_types", None) or getattr(config, "layers_block_type", None) or ()
    )
    strange = sorted(types - ATTENTION_TYPES - {"attention"})
    if strange:
        return f"its layers of type {', '.join(strange)} keep a state that is no key-value cache"
    if getattr(config, "num_kv_shared_layers", None) or getattr(config, "kv_sharing_modes", None):
        return "some of its layers read the keys and values of other layers"
    if getattr(config, "hidden_size_per_layer_input", None):
        return "its layers receive an embedding that belongs to their place"
    if getattr(config, "is_heterogeneous", False):
        return "its layers differ in shape"
    return None


def place_of(module: nn.Module) -> torch.device:
    """Where a module computes: where accelerate sends its inputs, else where its weights lie.

    Weights that accelerate loads for every call lie on the device ``meta`` between calls.
    """
    for part in module.modules():
        hook = getattr(part, "_hf_hook", None)
        for one in getattr(hook, "hooks", (hook,)):
            device = getattr(one, "execution_device", None)
            if device is not None:
                return torch.empty(0, device=device).device
    return next(module.parameters()).device


def layer_lists(model: nn.Module, length: int) -> Iterator[tuple[nn.Module, str]]:
    """Owners and attribute names of the lists of ``length`` cached attention layers.

    A cross-attending or vision tower of the same length would be a second candidate.
    """
    for owner in model.modules():
        for name, child in owner.named_children():
            if not isinstance(child, nn.ModuleList) or len(child) != length:
                continue
            if all(holds_cache_index(layer) for layer in child):
                yield owner, name


def holds_cache_index(module: nn.Module) -> bool:
    """Whether some part of the module knows its place in the cache."""
    return any(isinstance(getattr(part, "layer_idx", None), int) for part in module.modules())
