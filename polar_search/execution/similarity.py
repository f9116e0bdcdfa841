"""How much the layers of the standard pass change what goes through them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch

from polar_search.execution.adapter import adapt
from polar_search.execution.decoding import encode_prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from polar_search.execution.adapter import ModelAdapter
    from polar_search.execution.rows import Prompt


@torch.no_grad()
def hidden_similarity(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase | None, prompts: Sequence[Prompt]
) -> tuple[tuple[float, ...], ...]:
    """Mean cosine similarity of the hidden states at any two depths of the standard pass.

    Block influence (Men et al., "ShortGPT", arXiv 2403.03853, section 3.2) is one minus the entries
    beside the diagonal; those further off compare what a whole block of layers makes of its input
    (Gromov et al., "The Unreasonable Ineffectiveness of the Deeper Layers", arXiv 2403.17887).

    Args:
        model: A causal decoder.
        tokenizer: Its tokenizer; None where prompts are token ids.
        prompts: Texts or token ids; every token of every prompt counts the same.

    Returns:
        `[D + 1, D + 1]`: row i is the input of layer i, row D the output of the last layer before
        the final norm. Rounded, so that machines agree.
    """
    adapter = adapt(model)
    depths = adapter.num_layers + 1
    total, tokens = torch.zeros(depths, depths, dtype=torch.float64), 0
    for prompt in prompts:
        ids = encode_prompt(prompt, tokenizer, adapter.max_positions, 0)
        states = _states(adapter, ids)  # [D + 1, T, d]
        states = torch.nn.functional.normalize(states.double(), dim=-1)
        total += torch.einsum("itd,jtd->ij", states, states).cpu()
        tokens += len(ids)
    return tuple(tuple(round(value, 6) for value in row) for row in (total / tokens).tolist())


def _states(adapter: ModelAdapter, ids: Sequence[int]) -> torch.Tensor:
    """The hidden states `[D + 1, T, d]` of one prompt, before each layer and after the last."""
    seen: list[torch.Tensor] = []
    layers, device = list(adapter.layers), adapter.device

    def before(module: nn.Module, given: tuple[Any, ...], named: dict[str, Any]) -> None:  # noqa: ARG001
        seen.append((given[0] if given else named["hidden_states"])[0].to(device))

    def after(module: nn.Module, given: tuple[Any, ...], output: torch.Tensor) -> None:  # noqa: ARG001
        seen.append(output[0].to(device))

    with ExitStack() as hooks:
        for layer in layers:
            hooks.enter_context(layer.register_forward_pre_hook(before, with_kwargs=True))
        hooks.enter_context(layers[-1].register_forward_hook(after))
        adapter.model(input_ids=torch.tensor([list(ids)], device=device), use_cache=False)
    return torch.stack(seen)
