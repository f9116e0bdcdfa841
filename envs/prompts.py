"""Prompts as they are observed: vectors of unit root mean square, whatever encoder made them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from polar_search.errors import ConfigError
from polar_search.execution import ProgramEngine
from polar_search.predictor.encoder import make_encoder

from .options import Array, Encoder


def pooled(name: str, engine: ProgramEngine) -> Encoder:
    """The means over the tokens of what a frozen encoder makes of them.

    Args:
        name: ``base:N`` for the first N layers of the engine's own model (its token embeddings for
            N = 0), or an encoder of the Hub or a folder.
        engine: Has the model and its tokenizer.

    Raises:
        PolarSearchError: It does not exist or cannot be loaded.
    """
    if engine.tokenizer is None:
        raise ConfigError("expected an engine with a tokenizer, received one without; give it one")
    encoder = make_encoder(name, engine.model, engine.tokenizer)
    return lambda prompts: np.stack(
        [tokens.float().mean(0).cpu().numpy() for tokens in encoder.encode(prompts)]
    )


def encoded(encoder: Encoder, prompts: Sequence[str]) -> Array:
    """What an encoder makes of prompts, each scaled to a root mean square of 1, [prompts, width].

    Scaled, every coordinate is within the square root of the width, and networks get numbers of one
    size from embeddings of any size.

    Raises:
        ConfigError: It is not one vector of finite numbers for each prompt.
    """
    vectors = np.asarray(encoder(list(prompts)), dtype=np.float64)
    if vectors.ndim != 2 or len(vectors) != len(prompts) or not vectors.size:
        raise ConfigError(
            f"expected the encoder to give one vector for each of {len(prompts)} prompts, received "
            f"shape {vectors.shape}; return [prompts, width]"
        )
    if not np.isfinite(vectors).all():
        raise ConfigError(
            "expected finite numbers from the encoder, received others; correct the encoder"
        )
    size = np.sqrt((vectors**2).mean(1, keepdims=True))
    bound = np.sqrt(vectors.shape[1])
    scaled: Array = np.clip(vectors / np.maximum(size, 1e-30), -bound, bound).astype(np.float32)
    return scaled
