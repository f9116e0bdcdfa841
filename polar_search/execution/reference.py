"""The reference execution: a program runs exactly as the physically unrolled model would.

`unrolled` lends the model another list of layers for a while: one shallow copy an occurrence, which
shares the weights but owns its slot in the key-value cache. Everything else (masks, rotary
embeddings, cache, generation) is the model's own code, so this is what faster executions are
measured against.
"""

from __future__ import annotations

import copy
import functools
import math
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

from polar_search.execution.adapter import ModelAdapter, adapt
from polar_search.execution.decoding import (
    Ending,
    RowState,
    continuation_ids,
    encode_prompt,
    pick_tokens,
    sampler,
)
from polar_search.execution.rows import layer_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from polar_search.execution.rows import Generation, ProgramLike, Prompt, Sampling, Stop


@contextmanager
def unrolled(model: PreTrainedModel, program: ProgramLike) -> Iterator[PreTrainedModel]:
    """Let ``model`` run the layers of ``program`` in place of its own, inside a ``with`` block.

    The model is the same object: ``with unrolled(model, program): model.generate(...)``. On
    leaving, also by an exception, its list of layers and its config are what they were. Not
    thread-safe, and a cache filled inside one block means nothing in another.

    Args:
        model: A causal decoder.
        program: A program or plain layer path for this model.

    Raises:
        ModelError: The model's layers cannot be rerouted.
        ProgramError: The program belongs to another model.
    """
    adapter = adapt(model)
    path = layer_path(program, adapter.num_layers)
    layers = adapter.layers
    changes = config_changes(adapter, path)
    settings = vars(adapter.config)
    before = {name: settings[name] for name in changes}
    static_cache = vars(model).pop("_cache", None)
    setattr(adapter.owner, adapter.name, occurrences(layers, path))
    settings.update(changes)
    try:
        yield model
    finally:
        settings.update(before)
        setattr(adapter.owner, adapter.name, layers)
        vars(model).pop("_cache", None)
        if static_cache is not None:
            vars(model)["_cache"] = static_cache


def occurrences(layers: nn.ModuleList, path: Sequence[int]) -> nn.ModuleList:
    """One copy of a layer for every position of the path, with a cache slot of its own."""
    return nn.ModuleList(share(layers[layer], slot) for slot, layer in enumerate(path))


def share(module: nn.Module, slot: int) -> nn.Module:
    """A copy of ``module`` with the same parameters whose attention uses cache slot ``slot``."""
    twin = copy.copy(module)
    twin._modules = {
        name: child if child is None else share(child, slot)
        for name, child in module._modules.items()
    }
    if isinstance(vars(twin).get("layer_idx"), int):
        vars(twin)["layer_idx"] = slot
    rebind_hooked_forward(twin)
    return twin


def rebind_hooked_forward(twin: nn.Module) -> None:
    """Make the forward that accelerate put on the original run the copy (``device_map=``)."""
    own = vars(twin)
    if isinstance(own.get("_old_forward"), types.MethodType):
        own["_old_forward"] = types.MethodType(own["_old_forward"].__func__, twin)
    if isinstance(own.get("forward"), functools.partial):
        own["forward"] = functools.update_wrapper(
            functools.partial(own["forward"].func, twin), own["_old_forward"]
        )


def config_changes(adapter: ModelAdapter, path: Sequence[int]) -> dict[str, Any]:
    """What the text config must say so that its model loops over the path.

    The forward cuts its list at ``num_hidden_layers`` and looks masks up by position, in
    ``layer_types`` or a list like it: every list of the config that is about layers and has one
    item for each of them follows the path.
    """
    depth = adapter.num_layers
    changes: dict[str, Any] = {"num_hidden_layers": len(path)}
    for name, value in vars(adapter.config).items():
        about_layers = "layer" in name or "block" in name
        if about_layers and isinstance(value, (list, tuple)) and len(value) == depth:
            changes[name] = type(value)(value[layer] for layer in path)
    return changes


@torch.no_grad()
def generate_reference(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase | None,
    prompts: Sequence[Prompt],
    program: ProgramLike,
    max_new_tokens: int,
    *,
    stop: Sequence[Stop] = (),
    sampling: Sampling | None = None,
) -> list[Generation]:
    """Run one program over the prompts, one prompt at a time, by the model's own forward.

    Tokens are the argmax over the raw logits (no logits processors; a checkpoint's repetition
    penalty or temperature plays no part) unless ``sampling`` is given. A row ends with any
    end-of-text id of the model's generation config, with a stop, or after ``max_new_tokens``.

    Args:
        model: A causal decoder.
        tokenizer: Its tokenizer; None where prompts are token ids and no texts are wanted.
        prompts: Texts or token ids.
        program: A program or plain layer path for this model.
        max_new_tokens: New tokens at most, for each prompt.
        stop: Strings, or conditions on the text so far, that end a row.
        sampling: How to draw tokens; None is greedy.
    """
    adapter = adapt(model)
    ending = Ending(model, tokenizer, max_new_tokens, stop)
    encoded = [encode_prompt(p, tokenizer, adapter.max_positions, max_new_tokens) for p in prompts]
    results = []
    with unrolled(model, program):
        for ids in encoded:
            state = RowState(ending, chooser=sampler(sampling))
            decode_serially(adapter, ids, state)
            results.append(state.result())
    return results


@torch.no_grad()
def score_reference(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase | None,
    prompt: Prompt,
    options: Sequence[Prompt],
    program: ProgramLike,
) -> list[float]:
    """Log-likelihood of each option as the continuation of the prompt, one forward an option.

    Args:
        model: A causal decoder.
        tokenizer: Its tokenizer; None where prompt and options are token ids.
        prompt: Text or token ids.
        options: Texts or token ids.
        program: A program or plain layer path for this model.

    Returns:
        For each option the sum of its tokens' log-probabilities; minus infinity where logits are
        no numbers.
    """
    adapter = adapt(model)
    encoded = [continuation_ids(option, tokenizer) for option in options]
    longest = max(map(len, encoded), default=1)
    start = encode_prompt(prompt, tokenizer, adapter.max_positions, longest)
    worth = []
    with unrolled(model, program):
        for option in encoded:
            ids = torch.tensor([[*start, *option]], device=adapter.device)
            logits = model(ids, use_cache=False).logits[0, len(start) - 1 : -1].float()
            sums = logits.log_softmax(-1).gather(-1, ids[0, len(start) :, None]).sum()
            worth.append(float(sums) if logits.isfinite().all() else -math.inf)
    return worth


def decode_serially(adapter: ModelAdapter, ids: Sequence[int], state: RowState) -> None:
    """Prefill one prompt, then one token a forward, until the row is finished."""
    from transformers import DynamicCache

    model, options = adapter.model, adapter.last_logits_only
    cache = DynamicCache(config=model.config)
    tokens = torch.tensor([list(ids)], device=adapter.device)
    while not state.finished:
        out = model(input_ids=tokens, past_key_values=cache, use_cache=True, **options)
        choice = pick_tokens(out.logits[:, -1], [state])
        state.accept(choice.tokens[0], choice.margins[0])
        tokens = tokens.new_tensor([[choice.tokens[0]]])
