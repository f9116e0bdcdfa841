"""The engine gives every row what the reference gives, whatever batch it travels in."""

from __future__ import annotations

import functools
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from polar_search.errors import ConfigError, ModelError, ProgramError
from polar_search.execution import (
    ProgramEngine,
    Row,
    Sampling,
    closed_box,
    generate_reference,
    score_reference,
    unrolled,
)
from polar_search.execution import engine as engine_module
from polar_search.execution.passes import LayerPass
from polar_search.program import Program
from polar_search.testing.families import (
    END,
    FAMILIES,
    NUM_LAYERS,
    SHAPE,
    VOCAB,
    build,
    char_tokenizer,
    prompts,
)

PATHS = [(0, 1, 2, 3), (1, 2, 3), (0, 1, 2, 1, 2, 3), (0, 1, 2, 3, 3, 3), (2,), (3, 1, 0, 0, 2)]
tiny = functools.cache(build)


def reference(model, rows, max_new_tokens, tokenizer=None, **options):
    return [
        generate_reference(model, tokenizer, [prompt], path, max_new_tokens, **options)[0]
        for prompt, path in rows
    ]


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_equal_the_reference_in_every_family(family):
    model = tiny(family)
    rows = [(p, path) for p in prompts(1, [9, 3, 12]) for path in PATHS]
    assert ProgramEngine(model).generate(rows, 8) == reference(model, rows, 8)


@pytest.mark.parametrize("family", FAMILIES)
def test_eager_attention_equals_the_reference(family):
    model = build(family, attention="eager")
    rows = [(p, path) for p in prompts(2, [9, 3]) for path in PATHS[1:4]]
    assert ProgramEngine(model).generate(rows, 5) == reference(model, rows, 5)


pool = tuple(tuple(p) for p in prompts(3, [5, 1, 11, 7, 11]))
programs = st.lists(st.integers(0, NUM_LAYERS - 1), min_size=1, max_size=7).map(tuple)
drafts = st.lists(st.integers(6, VOCAB - 1), max_size=7)


@settings(max_examples=40)
@given(
    rows=st.lists(st.tuples(st.sampled_from(pool), programs, drafts), min_size=1, max_size=14),
    right=st.integers(0, 6),
    memory=st.integers(40_000, 300_000),
)
def test_neither_company_nor_order_nor_memory_nor_drafts_matter(rows, right, memory):
    """Any programs and prompts, in any order, under any admission limit, with any draft."""
    expected = [alone(prompt, path) for prompt, path, _ in rows]
    drafted = [
        Row(prompt, path, draft=(*result.token_ids[:right], *draft) or None)
        for (prompt, path, draft), result in zip(rows, expected, strict=True)
    ]
    engine = ProgramEngine(tiny("Qwen3"), kv_memory=memory)
    assert engine.generate(drafted, 6) == expected


@functools.cache
def alone(prompt, path):
    return generate_reference(tiny("Qwen3"), None, [prompt], path, 6)[0]


def test_identity_equals_stock_generate():
    model = tiny("Llama")
    batch = prompts(4, [8, 5, 13])
    rows = [(p, Program.identity(NUM_LAYERS)) for p in batch]
    for prompt, row in zip(batch, ProgramEngine(model).generate(rows, 12), strict=True):
        stock = model.generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False)
        assert list(row.token_ids) == stock[0, len(prompt) :].tolist()


def test_every_end_id_ends_a_row_and_is_kept():
    model = build("Llama")
    (free,) = ProgramEngine(model).generate([(prompts(5, [6])[0], (0, 1, 2, 3))], 10)
    for place in (0, 2):
        end = free.token_ids[place]
        model.generation_config.eos_token_id = [VOCAB - 1, end]
        first = free.token_ids.index(end) + 1
        (row,) = ProgramEngine(model).generate([(prompts(5, [6])[0], (0, 1, 2, 3))], 10)
        assert row.token_ids == free.token_ids[:first]
        assert row.finish_reason == "stop"


