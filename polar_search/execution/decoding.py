"""From logits to tokens: picking, stopping, and the margin by which a token was picked.

Axes: B rows, V tokens of the vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from polar_search.errors import ConfigError
from polar_search.execution.rows import Generation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from polar_search.execution.rows import FinishReason, Prompt, Sampling, Stop

NEAR_TIE = 1e-4
"""Top-two margin of the logits below which a float32 decision is left to the reference.

Logits of one row differ by about 1e-5 between batches of different shapes, so a decision with a
larger margin is the same in all of them.
"""


Chooser = Callable[[torch.Tensor, int], int]
"""Picks the token of a row in place of the argmax, from its logits [V] and the token's number."""


@dataclass(frozen=True)
class Choice:
    """The next tokens of a batch.

    Attributes:
        tokens: [B] ids; -1 where the logits are no numbers.
        margins: [B] lead of the best logit over the second; infinite where a chooser picked.
    """

    tokens: list[int]
    margins: list[float]


def sampler(sampling: Sampling | None) -> Chooser | None:
    """The chooser of a row that draws its tokens; None for a greedy one."""
    return None if sampling is None else partial(draw, sampling)


class Forced:
    """A chooser that takes given tokens and adds up what they were worth.

    Attributes:
        log_likelihood: Of the tokens chosen so far.
        greedy: Whether each of them had the best logit.
    """

    def __init__(self, tokens: Sequence[int]) -> None:
        self.log_likelihood, self.greedy = 0.0, True
        self._tokens = tokens

    def __call__(self, logits: torch.Tensor, step: int) -> int:
        """The token of this step; the first one begins the sum anew."""
        if step == 0:
            self.log_likelihood, self.greedy = 0.0, True
        token = self._tokens[step]
        self.log_likelihood += float(torch.log_softmax(logits, -1)[token])
        self.greedy &= int(logits.argmax()) == token
        return token


class Ending:
    """When rows end and what their tokens read as; one for all rows of a call.

    Attributes:
        max_new_tokens: Of every row.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase | None,
        max_new_tokens: int,
        stop: Sequence[Stop] = (),
    ) -> None:
        if max_new_tokens < 1:
            raise ConfigError(f"expected max_new_tokens of at least 1, received {max_new_tokens}")
        self.max_new_tokens = max_new_tokens
        self._tokenizer = tokenizer
        self._ends = end_ids(model)
        self._stops: tuple[Stop, ...] = ()
        self._stops = self.all_stops(stop)
        self._texts: dict[tuple[int, ...], str] = {}

    @classmethod
    def after(cls, model: PreTrainedModel, tokens: int) -> Ending:
        """Rows that end after so many tokens and at nothing else."""
        ending = cls(model, None, tokens)
        ending._ends = frozenset()
        return ending

    def all_stops(self, more: Sequence[Stop]) -> tuple[Stop, ...]:
        """The stops of the call and those of one row."""
        if more and self._tokenizer is None:
            raise ConfigError(
                "expected a tokenizer, received None with stops on the text; pass one"
            )
        return (*self._stops, *more)

    def reason(self, tokens: list[int], stops: Sequence[Stop]) -> FinishReason | None:
        """Why a row with these tokens is at its end, or None."""
        if tokens[-1] in self._ends or (stops and self._stopped(tokens, stops)):
            return "stop"
        return "length" if len(tokens) == self.max_new_tokens else None

    def _stopped(self, tokens: list[int], stops: Sequence[Stop]) -> bool:
        text = self.text(tuple(tokens)) or ""
        return any(stop in text if isinstance(stop, str) else stop(text) for stop in stops)

    def text(self, tokens: tuple[int, ...]) -> str | None:
        """The tokens as text, special tokens left out; many rows say the same."""
        if self._tokenizer is None:
            return None
        if tokens not in self._texts:
            self._texts[tokens] = str(
                self._tokenizer.decode(list(tokens), skip_special_tokens=True)
            )
        return self._texts[tokens]


class RowState:
    """One row while it is generated.

    Attributes:
        tokens: So far.
        narrowest: Margin by which the closest of them was chosen.
        doubtful: How many there were when the last near tie had been decided.
        finish_reason: Why it has ended, None before.
        chooser: Picks its tokens; None for the best.
    """

    __slots__ = (
        *("_ending", "_stops", "chooser", "finish_reason", "doubtful", "narrowest", "tokens"),
    )

    def __init__(
        self, ending: Ending, stop: Sequence[Stop] = (), chooser: Chooser | None = None
    ) -> None:
        self.tokens: list[int] = []
        self.narrowest, self.doubtful = math.inf, 0
        self.finish_reason: FinishReason | None = None
        self.chooser = chooser
        self._ending = ending
        self._stops = ending.all_stops(stop)

    @property
    def max_new_tokens(self) -> int:
        """Tokens at most."""
        return self._ending.max_new_tokens

    @property
    def finished(self) -> bool:
        """Whether no further token is wanted."""
        return self.finish_reason is not None

    def accept(self, token: int, margin: float) -> None:
        """Append the chosen token, and end the row where it is time."""
        if token < 0:
            self.finish_reason = "nan"
            return
        self.tokens.append(token)
        self.narrowest = min(self.narrowest, margin)
        if margin < NEAR_TIE:
            self.doubtful = len(self.tokens)
        self.finish_reason = self._ending.reason(self.tokens, self._stops)

    def restart(self) -> None:
        """Forget all tokens."""
        self.tokens.clear()
        self.narrowest, self.doubtful = math.inf, 0

    def result(self) -> Generation:
        """The generation, once the row is finished."""
        assert self.finish_reason is not None
        tokens = tuple(self.tokens)
        return Generation(tokens, self._ending.text(tokens), self.finish_reason)


def end_ids(model: PreTrainedModel) -> frozenset[int]:
    """Every end-of-text id of the model's generation config."""
    ids = getattr(model.generation_config, "eos_token_id", None)
    if ids is None:
        return frozenset()
    return frozenset([ids] if isinstance(ids, int) else ids)


