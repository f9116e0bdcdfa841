"""What every model family must pass before the engine may run it.

    class TestMyFamily(EngineSuite):
        @pytest.fixture
        def model(self):
            return MyForCausalLM(MyConfig(...)).eval()

Small random models in float32 are enough: the suite asks for equal tokens, not for sense.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from polar_search.execution import ProgramEngine, Row, generate_reference, unrolled
from polar_search.execution.work import Switches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedModel

    from polar_search.execution import Generation

Pairs = list[tuple[list[int], tuple[int, ...]]]


class EngineSuite:
    """The engine against the reference and against stock generation; override `model`."""

    new_tokens = 6

    @pytest.fixture
    def model(self) -> PreTrainedModel:
        """A small model of the family, in float32 and evaluation mode."""
        raise NotImplementedError

    def rows(self, model: PreTrainedModel, lengths: Sequence[int], programs: int) -> Pairs:
        """Random prompts of the given lengths, each with as many random paths."""
        generator = torch.Generator().manual_seed(len(lengths) + programs)
        config = model.config.get_text_config(decoder=True)
        vocab, depth = config.vocab_size, config.num_hidden_layers

        def draw(low: int, high: int, count: int) -> list[int]:
            return torch.randint(low, high, (count,), generator=generator).tolist()

        pool = [tuple(range(depth)), tuple(range(1, depth)), (*range(depth), depth - 1)]
        pool += [tuple(sorted(draw(0, depth, n))) for n in draw(1, depth + 3, programs)]
        prompts = [draw(vocab // 4, vocab, n) for n in lengths]
        picks = draw(0, len(pool), len(prompts) * programs)
        return [(prompts[i % len(prompts)], pool[pick]) for i, pick in enumerate(picks)]

    def reference(self, model: PreTrainedModel, rows: Pairs) -> list[Generation]:
        """Every row by itself."""
        return [
            generate_reference(model, None, [prompt], path, self.new_tokens)[0]
            for prompt, path in rows
        ]

    def test_rows_equal_the_reference(self, model: PreTrainedModel) -> None:
        """Mixed prompts and programs in one batch give the tokens of each row alone."""
        rows = self.rows(model, [9, 2, 12, 9, 1], 6)
        received = ProgramEngine(model).generate(rows, self.new_tokens)
        assert received == self.reference(model, rows)

    def test_scarce_memory_changes_nothing(self, model: PreTrainedModel) -> None:
        """Rows that wait for pages, or lose them and begin again, end the same."""
        rows = self.rows(model, [7, 3, 11], 5)
        generous = ProgramEngine(model).generate(rows, self.new_tokens)
        engine = ProgramEngine(model)
        longest = max(len(prompt) for prompt, _ in rows) + self.new_tokens
        deepest = max(len(path) for _, path in rows)
        token = engine.key_value_shape.token_bytes
        engine = ProgramEngine(model, kv_memory=int(longest * deepest * token * 3))
        assert engine.generate(rows, self.new_tokens) == generous
        assert engine.stats.work.rounds > self.new_tokens

    @pytest.mark.parametrize("idea", ["prefill", "decoding", "filing"])
    def test_sharing_changes_nothing(self, model: PreTrainedModel, idea: str) -> None:
        """Each idea saves work and leaves the tokens alone."""
        rows = self.rows(model, [8, 5], 8)
        full = ProgramEngine(model)
        expected = full.generate(rows, self.new_tokens)
        engine = ProgramEngine(model, switches=Switches(**{idea: False}))
        assert engine.generate(rows, self.new_tokens) == expected
        assert sum_of_work(full) < sum_of_work(engine)

    def test_wrong_drafts_change_nothing(self, model: PreTrainedModel) -> None:
        """Drafts that are right, wrong, half right or too long leave the tokens alone."""
        rows = self.rows(model, [6, 10], 4)
        expected = ProgramEngine(model).generate(rows, self.new_tokens)
        wrong = [model.config.get_text_config(decoder=True).vocab_size - 1] * self.new_tokens
        for cut in (0, 2, self.new_tokens):
            drafted = [
                Row(prompt, path, draft=(*result.token_ids[:cut], *wrong))
                for (prompt, path), result in zip(rows, expected, strict=True)
            ]
            assert ProgramEngine(model).generate(drafted, self.new_tokens) == expected

    def test_identity_equals_stock_generation(self, model: PreTrainedModel) -> None:
        """The standard pass gives what the model's own greedy generation gives."""
        identity = tuple(range(model.config.get_text_config(decoder=True).num_hidden_layers))
        (row, *_) = self.rows(model, [10], 1)
        (received,) = ProgramEngine(model).generate([(row[0], identity)], self.new_tokens)
        stock = model.generate(  # type: ignore[operator]
            torch.tensor([row[0]]), max_new_tokens=self.new_tokens, do_sample=False
        )
        assert list(received.token_ids) == stock[0, len(row[0]) :].tolist()

    def test_the_model_stays_as_it_was(self, model: PreTrainedModel) -> None:
        """Neither the engine nor the reference leaves a trace in the model."""
        ids = torch.tensor([self.rows(model, [8], 1)[0][0]])
        before = model(ids).logits
        ProgramEngine(model).generate(self.rows(model, [8], 3), self.new_tokens)
        with unrolled(model, (0,)):
            pass
        assert torch.equal(model(ids).logits, before)


def sum_of_work(engine: ProgramEngine) -> int:
    """Layer-tokens that the engine computed."""
    return engine.stats.work.prefill + engine.stats.work.decoding