def test_near_ties_are_decided_by_the_reference_and_counted():
    """Two ids with the same output row tie exactly: each decision for one of them is a near tie."""
    model = build("Llama")
    (free,) = ProgramEngine(model).generate([(prompts(6, [6])[0], (0, 1, 2, 3))], 6)
    chosen = free.token_ids[1]
    model.lm_head.weight[VOCAB - 1] = model.lm_head.weight[chosen]
    engine = ProgramEngine(model)
    rows = [(p, (0, 1, 2, 3)) for p in [prompts(6, [6])[0], *prompts(7, [9, 9])]]
    assert engine.generate(rows, 6) == reference(model, rows, 6)
    assert 1 <= engine.stats.near_ties <= 3
    assert engine.stats.rows == 3


@pytest.mark.parametrize("agrees", [True, False])
def test_the_reference_runs_up_to_the_last_near_tie_and_on_if_it_disagrees(monkeypatch, agrees):
    model, asked = endless().model, []
    row = (prompts(6, [6])[0], (0, 1, 2, 3))
    (free,) = ProgramEngine(model).generate([row], 6)
    first = free.token_ids[0]
    model.lm_head.weight[VOCAB - 1] = model.lm_head.weight[first]

    def watched(*arguments, **options):
        asked.append(arguments[4])
        (result,) = generate_reference(*arguments, **options)
        return [result if agrees or len(asked) > 1 else replace(result, token_ids=(VOCAB,))]

    monkeypatch.setattr(engine_module, "generate_reference", watched)
    (result,) = ProgramEngine(model).generate([row], 6)
    assert result == reference(model, [row], 6)[0]
    last = max(i + 1 for i, token in enumerate(free.token_ids) if token == first)
    assert asked == ([last] if agrees else [last, 6])


def test_logits_that_are_no_numbers_end_their_row_only():
    model = build("Llama")
    model.model.layers[2].mlp.down_proj.weight[0, 0] = float("nan")
    prompt = prompts(8, [6])[0]
    rows = [(prompt, (0, 1, 2, 3)), (prompt, (0, 1, 3)), (prompt, (2,))]
    engine = ProgramEngine(model)
    broken, fine, alone = engine.generate(rows, 5)
    assert engine.stats.broken == {(0, 1, 2, 3): 1, (2,): 1}
    assert broken.finish_reason == alone.finish_reason == "nan"
    assert broken.token_ids == ()
    assert fine == reference(model, [rows[1]], 5)[0]


def endless():
    """A model that never ends its text by itself, and an engine with texts for it."""
    model = build("Llama")
    model.generation_config.eos_token_id = None
    return ProgramEngine(model, char_tokenizer())


def test_texts_leave_special_tokens_out_and_prompts_may_be_texts():
    engine = ProgramEngine(build("Llama"), char_tokenizer())
    ids = engine.tokenizer("abc")["input_ids"]
    as_text, as_ids = engine.generate([("abc", (0, 1, 2, 3)), (ids, (0, 1, 2, 3))], 12)
    assert as_text == as_ids
    assert as_text.token_ids[-1] in END
    assert "</s>" not in as_text.text
    assert len(as_text.text) < len(as_text.token_ids)


def test_the_beginning_of_text_is_not_added_twice():
    model, tokenizer = build("Llama"), char_tokenizer()
    from tokenizers.processors import TemplateProcessing

    tokenizer.backend_tokenizer.post_processor = TemplateProcessing("<s> $A", None, [("<s>", 1)])
    plain, begun = ProgramEngine(model, tokenizer).generate(
        [("ab", (0, 1, 2, 3)), ("<s>ab", (0, 1, 2, 3))], 6
    )
    assert plain == begun


