"""`polar`, a model of EleutherAI's lm-evaluation-harness: its tasks, answered by programs.

What is asked (tokenization, chat templates, truncation, windows of long texts, where answers are
cut) is decided by the harness's own `hf` model, so that numbers can be compared. What runs is the
engine: all requests in one batch, and those of one context share it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from lm_eval.api.registry import register_model
from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils import (
    handle_stop_sequences,
    normalize_gen_kwargs,
    postprocess_generated_text,
)
from tqdm import tqdm

from polar_search.errors import ConfigError
from polar_search.execution import Likelihood, Row, Sampling
from polar_search.program import Program
from polar_search.serving.model import load
from polar_search.serving.programs import read_program

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

    from polar_search.execution.rows import Prompt

TOGETHER = 1024
"""Requests of one call of the engine, which runs as many at a time as its memory holds."""

Request = tuple[tuple[str, str] | None, list[int], list[int]]
"""Context and continuation as texts (None for a window of a long text), and both as token ids."""


@register_model("polar")
class PolarLM(HFLM):  # type: ignore[misc]
    """A frozen model that answers by one program, or by those that a predictor chooses."""

    def __init__(
        self,
        pretrained: str,
        program: str | None = None,
        predictor: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        attention: str | None = None,
        batch_size: object = None,  # noqa: ARG002 (the engine's memory decides)
        max_batch_size: object = None,  # noqa: ARG002
        **options: Any,  # noqa: ANN401
    ) -> None:
        """What `--model_args` says.

        Args:
            pretrained: Hub id, folder, or the name of a bundled model.
            program: Such as `K4 S2 R4 K2`; all layers once where it and `predictor` are missing.
            predictor: Folder or Hub id of a predictor, which chooses by the context.
            device: As in `polar_search.load`; a GPU that is not there is `auto`.
            dtype: As in `polar_search.load`.
            attention: As in `polar_search.load`.
            batch_size: Ignored.
            max_batch_size: Ignored.
            **options: Of the harness's `hf` model: `max_length`, `add_bos_token`, `truncation`,
                `think_end_token`, `enable_thinking` ...

        Raises:
            ConfigError: A program and a predictor.
            ModelError: No such model.
            PredictorError: No such predictor, or one for another model.
            ProgramError: No program of this model.
        """
        if program is not None and predictor is not None:
            raise ConfigError(
                "expected program= or predictor=, received both; leave one out of --model_args"
            )
        # The harness says cuda:0 where nobody said anything, and its own model then looks again.
        device = device if torch.cuda.is_available() or "cuda" not in device else "auto"
        self.polar = load(pretrained, predictor, device=device, dtype=dtype, attention=attention)
        layers = self.polar.num_layers
        self.program = None if program is None else read_program(program, layers)
        model, tokenizer = self.polar.engine.model, self.polar.tokenizer
        super().__init__(model, tokenizer=tokenizer, batch_size=TOGETHER, **options)
        self.pretrained = pretrained

    def _programs(self, contexts: Sequence[str]) -> list[Program]:
        """The program for each context.

        Raises:
            ConfigError: A predictor has nothing to choose by.
        """
        if self.program is None and self.polar.predictor is not None and not all(contexts):
            raise ConfigError(
                "expected requests with a context, by which the predictor chooses, received one "
                "without (perplexity of whole texts has none); evaluate a program instead"
            )
        named = [self.program] * len(contexts)
        return [program for (program,) in self.polar.chosen(contexts, named)]

    def _loglikelihood_tokens(
        self,
        requests: list[Request],
        disable_tqdm: bool = False,
        override_bs: int | None = None,  # noqa: ARG002
    ) -> list[tuple[float, bool]]:
        """Log-likelihood of each continuation, and whether greedy decoding would take it."""
        answers: list[tuple[float, bool]] = []
        for i in tqdm(range(0, len(requests), TOGETHER), disable=disable_tqdm):
            chunk = requests[i : i + TOGETHER]
            for (texts, _, _), likelihood in zip(chunk, self._likelihoods(chunk), strict=True):
                answers.append((likelihood.log_likelihood, likelihood.greedy))
                if texts is not None:
                    self.cache_hook.add_partial("loglikelihood", texts, answers[-1])
        return answers

    def _likelihoods(self, requests: Sequence[Request]) -> list[Likelihood]:
        """Those of one batch: requests of one context and program share it."""
        programs = self._programs(["" if r[0] is None else r[0][0] for r in requests])
        places: dict[tuple[tuple[int, ...], Program], list[int]] = defaultdict(list)
        for place, ((_, context, continuation), program) in enumerate(
            zip(requests, programs, strict=True)
        ):
            # Too long a context loses its beginning; the last token is asked for, never read.
            kept = self.max_length + 1 - len(continuation)
            places[tuple(context[-kept:]), program].append(place)
        options: list[list[Prompt]] = [
            [requests[place][2] for place in same] for same in places.values()
        ]
        found = self.polar.engine.likelihoods(list(places), options)
        ordered = {
            place: likelihood
            for same, likelihoods in zip(places.values(), found, strict=True)
            for place, likelihood in zip(same, likelihoods, strict=True)
        }
        return [ordered[place] for place in range(len(requests))]

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """What each context is continued by, up to the first of its stop sequences."""
        alike: dict[str, list[int]] = defaultdict(list)
        for place, request in enumerate(requests):
            alike[json.dumps(request.args[1], sort_keys=True)].append(place)
        answers: dict[int, str] = {}
        with tqdm(total=len(requests), disable=disable_tqdm) as bar:
            for places in alike.values():
                for i in range(0, len(places), TOGETHER):
                    chunk = places[i : i + TOGETHER]
                    said = self._generate([requests[place].args for place in chunk], chunk)
                    answers.update(zip(chunk, said, strict=True))
                    bar.update(len(chunk))
        return [answers[place] for place in range(len(requests))]

    def _generate(
        self, requests: Sequence[tuple[str, dict[str, Any]]], seeds: Sequence[int]
    ) -> list[str]:
        """Texts for contexts with equal options, in one batch."""
        settings = normalize_gen_kwargs(requests[0][1], self.max_gen_toks)
        eos = self.tok_decode(self.eot_token_id, skip_special_tokens=False)
        until = handle_stop_sequences(settings.pop("until", None), eos=eos)
        length = settings.pop("max_gen_toks")
        room = self.max_length - length
        if room < 1:
            raise ConfigError(
                f"expected max_gen_toks below the model's {self.max_length} positions, received "
                f"{length}; give --gen_kwargs max_gen_toks=N"
            )
        contexts = [context for context, _ in requests]
        rows = [
            Row(self._context_ids(context, room), program, sampling=sampling_of(settings, seed))
            for context, program, seed in zip(
                contexts, self._programs(contexts), seeds, strict=True
            )
        ]
        stop = [text for text in until if text]
        answers = []
        for (context, options), result in zip(
            requests, self.polar.engine.generate(rows, length, stop), strict=True
        ):
            text = postprocess_generated_text(result.text or "", until, self.think_end_token)
            answers.append(text)
            self.cache_hook.add_partial("generate_until", (context, options), text)
        return answers

    def _context_ids(self, context: str, room: int) -> list[int]:
        """The end of a context that leaves room for its answer."""
        ids, _ = self.tok_batch_encode(
            [context], left_truncate_len=room, truncation=self.truncation
        )
        return [int(token) for token in ids[0]]


def sampling_of(settings: dict[str, Any], seed: int) -> Sampling | None:
    """How a task wants its tokens drawn; None is greedy.

    Raises:
        ConfigError: It wants something that the engine does not do.
    """
    known = {"do_sample", "temperature", "top_p"}
    if strange := sorted(settings.keys() - known):
        raise ConfigError(
            f"expected generation options until, max_gen_toks, {', '.join(sorted(known))}, "
            f"received {', '.join(strange)}; leave them out"
        )
    if not settings.get("do_sample") or not settings.get("temperature"):
        return None
    return Sampling(settings["temperature"], settings.get("top_p") or 1.0, seed)
