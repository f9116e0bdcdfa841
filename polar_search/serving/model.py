"""`polar_search.load`: a model that answers every prompt by a program of its layers."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from polar_search.errors import ConfigError
from polar_search.execution import LiveRow, ProgramEngine, Row, Sampling
from polar_search.execution.decoding import encode_prompt
from polar_search.program import Program
from polar_search.serving.completion import Asked, Completion, plain
from polar_search.serving.programs import Named, read_programs
from polar_search.serving.selecting import SELECTIONS, Select, select_completions
from polar_search.serving.stream import Stream
from polar_search.serving.tensors import generate_tensors, is_tensor

if TYPE_CHECKING:
    import torch

    from polar_search.execution.loading import DeviceMap
    from polar_search.execution.rows import Stop
    from polar_search.predictor.predictor import Predictor

MAX_NEW_TOKENS = 256
"""New tokens of an answer where nobody says, or fewer where the model has no room for them."""


def load(
    model: str | Path,
    predictor: str | Path | None = None,
    *,
    device: str = "auto",
    dtype: str = "auto",
    attention: str | None = None,
    kv_memory: int | None = None,
    device_map: DeviceMap | None = None,
) -> PolarModel:
    """Load a model, and the predictor that chooses its programs.

    Args:
        model: Hub id, local folder, or the name of a bundled model.
        predictor: Folder or Hub id; without one, prompts that name no program run all layers.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` ...
        dtype: ``auto`` (as stored), ``float32``, ``bfloat16`` or ``float16``.
        attention: ``sdpa`` or ``eager``; None is the library's choice.
        kv_memory: Bytes for keys, values and hidden states.
        device_map: For models larger than one GPU, in place of ``device``; see `load_model`.

    Raises:
        ModelError: No such model, or one whose layers cannot be rerouted.
        PredictorError: No such predictor, or one for another model.
    """
    from polar_search.models import locate
    from polar_search.predictor.predictor import Predictor
    from polar_search.tasks.bundled import Tracking

    engine = ProgramEngine.from_pretrained(
        locate(str(model), Tracking()),
        device=device,
        dtype=dtype,
        attention=attention,
        kv_memory=kv_memory,
        device_map=device_map,
    )
    chooser = None if predictor is None else Predictor.from_pretrained(predictor, engine)
    return PolarModel(engine, chooser)


class PolarModel:
    """Answers prompts by programs of layers.

    What it does not define (``config``, ``device``, ``can_generate`` ...) is the frozen model's, so
    that scripts and `transformers.pipeline` take it for one.

    Attributes:
        engine: Runs programs.
        predictor: Chooses them; None for the standard pass.
    """

    def __init__(self, engine: ProgramEngine, predictor: Predictor | None = None) -> None:
        """Wrap an engine with a tokenizer.

        Raises:
            ConfigError: The engine has no tokenizer.
        """
        if engine.tokenizer is None:
            raise ConfigError("expected an engine with a tokenizer, received one without; add it")
        self.engine, self.predictor = engine, predictor
        self.tokenizer = engine.tokenizer

    @property
    def num_layers(self) -> int:
        """Layers of the model."""
        return self.engine.num_layers

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        if name == "engine":  # while an object is copied, before it has one
            raise AttributeError(name)
        return getattr(self.engine.model, name)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """The model's class: libraries ask for it before they take an object for a model."""
        return type(self.engine.model)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *dir(self.engine.model)]

    def eval(self) -> PolarModel:
        """The model itself, which is in evaluation mode."""
        return self

    def to(self, device: torch.device | str) -> PolarModel:
        """The model itself, on the device where it is.

        Raises:
            ConfigError: Another device.
        """
        import torch

        here = self.engine.model.device
        if torch.device(device).type != here.type:
            raise ConfigError(
                f"expected the device of the model ({here}), received {device}; "
                "choose it in polar_search.load(..., device=)"
            )
        return self

    @overload
    def generate(
        self,
        prompts: str | Sequence[Asked],
        *,
        program: Named | None = None,
        programs: Sequence[Named | None] | None = None,
        max_new_tokens: int | None = None,
        stop: Sequence[Stop] = (),
        sampling: Sampling | None = None,
        select: Select | None = None,
        k: int = 5,
    ) -> list[Completion]: ...

    @overload
    def generate(
        self,
        prompts: torch.Tensor | None = None,
        **inputs: Any,  # noqa: ANN401
    ) -> torch.Tensor: ...

    def generate(self, prompts: Any = None, **options: Any) -> Any:
        """Answer prompts; or generate token ids from tensors, as transformers' ``generate`` does.

        With tensors (``input_ids``, ``attention_mask``) see `polar_search.serving.tensors`. All
        prompts and programs run in one batch.

        Args:
            prompts: Texts, token ids or conversations, in any mix; or one text.
            **options: ``program`` for all prompts, or ``programs``, one (or None) for each; where
                neither says, the predictor chooses, and without one all layers run once.
                ``max_new_tokens`` of each, `MAX_NEW_TOKENS` by default. ``stop``: strings, or
                conditions on the text so far; the text keeps them. ``sampling``: prompt number i
                draws with its seed + i; greedy by default. ``select``: let the ``k`` likeliest
                programs of the predictor answer, and choose by ``vote`` or ``confidence``.

        Returns:
            A `Completion` for each prompt, in their order; or ids [B, T] for tensors.

        Raises:
            ConfigError: A prompt is empty or too long, or options contradict each other.
            ProgramError: A program that is none, or for another model.
        """
        if prompts is None or is_tensor(prompts):
            return generate_tensors(self, prompts, **options)
        return self._answers([prompts] if isinstance(prompts, str) else list(prompts), **options)

    def _answers(
        self,
        prompts: list[Asked],
        *,
        program: Named | None = None,
        programs: Sequence[Named | None] | None = None,
        max_new_tokens: int | None = None,
        stop: Sequence[Stop] = (),
        sampling: Sampling | None = None,
        select: Select | None = None,
        k: int = 5,
    ) -> list[Completion]:
        encoded = [self.encode(prompt, max_new_tokens) for prompt in prompts]
        named = read_programs(program, programs, len(prompts), self.num_layers)
        if select:
            self._check_selection(select, k)
        chosen = self.chosen(prompts, named, k if select else 1)
        rows = [
            Row(ids, one, sampling=seeded(sampling, i))
            for i, (ids, several) in enumerate(zip(encoded, chosen, strict=True))
            for one in several
        ]
        live = iter(self.run(rows, max_new_tokens, stop))
        completions = [
            [Completion.of(prompt, one, next(live).result) for one in several]  # type: ignore[arg-type]
            for prompt, several in zip(prompts, chosen, strict=True)
        ]
        if not select:
            return [row[0] for row in completions]
        return select_completions(self.engine, list(zip(encoded, completions, strict=True)), select)

    def stream(
        self,
        prompt: Asked,
        *,
        program: Named | None = None,
        max_new_tokens: int | None = None,
        stop: Sequence[Stop] = (),
        sampling: Sampling | None = None,
    ) -> Stream:
        """Answer one prompt piece by piece: ``for text in model.stream(prompt): ...``.

        While it is under way the model answers nothing else. Arguments and errors are those of
        `generate`.
        """
        ids = self.encode(prompt, max_new_tokens)
        named = read_programs(program, None, 1, self.num_layers)
        ((chosen,),) = self.chosen([prompt], named)
        return Stream(self, prompt, Row(ids, chosen, sampling=sampling), max_new_tokens, stop)

    def choose(self, prompts: Sequence[Asked], k: int = 1) -> list[list[Program]]:
        """The programs that would answer each prompt: the predictor's ``k`` likeliest."""
        if self.predictor is None:
            return [[Program.identity(self.num_layers)] for _ in prompts]
        ranked = self.predictor.rank([self.text(prompt) for prompt in prompts], k)
        return [[one.program for one in row] for row in ranked]

    def chosen(
        self, prompts: Sequence[Asked], named: Sequence[Program | None], k: int = 1
    ) -> list[list[Program]]:
        """The program that a prompt names, or what `choose` says of those that name none."""
        free = [p for p, program in zip(prompts, named, strict=True) if program is None]
        rest = iter(self.choose(free, k) if free else ())
        return [next(rest) if program is None else [program] for program in named]

    def encode(self, prompt: Asked, max_new_tokens: int | None = None) -> tuple[int, ...]:
        """The token ids of a prompt, checked.

        Args:
            prompt: Text, token ids or conversation.
            max_new_tokens: That have to fit behind it; one at least.

        Raises:
            ConfigError: It is empty or too long.
        """
        text = plain(prompt, self.tokenizer)
        return tuple(encode_prompt(text, self.tokenizer, self.max_tokens, max_new_tokens or 1))

    @property
    def max_tokens(self) -> int | None:
        """Tokens of a prompt and its answer at most; None where the model has no bound."""
        return getattr(self.engine.model.config.get_text_config(), "max_position_embeddings", None)

    def room(self, prompt_tokens: int, bound: int | None = None) -> int:
        """New tokens behind a prompt where nobody says how many."""
        limits = (limit for limit in (self.max_tokens, bound) if limit is not None)
        return min([MAX_NEW_TOKENS, *(limit - prompt_tokens for limit in limits)])

    def run(
        self, rows: Sequence[Row], max_new_tokens: int | None, stop: Sequence[Stop]
    ) -> list[LiveRow]:
        """All rows in one batch of the engine, until the last one is finished."""
        lengths = [max_new_tokens or self.room(len(row.prompt)) for row in rows]
        live: dict[int, LiveRow] = {}
        if not rows:
            return []
        batch = self.engine.open(max(len(r.prompt) + n for r, n in zip(rows, lengths, strict=True)))
        for length in dict.fromkeys(lengths):
            places = [i for i, other in enumerate(lengths) if other == length]
            added = batch.add([rows[i] for i in places], length, stop)
            live |= dict(zip(places, added, strict=True))
        try:
            while batch:
                batch.step()
        finally:
            batch.close()
        return [live[i] for i in range(len(rows))]

    def grow(
        self, row: Row, max_new_tokens: int | None, stop: Sequence[Stop]
    ) -> Generator[LiveRow, None, None]:
        """One row, each time a token of it has become certain, and at its end."""
        length = max_new_tokens or self.room(len(row.prompt))
        batch = self.engine.open(len(row.prompt) + length)
        (live,) = batch.add([row], length, stop)
        try:
            while batch:
                batch.step()
                yield live
        finally:
            batch.close()

    def text(self, prompt: Asked) -> str:
        """What the predictor reads: a prompt's text, without the beginning-of-text token."""
        text = plain(prompt, self.tokenizer)
        written = text if isinstance(text, str) else str(self.tokenizer.decode(text))
        return written.removeprefix(str(self.tokenizer.bos_token or ""))

    def _check_selection(self, select: str, k: int) -> None:
        if select not in SELECTIONS:
            raise ConfigError(
                f"expected select to be {' or '.join(SELECTIONS)}, received '{select}'; choose one"
            )
        if k < 1:
            raise ConfigError(f"expected k of at least 1, received {k}; raise it")
        if self.predictor is None:
            raise ConfigError(
                "expected a predictor for select, whose k likeliest programs answer, received "
                "none; load one"
            )


def seeded(sampling: Sampling | None, number: int) -> Sampling | None:
    """The sampling of prompt ``number``: another one draws other tokens from the same text."""
    return None if sampling is None else replace(sampling, seed=sampling.seed + number)