def test_stops_end_a_row_where_the_text_meets_them():
    engine = endless()
    (free,) = engine.generate([("abc", (0, 1, 2, 3))], 12)
    assert len(free.text) >= 4
    mark = free.text[1:3]
    (row,) = engine.generate([("abc", (0, 1, 2, 3))], 12, stop=[mark])
    assert row.finish_reason == "stop"
    assert row.text == free.text[: free.text.index(mark) + 2]
    (row,) = engine.generate([Row("abc", (0, 1, 2, 3), stop=lambda text: len(text) == 2)], 12)
    assert row.text == free.text[:2]


def test_sampling_depends_on_the_seed_not_on_the_batch():
    model = build("Llama")
    prompt = prompts(9, [6])[0]
    rows = [Row(prompt, (0, 1, 2, 3), sampling=Sampling(1.5, 0.9, seed)) for seed in range(8)]
    engine = ProgramEngine(model)
    together = engine.generate(rows, 10)
    alone = [engine.generate([row], 10)[0] for row in rows]
    assert together == alone
    assert len({row.token_ids for row in together}) > 4
    cold = Row(prompt, (0, 1, 2, 3), sampling=Sampling(temperature=1e-3))
    assert engine.generate([cold], 10) == engine.generate([(prompt, (0, 1, 2, 3))], 10)


def test_sampling_follows_the_probabilities_and_the_nucleus():
    from polar_search.execution.decoding import draw

    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    drawn = [draw(Sampling(seed=seed), logits, 0) for seed in range(2000)]
    shares = torch.bincount(torch.tensor(drawn), minlength=4) / 2000
    assert torch.allclose(shares, torch.tensor([0.5, 0.3, 0.15, 0.05]), atol=0.04)
    drawn = [draw(Sampling(top_p=0.7, seed=seed), logits, 0) for seed in range(400)]
    assert set(drawn) == {0, 1}
    drawn = [draw(Sampling(top_p=0.7, seed=seed, top_k=3), logits, 0) for seed in range(400)]
    assert set(drawn) == {0, 1}
    drawn = [draw(Sampling(seed=seed, top_k=3), logits, 0) for seed in range(400)]
    assert set(drawn) == {0, 1, 2}


@pytest.mark.parametrize(
    ("rows", "tokens", "error", "message"),
    [
        ([([], (0,))], 4, ConfigError, "at least one token, received an empty one"),
        ([([7] * 61, (0,))], 4, ConfigError, "at most 60 prompt tokens.*received 61"),
        ([("text", (0,))], 4, ConfigError, "expected token ids or a tokenizer"),
        ([([7], (4,))], 4, ProgramError, "layers 0 to 3, received 4"),
        ([([7], ())], 4, ProgramError, "at least one layer"),
        ([([7], Program.identity(5))], 4, ProgramError, "for 4 layers, received 'K5' for 5"),
        ([([7], (0,))], 0, ConfigError, "max_new_tokens of at least 1, received 0"),
        ([([7], (0,))], 4, ConfigError, "stops on the text"),
    ],
)
def test_bad_rows_are_refused_before_anything_runs(rows, tokens, error, message):
    stop = ["x"] if "stops" in message else ()
    with pytest.raises(error, match=message):
        ProgramEngine(tiny("Llama")).generate(rows, tokens, stop)


@pytest.mark.parametrize(
    "settings", [{"temperature": 0}, {"top_p": 0}, {"top_p": 1.1}, {"top_k": 0}, {"seed": -1}]
)
def test_bad_sampling_is_refused(settings):
    with pytest.raises(ConfigError, match="expected"):
        Sampling(**settings)


def test_no_rows_give_no_results():
    assert ProgramEngine(tiny("Llama")).generate([], 4) == []


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        (r"\boxed{3}", True),
        (r"so \boxed{\frac{1}{2}", False),
        (r"so \boxed{\frac{1}{2}}.", True),
        ("{3}", False),
        (r"} \boxed{", False),
    ],
)
def test_closed_box(text, closed):
    assert closed_box(text) is closed


