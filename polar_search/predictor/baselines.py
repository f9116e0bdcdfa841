"""Static programs of other work, that a predictor is compared with."""

from __future__ import annotations

from collections.abc import Sequence

from polar_search.execution import ProgramEngine
from polar_search.execution.similarity import hidden_similarity
from polar_search.program import Program

READ = 64
"""Prompts whose hidden states are compared, about."""


def least_influence(engine: ProgramEngine, prompts: Sequence[str], depth: int) -> Program:
    """The layers of most block influence, `depth` of them (Men et al., arXiv 2403.03853, 3.2).

    A layer's influence is one minus the cosine similarity of what goes in and what comes out, in
    the mean over the tokens of about `READ` prompts, taken evenly, since examples stand by level.

    Args:
        engine: Of the base model.
        prompts: Of other examples than those it is judged on.
        depth: Executed layers; from 1 to D.
    """
    layers = engine.num_layers
    some = prompts[:: max(1, len(prompts) // READ)]
    similarity = hidden_similarity(engine.model, engine.tokenizer, some)
    ranked = sorted(range(layers), key=lambda layer: similarity[layer][layer + 1])
    return Program(sorted(ranked[:depth]), layers)
