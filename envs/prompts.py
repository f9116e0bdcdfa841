"""The prompt as it is observed: a vector of unit root mean square, whatever encoder made it."""

from __future__ import annotations

import numpy as np
import torch

from polar_search.errors import ConfigError
from polar_search.execution import ProgramEngine
from polar_search.execution.decoding import encode_prompt

from .options import Array, Encoder


def mean_token_embedding(engine: ProgramEngine, prompt: str) -> Array:
    """The mean of the frozen model's input embeddings of a prompt's tokens, of shape [width]."""
    ids = encode_prompt(prompt, engine.tokenizer, None, 0)
    embed = engine.model.get_input_embeddings()
    with torch.no_grad():
        vectors = embed(torch.tensor(ids, device=engine.model.device))
    mean: Array = vectors.float().mean(0).cpu().numpy()
    return mean


def encoded(encoder: Encoder, prompt: str) -> Array:
    """What an encoder makes of a prompt, scaled to a root mean square of 1, of shape [width].

    Scaled, every coordinate is within the square root of the width, and networks get numbers of one
    size from embeddings of any size.

    Raises:
        ConfigError: It is not a vector of finite numbers.
    """
    vector = np.asarray(encoder(prompt), dtype=np.float32)
    if vector.ndim != 1 or not vector.size or not np.isfinite(vector).all():
        raise ConfigError(
            f"expected the encoder to give a vector of finite numbers, received shape "
            f"{vector.shape} for a prompt of {len(prompt)} characters; return one number for each "
            "dimension"
        )
    size = float(np.sqrt(np.mean(vector.astype(np.float64) ** 2)))
    bound = np.sqrt(vector.size)
    scaled: Array = np.clip(vector / max(size, 1e-30), -bound, bound).astype(np.float32)
    return scaled