def log_likelihood(model, prompt, option, path):
    ids = torch.tensor([[*prompt, *option]])
    with unrolled(model, path):
        logs = model(ids).logits[0].log_softmax(-1)
    return sum(float(logs[len(prompt) - 1 + i, token]) for i, token in enumerate(option))


def test_scores_are_log_likelihoods_of_the_unrolled_model():
    model = tiny("Gemma3Text")
    rows = [(p, path) for p in prompts(10, [7, 4]) for path in PATHS[:3]]
    options = [[[9], [10, 11], [10, 12, 3], [5]] for _ in rows]
    received = ProgramEngine(model).score(rows, options)
    for (prompt, path), choices, scores in zip(rows, options, received, strict=True):
        expected = [log_likelihood(model, prompt, option, path) for option in choices]
        assert scores == pytest.approx(expected, abs=1e-4)
        alone = score_reference(model, None, prompt, choices, path)
        assert alone == pytest.approx(expected, abs=1e-6)


def test_scores_share_the_prompt():
    model = tiny("Llama")
    engine = ProgramEngine(model)
    prompt = prompts(11, [20])[0]
    engine.score([(prompt, (0, 1, 2, 3))], [[[7]]])
    alone = engine.stats.work.prefill
    engine.score([(prompt, (0, 1, 2, 3))], [[[7], [8], [9]]])
    assert engine.stats.work.prefill == 2 * alone


def test_a_single_option_is_read_in_one_pass_up_to_the_last_position():
    model = tiny("Gemma2")
    engine = ProgramEngine(model)
    texts = prompts(12, [model.config.max_position_embeddings + 1, 12])
    rows = [(text[:2], path) for text, path in zip(texts, PATHS, strict=False)]
    options = [[text[2:]] for text in texts]
    engine.likelihoods(rows[:1], options[:1])
    before = engine.stats.work.rounds
    received = [scores[0].log_likelihood for scores in engine.likelihoods(rows, options)]
    assert engine.stats.work.rounds - before == 1
    expected = [
        log_likelihood(model, prompt, option, path)
        for (prompt, path), (option,) in zip(rows, options, strict=True)
    ]
    assert received == pytest.approx(expected, abs=1e-3)
    with pytest.raises(ConfigError, match="fit the model"):
        engine.score([(texts[0][:3], PATHS[0])], options[:1])


def test_likelihoods_know_what_greedy_decoding_takes():
    model = endless().model
    engine = ProgramEngine(model)
    rows = [(prompts(13, [5])[0], path) for path in PATHS[:3]]
    taken = [list(result.token_ids) for result in engine.generate(rows, 4)]
    for others in ([], [[9, 9]]):
        options = [[tokens, *others] for tokens in taken]
        assert all(scores[0].greedy for scores in engine.likelihoods(rows, options))
        wrong = [[[*tokens[:-1], (tokens[-1] + 1) % 61], *others] for tokens in taken]
        assert not any(scores[0].greedy for scores in engine.likelihoods(rows, wrong))


def test_right_drafts_save_rounds_and_are_counted():
    model = endless().model
    prompt = prompts(12, [6])[0]
    plain = ProgramEngine(model)
    (expected,) = plain.generate([(prompt, (0, 1, 2, 3))], 8)
    engine = ProgramEngine(model)
    rows = [Row(prompt, (0, 1, 2, 3), draft=expected.token_ids)]
    assert engine.generate(rows, 8) == [expected]
    assert plain.stats.work.rounds - engine.stats.work.rounds == 7
    assert engine.stats.work.agreed == engine.stats.work.drafted == 7


def test_drafts_that_never_agree_are_given_up():
    model = endless().model
    pool = prompts(13, [6] * 40)
    wrong = [VOCAB - 1] * 4
    engine = ProgramEngine(model, kv_memory=60_000)
    expected = engine.generate([(p, (0, 1, 2, 3)) for p in pool], 5)
    assert engine.generate([Row(p, (0, 1, 2, 3), draft=wrong) for p in pool], 5) == expected
    assert 0 < engine.stats.work.drafted < 4 * len(pool)


