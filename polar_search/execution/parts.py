"""A decoder taken apart for the engine: embeddings, layers, rotary tables, windows, head.

The engine calls the model's own layer modules. What it must know besides, it finds by inspection,
and before the first row it compares the parts put together with the model's own forward: a family
whose forward does something else between its layers is refused, never run wrongly.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import nn

from polar_search.errors import ModelError
from polar_search.execution import attention
from polar_search.execution.adapter import place_of, refusal
from polar_search.execution.attention import Filed, LayerCall, PromptRun
from polar_search.execution.pages import KeyValueShape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polar_search.execution.adapter import ModelAdapter

CACHE_ARGUMENTS = ("past_key_values", "layer_past", "past_key_value")


class DecoderParts:
    """The pieces of a decoder, callable one by one.

    Attributes:
        layers: The model's own layers.
        windows: For every layer the tokens it sees at most, None for all.
        width: Of the hidden states.
        dtype: Of the hidden states.
        device: Where hidden states wait for their layers.
        devices: Where each layer computes.
    """

    def __init__(self, adapter: ModelAdapter) -> None:
        from transformers import AttentionInterface, DynamicCache

        AttentionInterface.register(attention.NAME, attention.attend)
        self._adapter = adapter
        self._family = type(adapter.model).__name__
        self._embed = adapter.model.get_input_embeddings()
        self._head = adapter.model.get_output_embeddings()  # type: ignore[no-untyped-call]
        self._norm = self._only_child("final norm", "Norm")
        self._rotary = self._only_child("rotary embedding", "Rotary")
        self._softcap = getattr(adapter.config, "final_logit_softcapping", None)
        self.layers = adapter.layers
        self.width = int(cast("torch.Tensor", self._embed.weight).shape[1])
        self.dtype = adapter.model.dtype
        self.device = adapter.device
        self.devices = [place_of(layer) for layer in self.layers]
        self._check_places()
        slots = DynamicCache(config=adapter.config).layers
        self.windows = [getattr(slot, "sliding_window", None) for slot in slots]
        self._kinds = getattr(adapter.config, "layer_types", None) or [None] * len(self.layers)
        accepted = inspect.signature(self.layers[0].forward).parameters
        self._cache_name = next((n for n in CACHE_ARGUMENTS if n in accepted), CACHE_ARGUMENTS[0])
        self._tables: dict[str | None, tuple[torch.Tensor, torch.Tensor]] = {}

    def _only_child(self, what: str, mark: str) -> nn.Module:
        children = self._adapter.owner.named_children()
        found = [child for _, child in children if mark in type(child).__name__]
        if len(found) != 1:
            raise refusal(self._family, f"its {what} was not found beside its layers")
        return found[0]

    def _check_places(self) -> None:
        """Between devices accelerate's hooks move what goes in and out; nobody else does."""
        lie = {weight.device for weight in self._adapter.model.parameters()}
        if len(lie) > 1 and not hasattr(self._adapter.model, "hf_device_map"):
            raise refusal(self._family, "it stands on several devices, loaded without device_map=")

    def embed(self, tokens: torch.Tensor) -> torch.Tensor:
        """Hidden states [N, d] of tokens [N]."""
        return cast("torch.Tensor", self._embed(tokens))

    def logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Raw logits [N, V] of hidden states [N, d] behind the last layer."""
        logits: torch.Tensor = self._head(self._norm(hidden))
        if self._softcap:
            logits = torch.tanh(logits / self._softcap) * self._softcap
        return logits

    def prepare_positions(self, count: int) -> None:
        """Compute the rotary tables for positions below ``count``."""
        cosines = next(iter(self._tables.values()), None)
        if cosines is not None and cosines[0].shape[1] >= count:
            return
        self._check_rotary(count)
        positions = torch.arange(count, device=self.device)[None]
        like = torch.empty(1, 1, self.width, dtype=self.dtype, device=self.device)
        typed = "layer_type" in inspect.signature(self._rotary.forward).parameters
        for kind in set(self._kinds):
            extra = {"layer_type": kind} if typed else {}
            self._tables[kind] = self._rotary(like, positions, **extra)

    def _check_rotary(self, count: int) -> None:
        """Some rotary embeddings turn otherwise once a text is long; a table cannot follow."""
        rope = getattr(self._adapter.config, "rope_parameters", None) or {}
        if rope.get("rope_type") not in {"dynamic", "longrope"}:
            return
        bound = rope.get("original_max_position_embeddings") or self._adapter.max_positions
        if bound is not None and count > bound:
            raise ModelError(
                f"expected at most {bound} tokens a row, since the rotary embedding of "
                f"{self._family} changes beyond them, received {count}; shorten the prompts"
            )

    def run(
        self, layer: int, hidden: torch.Tensor, positions: torch.Tensor, call: LayerCall
    ) -> torch.Tensor:
        """One layer over the tokens of a call: [N, d] in and out; positions [N]."""
        cosine, sine = self._tables[self._kinds[layer]]
        angles = cosine.index_select(1, positions), sine.index_select(1, positions)
        options: dict[str, Any] = {self._cache_name: call}
        out = self.layers[layer](
            hidden[None],
            attention_mask=call,
            position_ids=positions[None],
            position_embeddings=angles,
            use_cache=True,
            **options,
        )
        return cast("torch.Tensor", out[0])

    def file(
        self, layer: int, hidden: torch.Tensor, positions: torch.Tensor, call: LayerCall
    ) -> None:
        """As much of a layer as a filing call needs: keys and values of the tokens [N, d]."""
        with suppress(Filed):
            self.run(layer, hidden, positions, call)

    @contextmanager
    def attention(self) -> Iterator[None]:
        """Route the attention of all layers to the engine, for a while."""
        settings = vars(self._adapter.config)
        before = settings["_attn_implementation_internal"]
        settings["_attn_implementation_internal"] = attention.NAME
        try:
            yield
        finally:
            settings["_attn_implementation_internal"] = before

    def key_value_shape(self) -> KeyValueShape:
        """What a token puts into the cache of a layer.

        Raises:
            ModelError: Layers keep different shapes, or pass by cache or attention function.
        """
        shapes = {self._probe(layer) for layer in range(len(self.layers))}
        if len(shapes) > 1:
            raise refusal(self._family, "its layers keep keys and values of different shapes")
        return shapes.pop()

    def _probe(self, layer: int) -> KeyValueShape:
        recorder = Recorder()
        token = torch.zeros(1, dtype=torch.long, device=self.device)
        self.prepare_positions(1)
        try:
            with self.attention():
                self.run(layer, self.embed(token), token, recorder)
        except (TypeError, AttributeError, RuntimeError, ValueError, IndexError) as error:
            reason = f"layer {layer} cannot be called by itself ({error})"
            raise refusal(self._family, reason) from error
        if recorder.shape is None:
            raise refusal(self._family, "its layers do not hand their keys and values to the cache")
        return recorder.shape


class Recorder(LayerCall):
    """A call of one token that files nothing and looks at the shapes that pass by."""

    def __init__(self) -> None:
        none = np.zeros(0, dtype=np.int64)
        super().__init__(None, [PromptRun(0, 1, 1, none)], none, none, None)  # type: ignore[arg-type]
        self.shape: KeyValueShape | None = None

    def update(
        self, keys: torch.Tensor, values: torch.Tensor, *_: object, **__: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Note the shapes of keys and values [1, H, 1, w]."""
        self.shape = KeyValueShape(keys.shape[1], keys.shape[3], values.shape[3], keys.dtype)
        return keys, values
