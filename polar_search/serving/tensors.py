"""Tensors in, tensors out, as transformers' ``generate``: existing scripts change one line.

Options are those of transformers' generation config that a program's answer can follow; others are
refused by name. What the checkpoint's own generation config says beside end-of-text ids plays no
part (a repetition penalty would be another model than the one programs were found on), and warns.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polar_search.errors import ConfigError
from polar_search.execution import Row, Sampling
from polar_search.serving.programs import read_programs

if TYPE_CHECKING:
    import torch

    from polar_search.serving.model import PolarModel

FOLLOWED = {
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "max_length",
    "max_new_tokens",
    "stop_strings",
    "pad_token_id",
}
"""Options that rows follow."""

HARMLESS = {
    "bos_token_id",
    "use_cache",
    "early_stopping",
    "length_penalty",
    "transformers_version",
    "renormalize_logits",
    "cache_implementation",
}
"""Options that change no token of a greedy or sampled row."""

NEW_TOKENS, TOP_K = 20, 50
"""What transformers takes where neither call nor checkpoint says."""


def is_tensor(value: object) -> bool:
    """Whether it is a tensor; torch need not be imported to know."""
    return type(value).__module__.partition(".")[0] == "torch"


def generate_tensors(
    model: PolarModel,
    inputs: torch.Tensor | None = None,
    *,
    input_ids: torch.Tensor | None = None,
    attention_mask: torch.Tensor | None = None,
    program: Any = None,  # noqa: ANN401
    programs: Sequence[Any] | None = None,
    generation_config: Any = None,  # noqa: ANN401
    streamer: Any = None,  # noqa: ANN401
    tokenizer: Any = None,  # noqa: ANN401, ARG001
    **options: Any,  # noqa: ANN401
) -> torch.Tensor:
    """Continue token ids, each row by its program.

    Args:
        model: Answers.
        inputs: Another name of ``input_ids``.
        input_ids: [B, T], padded on either side.
        attention_mask: [B, T], 0 where there is padding; without it, the padding id tells.
        program: For all rows.
        programs: One for each row.
        generation_config: Options of transformers, below those of the call.
        streamer: Of transformers, for one row.
        tokenizer: Not needed.
        **options: Of transformers, see `FOLLOWED`. Draws depend on torch's seed.

    Returns:
        [B, T + new tokens], padded on the right.

    Raises:
        ConfigError: An option that cannot be followed, or inputs that are no batch of ids.
        ProgramError: A program that is none, or for another model.
    """
    input_ids = inputs if input_ids is None else input_ids
    if input_ids is None or not is_tensor(input_ids) or input_ids.ndim != 2:
        raise ConfigError(
            "expected prompts, or input_ids of shape [batch, tokens], received "
            f"{'neither' if input_ids is None else tuple(getattr(input_ids, 'shape', ()))}; "
            "pass what tokenizer(texts, return_tensors='pt', padding=True) gives"
        )
    settings = effective(model, generation_config, options)
    prompts = unpadded(input_ids, attention_mask, settings)
    named = read_programs(program, programs, len(prompts), model.num_layers)
    chosen = [several[0] for several in model.chosen(prompts, named)]
    draws = samplings(settings, len(prompts))
    rows = [
        Row(prompt, one, sampling=draw)
        for prompt, one, draw in zip(prompts, chosen, draws, strict=True)
    ]
    length = new_tokens(settings, input_ids.shape[1])
    for prompt in prompts:
        model.encode(prompt, length)
    stop = settings.get("stop_strings") or ()
    stop = (stop,) if isinstance(stop, str) else tuple(stop)
    if streamer is not None:
        answers = [streamed(model, rows, length, stop, streamer, input_ids)]
    else:
        answers = [live.token_ids for live in model.run(rows, length, stop)]
    return behind(input_ids, answers, padding(settings))


def effective(
    model: PolarModel,
    generation_config: Any,  # noqa: ANN401
    options: dict[str, Any],
) -> dict[str, Any]:
    """The options that hold: of the call, of its config, of the checkpoint, in this order.

    Raises:
        ConfigError: The call asks for what rows cannot follow.
    """
    own = values(model.engine.model.generation_config)
    asked = {**values(generation_config), **options}
    changed = {name: value for name, value in asked.items() if value != own.get(name)}
    if refused := [name for name, value in changed.items() if not followed(name, value)]:
        raise ConfigError(
            f"expected options that programs can follow ({', '.join(sorted(FOLLOWED))}), received "
            f"{refused[0]}={asked[refused[0]]!r}; leave it out"
        )
    left = {name: value for name, value in own.items() if not followed(name, value)}
    left = {name: value for name, value in left.items() if name != "eos_token_id"}
    if own.get("do_sample") and "do_sample" not in asked:
        left["do_sample"] = True
    if left:
        stated = ", ".join(f"{name}={value}" for name, value in left.items())
        warnings.warn(f"left out of the checkpoint's generation config: {stated}", stacklevel=4)
    return {**own, "do_sample": False, **{k: v for k, v in asked.items() if v is not None}}


def values(config: Any) -> dict[str, Any]:  # noqa: ANN401
    """What a generation config says."""
    stated = {} if config is None else config.to_dict()
    return {
        name: value
        for name, value in stated.items()
        if value is not None and not name.startswith("_")
    }


def followed(name: str, value: Any) -> bool:  # noqa: ANN401
    """Whether rows do what an option says, be it only that something is off."""
    if name in FOLLOWED | HARMLESS:
        return True
    off = value is None or value is False or value in ([], {})
    return bool(off or (value is not True and isinstance(value, int | float) and value in (0, 1)))


def unpadded(
    input_ids: torch.Tensor, attention_mask: torch.Tensor | None, settings: dict[str, Any]
) -> list[tuple[int, ...]]:
    """The tokens of every row; without a mask, those that are no padding, as transformers infers.

    Raises:
        ConfigError: The mask has another shape.
    """
    pad, ends = settings.get("pad_token_id"), end_ids(settings)
    if attention_mask is None:
        mask = input_ids.new_ones(input_ids.shape)
        attention_mask = mask if pad is None or pad in ends else input_ids.ne(pad)
    if attention_mask.shape != input_ids.shape:
        raise ConfigError(
            f"expected an attention_mask of shape {tuple(input_ids.shape)}, received "
            f"{tuple(attention_mask.shape)}; pass what the tokenizer gives"
        )
    keeps = attention_mask.bool()
    return [tuple(row[keep].tolist()) for row, keep in zip(input_ids, keeps, strict=True)]


def samplings(settings: dict[str, Any], rows: int) -> list[Sampling | None]:
    """How each row draws; the seeds come from torch's."""
    import torch

    if not settings["do_sample"]:
        return [None] * rows
    seed = int(torch.randint(2**31, (1,)))
    temperature, top_p = settings.get("temperature", 1.0), settings.get("top_p", 1.0)
    top_k = settings.get("top_k", TOP_K) or None
    return [Sampling(temperature, top_p, seed + row, top_k) for row in range(rows)]