def test_a_budget_below_one_row_says_how_much_is_needed():
    with pytest.raises(ConfigError, match=r"expected .* bytes .* kv_memory; raise it"):
        ProgramEngine(tiny("Llama"), kv_memory=9_000).generate([([7] * 20, (0, 1, 2, 3))], 8)


def test_families_that_do_more_than_run_layers_are_refused():
    from transformers import GraniteConfig, GraniteForCausalLM

    shape = {**SHAPE, "embedding_multiplier": 3.0, "logits_scaling": 2.0}
    model = GraniteForCausalLM(GraniteConfig(**shape)).eval()
    with pytest.raises(ModelError, match="GraniteForCausalLM: its forward does more"):
        ProgramEngine(model).generate([([7, 8], (0, 1))], 2)


def test_models_on_several_devices_are_refused():
    model = build("Llama")
    model.lm_head.to("meta")
    with pytest.raises(ModelError, match="LlamaForCausalLM: it stands on several devices"):
        ProgramEngine(model)


@pytest.mark.parametrize("budget", [200_000, 2_000_000])
def test_memory_stays_within_the_budget(monkeypatch, budget):
    """Keys, values and hidden states together, whatever the rows."""
    taken = []
    run = LayerPass.run

    def watched(self, *arguments):
        result = run(self, *arguments)
        pool = self.pool
        taken.append(len(pool) * pool.page_bytes + self._buffer.nbytes)
        return result

    monkeypatch.setattr(LayerPass, "run", watched)
    engine = ProgramEngine(tiny("Llama"), kv_memory=budget)
    engine.generate([(p, path) for p in prompts(17, [9, 30, 12] * 20) for path in PATHS], 6)
    assert 0.8 * budget < max(taken) <= 1.1 * budget


def test_unchanged_memory_over_many_calls():
    engine = ProgramEngine(tiny("Llama"))
    engine.generate([(p, PATHS[0]) for p in prompts(14, [9] * 8)], 4)
    [tensors] = engine._memory.tensors.values()
    before = tensors[0].data_ptr()
    for seed in range(5):
        engine.generate([(p, PATHS[2]) for p in prompts(seed, [5, 30])], 4)
    [tensors] = engine._memory.tensors.values()
    assert tensors[0].data_ptr() == before


def test_calls_that_run_out_of_memory_are_halved():
    model = build("Llama")
    rows = [(p, path) for p in prompts(15, [30, 41, 38, 40]) for path in PATHS]
    expected = ProgramEngine(model).generate(rows, 4)
    largest = []

    def limit(_, inputs):
        if inputs[0].shape[1] > 150:
            raise torch.OutOfMemoryError("CUDA out of memory")
        largest.append(inputs[0].shape[1])

    for layer in model.model.layers:
        layer.register_forward_pre_hook(limit)
    assert ProgramEngine(model).generate(rows, 4) == expected
    assert 64 < max(largest) <= 150


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_runs_close_to_the_reference(dtype):
    model = build("Qwen3").to(dtype)
    rows = [(p, path) for p in prompts(16, [9, 3, 12, 7]) for path in PATHS]
    received = ProgramEngine(model).generate(rows, 3)
    same = sum(a == b for a, b in zip(received, reference(model, rows, 3), strict=True))
    assert same >= 0.7 * len(rows)


def test_rotary_embeddings_that_change_with_length_have_a_bound():
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}
    model = build("Llama", rope_parameters=rope, max_position_embeddings=64)
    engine = ProgramEngine(model)
    engine._adapter.config.rope_parameters["original_max_position_embeddings"] = 16
    assert engine.generate([([7] * 10, (0, 1))], 4) == reference(model, [([7] * 10, (0, 1))], 4)
    with pytest.raises(ModelError, match="at most 16 tokens a row"):
        engine.generate([([7] * 20, (0, 1))], 4)
