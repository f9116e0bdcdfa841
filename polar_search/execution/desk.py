"""Where rows come in: prompts become token ids and programs paths, checked before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from polar_search.execution.admission import Job
from polar_search.execution.decoding import (
    Ending,
    Forced,
    RowState,
    continuation_ids,
    encode_prompt,
    sampler,
)
from polar_search.execution.rows import layer_path
from polar_search.program import Program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerBase

    from polar_search.execution.adapter import ModelAdapter
    from polar_search.execution.rows import ProgramLike, Prompt, Row


class Desk:
    """Makes jobs of rows.

    Args:
        adapter: The model.
        tokenizer: Its tokenizer; None where prompts are token ids.
    """

    def __init__(self, adapter: ModelAdapter, tokenizer: PreTrainedTokenizerBase | None) -> None:
        self._adapter = adapter
        self._tokenizer = tokenizer

    def jobs(self, rows: Sequence[Row], ending: Ending, max_tokens: int | None = None) -> list[Job]:
        """A job for each row.

        Args:
            rows: Prompts, programs and what else goes with them.
            ending: When they end.
            max_tokens: Of a prompt and its new tokens; the model's positions by default.

        Raises:
            ConfigError: A prompt is empty, too long, or a text without a tokenizer.
            ProgramError: A program belongs to another model.
        """
        max_tokens = max_tokens or self._adapter.max_positions
        known: dict[Prompt, tuple[int, ...]] = {}
        paths: dict[ProgramLike, tuple[int, ...]] = {}
        jobs = []
        for row in rows:
            prompt = row.prompt if isinstance(row.prompt, str) else tuple(row.prompt)
            if prompt not in known:
                known[prompt] = tuple(
                    encode_prompt(prompt, self._tokenizer, max_tokens, ending.max_new_tokens)
                )
            stops = () if row.stop is None else (row.stop,)
            state = RowState(ending, stops, sampler(row.sampling))
            program = row.program if isinstance(row.program, Program) else tuple(row.program)
            if program not in paths:
                paths[program] = layer_path(program, self._adapter.num_layers)
            draft = () if row.sampling or not row.draft else self._draft(row.draft)
            jobs.append(
                Job(known[prompt], paths[program], state, draft[: ending.max_new_tokens - 1])
            )
        return jobs

    def _draft(self, draft: Prompt) -> tuple[int, ...]:
        return tuple(continuation_ids(draft, self._tokenizer))

    def forced_jobs(
        self, row: Row, options: Sequence[Sequence[int]], choosers: Sequence[Forced]
    ) -> list[Job]:
        """A job for each option of a row; the last token of an option needs no position."""
        bound = self._adapter.max_positions
        longest = Ending.after(self._adapter.model, max(map(len, options)))
        (job,) = self.jobs([row], longest, None if bound is None else bound + 1)
        draft = tuple(options[0][:-1]) if len(options) == 1 else ()
        states = [
            RowState(Ending.after(self._adapter.model, len(option)), chooser=chooser)
            for option, chooser in zip(options, choosers, strict=True)
        ]
        return [Job(job.ids, job.path, state, draft) for state in states]