def new_tokens(settings: dict[str, Any], prompt_tokens: int) -> int:
    """New tokens of a row at most."""
    if (stated := settings.get("max_new_tokens")) is not None:
        return int(stated)
    whole = settings.get("max_length")
    return NEW_TOKENS if whole is None else int(whole) - prompt_tokens


def streamed(
    model: PolarModel,
    rows: Sequence[Row],
    length: int,
    stop: Sequence[str],
    streamer: Any,  # noqa: ANN401
    input_ids: torch.Tensor,
) -> tuple[int, ...]:
    """The new tokens of one row, told to a streamer of transformers as they become certain.

    Raises:
        ConfigError: There are several rows.
    """
    if len(rows) != 1:
        raise ConfigError(
            f"expected one row for a streamer, received {len(rows)}; stream them one by one"
        )
    streamer.put(input_ids.cpu())
    told: tuple[int, ...] = ()
    for live in model.grow(rows[0], length, stop):
        for token in live.token_ids[len(told) :]:
            streamer.put(input_ids.new_tensor([token]).cpu())
        told = live.token_ids
    streamer.end()
    return told


def behind(input_ids: torch.Tensor, answers: Sequence[Sequence[int]], pad: int) -> torch.Tensor:
    """Inputs [B, T] with the answers behind them, padded on the right."""
    import torch

    longest = max((len(answer) for answer in answers), default=0)
    new = [[*answer, *[pad] * (longest - len(answer))] for answer in answers]
    return torch.cat([input_ids, input_ids.new_tensor(new).view(len(input_ids), longest)], 1)


def end_ids(settings: dict[str, Any]) -> list[int]:
    """The end-of-text ids."""
    ends = settings.get("eos_token_id")
    return [ends] if isinstance(ends, int) else list(ends or ())


def padding(settings: dict[str, Any]) -> int:
    """The padding id: its own, else an end of text, as transformers chooses."""
    pad = settings.get("pad_token_id")
    return int(pad if pad is not None else (end_ids(settings) or [0])[0])
