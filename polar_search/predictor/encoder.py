"""Frozen text encoders: from prompts to one vector a token.

``base:N`` is the base model itself, stopped after its first N layers (its token embeddings for
N = 0): no second model is held in memory. Any other name is a Hugging Face encoder, such as the
paper's Qwen/Qwen3-Embedding-0.6B.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from polar_search.errors import PredictorError
from polar_search.execution.adapter import adapt
from polar_search.execution.loading import explain, fingerprint, freeze
from polar_search.execution.reference import unrolled

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MAX_TOKENS = 512
"""Tokens of a prompt that an encoder reads, the last ones (paper, section 3.2)."""

BATCH = 64
"""Prompts encoded at once."""

OF_BASE = "base:"


class Encoder(Protocol):
    """What turns prompts into token encodings."""

    width: int
    fingerprint: str

    def encode(self, prompts: Sequence[str]) -> list[Tensor]:
        """`[T, width]` for each prompt."""
        ...


class BaseEncoder:
    """The base model's token embeddings, or the normed hidden states behind its first layers."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, layers: int
    ) -> None:
        self._adapter = adapt(model)
        self._model, self._tokenizer, self._layers = model, tokenizer, layers
        if not 0 <= layers <= self._adapter.num_layers:
            raise PredictorError(
                f"expected an encoder of 0 to {self._adapter.num_layers} layers of the model, "
                f"received '{OF_BASE}{layers}'; change --encoder"
            )
        self.width = int(cast("Tensor", model.get_input_embeddings().weight).shape[1])
        self.fingerprint = f"{fingerprint(model)}:{layers}"

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> list[Tensor]:
        """`[T, width]` for each prompt."""
        encoded: list[Tensor] = []
        for batch in _batches(prompts):
            ids, mask = _tokenized(self._tokenizer, batch, self._model.device)
            if self._layers:
                with unrolled(self._model, range(self._layers)):
                    owner = cast("Any", self._adapter.owner)
                    hidden = owner(input_ids=ids, attention_mask=mask, use_cache=False)[0]
            else:
                hidden = self._model.get_input_embeddings()(ids)
            encoded += _unpadded(hidden, mask)
        return encoded


class HubEncoder:
    """Any encoder of the Hub or a local folder: its last hidden states."""

    def __init__(self, name: str, device: torch.device) -> None:
        from transformers import AutoModel, AutoTokenizer

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(name)
            model = AutoModel.from_pretrained(name, use_safetensors=True)
        except (OSError, ValueError, ImportError, RuntimeError, KeyError) as error:
            raise PredictorError(
                f"{explain(name, error)}, or encode by the model itself: --encoder {OF_BASE}0"
            ) from error
        self._model = cast("Any", freeze(model)).to(device)
        self.width = int(model.config.hidden_size)
        self.fingerprint = fingerprint(model)

    @torch.no_grad()
    def encode(self, prompts: Sequence[str]) -> list[Tensor]:
        """`[T, width]` for each prompt."""
        encoded: list[Tensor] = []
        for batch in _batches(prompts):
            ids, mask = _tokenized(self._tokenizer, batch, self._model.device)
            hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            encoded += _unpadded(hidden, mask)
        return encoded


def make_encoder(
    name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None
) -> BaseEncoder | HubEncoder:
    """The encoder of a name; `model` is the base model.

    Raises:
        PredictorError: It does not exist or cannot be loaded.
    """
    if not name.startswith(OF_BASE):
        return HubEncoder(name, model.device)
    layers = name.removeprefix(OF_BASE)
    if tokenizer is None:
        raise PredictorError(
            "expected an engine with a tokenizer, since a predictor reads texts, received one "
            "without; load it with ProgramEngine.from_pretrained"
        )
    if not layers.isdecimal():
        raise PredictorError(
            f"expected an encoder such as '{OF_BASE}2', received '{name}'; give a number of layers"
        )
    return BaseEncoder(model, tokenizer, int(layers))


def encode_cached(encoder: Encoder, prompts: Sequence[str], path: Path) -> list[Tensor]:
    """The encodings of `prompts`, from the file `path` where it holds just these."""
    prompts = list(prompts)
    key = hashlib.sha256(json.dumps([encoder.fingerprint, prompts]).encode()).hexdigest()
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}).get("key") == key:
                lengths = file.get_tensor("lengths").tolist()
                return list(file.get_tensor("tokens").split(lengths))
    except (OSError, SafetensorError):
        pass  # none yet, or half written: made again
    encoded = [tokens.cpu().contiguous() for tokens in encoder.encode(prompts)]
    path.parent.mkdir(parents=True, exist_ok=True)
    lengths = torch.tensor([len(tokens) for tokens in encoded])
    partial = path.with_suffix(".partial")
    save_file({"tokens": torch.cat(encoded), "lengths": lengths}, partial, {"key": key})
    partial.rename(path)
    return encoded


def padded(encodings: Sequence[Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    """A batch `[B, T, width]` in float32, and where it is padding `[B, T]`."""
    lengths = torch.tensor([len(tokens) for tokens in encodings], device=device)
    batch = pad_sequence(list(encodings), batch_first=True).to(device, torch.float32)
    return batch, torch.arange(batch.shape[1], device=device) >= lengths[:, None]


def _batches(prompts: Sequence[str]) -> list[list[str]]:
    return [list(prompts[i : i + BATCH]) for i in range(0, len(prompts), BATCH)]


def _tokenized(
    tokenizer: PreTrainedTokenizerBase, prompts: list[str], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Ids and mask `[B, T]`, padded on the right."""
    ids = [torch.tensor(tokenizer(prompt)["input_ids"][-MAX_TOKENS:]) for prompt in prompts]
    mask = pad_sequence([torch.ones_like(row) for row in ids], batch_first=True)
    return pad_sequence(ids, batch_first=True).to(device), mask.to(device)


def _unpadded(hidden: Tensor, mask: Tensor) -> list[Tensor]:
    lengths = mask.sum(1).tolist()
    return [row[:length] for row, length in zip(hidden, lengths, strict=True)]