def pick_tokens(logits: torch.Tensor, states: Sequence[RowState]) -> Choice:
    """Choose the next token of every row.

    Args:
        logits: [B, V] raw logits.
        states: B rows, in the same order; a row that reads a draft stands there for each of the
            draft's tokens, one after another.
    """
    logits = logits.float()
    tokens = logits.argmax(-1)
    top = logits.topk(2, dim=-1).values
    margins = top[:, 0] - top[:, 1]
    broken = logits.isnan().any(-1) | top[:, 0].isinf()
    picked, leads = tokens.masked_fill(broken, -1).tolist(), margins.tolist()
    first = 0
    for i, state in enumerate(states):
        first = i if state is not states[first] else first
        if state.chooser is not None and picked[i] >= 0:
            step = len(state.tokens) + i - first
            picked[i], leads[i] = state.chooser(logits[i], step), math.inf
    return Choice(picked, leads)


def draw(sampling: Sampling, logits: torch.Tensor, step: int) -> int:
    """Draw token number ``step`` of a row from its logits [V]."""
    probs, order = torch.softmax(logits.double() / sampling.temperature, -1).sort(descending=True)
    reached = probs[: sampling.top_k].cumsum(-1).cpu().numpy()
    share = sampling.top_p * (reached[-1] if sampling.top_k else 1.0)
    nucleus = int(np.searchsorted(reached, share)) + 1
    mass = reached[min(nucleus, len(reached)) - 1]
    level = np.random.default_rng([sampling.seed, step]).random() * mass
    return int(order[int(np.searchsorted(reached, level, side="right"))])


def encode_prompt(
    prompt: Prompt,
    tokenizer: PreTrainedTokenizerBase | None,
    max_positions: int | None,
    max_new_tokens: int,
) -> list[int]:
    """Token ids of a prompt, checked against the positions of the model.

    Raises:
        ConfigError: The prompt is empty or too long, or a text comes without a tokenizer.
    """
    ids = tokenize(prompt, tokenizer) if isinstance(prompt, str) else [int(i) for i in prompt]
    if not ids:
        raise ConfigError(
            "expected a prompt of at least one token, received an empty one; add text"
        )
    if max_positions is not None and len(ids) + max_new_tokens > max_positions:
        raise ConfigError(
            f"expected at most {max_positions - max_new_tokens} prompt tokens, so that "
            f"{max_new_tokens} new ones fit the model's {max_positions} positions, received "
            f"{len(ids)}; shorten the prompt"
        )
    return ids


def continuation_ids(text: Prompt, tokenizer: PreTrainedTokenizerBase | None) -> list[int]:
    """Token ids of what follows a prompt: no special tokens are added.

    Raises:
        ConfigError: It is empty, or a text without a tokenizer.
    """
    if isinstance(text, str):
        if tokenizer is None:
            raise ConfigError("expected token ids or a tokenizer, received a text without one")
        ids = list(tokenizer(text, add_special_tokens=False)["input_ids"])
    else:
        ids = [int(i) for i in text]
    if not ids:
        raise ConfigError("expected at least one token behind the prompt, received an empty text")
    return ids


def tokenize(text: str, tokenizer: PreTrainedTokenizerBase | None) -> list[int]:
    """Token ids of a text; the beginning-of-text token is added unless the text starts with it."""
    if tokenizer is None:
        raise ConfigError(
            "expected token ids or a tokenizer, received a text without one; pass one"
        )
    begun = bool(tokenizer.bos_token) and text.startswith(tokenizer.bos_token)
    return list(tokenizer(text, add_special_tokens=not begun)["input_ids"])
