"""Prompts answered by programs: the same as the reference, whoever asks and however."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
import transformers

import polar_search
from polar_search import Program, Sampling
from polar_search.errors import ConfigError, PredictorError, ProgramError
from polar_search.execution import generate_reference
from polar_search.predictor.predictor import Predictor
from polar_search.serving.completion import Completion
from polar_search.serving.pieces import Pieces, before
from polar_search.serving.selecting import answer_in, select_completions
from polar_search.testing.families import char_tokenizer

PROMPTS = ["abcd.efgh=", "ab.cd=", "abcde.fgh=", "abcd.efgh="]
PROGRAMS = ["K8", "K2 R4 K2", "K4 S2 K2", "identity"]


def reference(model, prompt, program, new=6):
    (result,) = generate_reference(
        model.engine.model, model.tokenizer, [prompt], program, max_new_tokens=new
    )
    return result


@pytest.fixture(scope="module")
def choosing(model, predictor_folder):
    """The model with a predictor."""
    predictor = Predictor.from_pretrained(predictor_folder, model.engine)
    return polar_search.PolarModel(model.engine, predictor)


def test_a_mixed_batch_gives_what_every_program_gives_alone(model):
    completions = model.generate(PROMPTS, programs=PROGRAMS, max_new_tokens=6)
    for prompt, completion in zip(PROMPTS, completions, strict=True):
        expected = reference(model, prompt, completion.program)
        assert completion.token_ids == expected.token_ids
        assert (completion.prompt, completion.text) == (prompt, expected.text)
    assert [str(c.program) for c in completions] == ["K8", "K2 R4 K2", "K4 S2 K2", "K8"]
    assert [c.depth for c in completions] == [8, 12, 6, 8]


def test_texts_ids_and_conversations_are_prompts(model):
    ids = model.tokenizer("ab.cd=")["input_ids"]
    talk = [{"role": "user", "content": "ab.cd"}]
    texts = {c.text for c in model.generate(["ab.cd=", ids, talk])}
    assert texts == {reference(model, "ab.cd=", Program.identity(8)).text}


def test_the_predictor_chooses_for_prompts_that_name_no_program(choosing):
    chosen = [row[0] for row in choosing.choose(PROMPTS)]
    assert len(set(chosen)) > 1
    assert [c.program for c in choosing.generate(PROMPTS, max_new_tokens=1)] == chosen
    named = choosing.generate(PROMPTS, programs=["K8", None, None, "K8"], max_new_tokens=1)
    standard = Program.identity(8)
    assert [c.program for c in named] == [standard, *chosen[1:3], standard]


@pytest.mark.parametrize("select", ["vote", "confidence"])
def test_selection_takes_the_answer_of_one_of_the_k_programs(choosing, select):
    several = choosing.choose(PROMPTS, 3)
    assert [len(row) for row in several] == [3] * len(PROMPTS)
    chosen = choosing.generate(PROMPTS, select=select, k=3, max_new_tokens=6)
    for prompt, programs, completion in zip(PROMPTS, several, chosen, strict=True):
        rows = choosing.generate([prompt] * 3, programs=programs, max_new_tokens=6)
        assert completion in rows
        answers = [answer_in(row) for row in rows]
        if select == "vote":
            assert answers.count(answer_in(completion)) == max(map(answers.count, answers))
        else:
            means = [
                choosing.engine.score([(prompt, c.program)], [[c.token_ids]])[0][0]
                / len(c.token_ids)
                for c in rows
            ]
            assert rows[means.index(max(means))].token_ids == completion.token_ids


def test_votes_are_boxes_where_there_are_some_and_broken_answers_have_none(model):
    program = Program.identity(8)

    def said(text, reason="stop"):
        return Completion("x", text, program, reason, (5,))

    assert answer_in(said(r"1 \boxed{7} or \boxed{8}")) == "8"
    assert answer_in(said("  a\n b ")) == "a b"
    assert answer_in(said("a", "nan")) is None
    row = [said("a", "nan"), said(r"so \boxed{2}"), said("3"), said(r"\boxed{2}")]
    assert select_completions(model.engine, [((5,), row)], "vote") == [row[1]]


def test_a_stream_says_what_generate_says(model):
    for sampling in (None, Sampling(seed=4)):
        stream = model.stream("abcd.efgh=", program="K2 R4 K2", sampling=sampling)
        pieces = list(stream)
        (whole,) = model.generate("abcd.efgh=", program="K2 R4 K2", sampling=sampling)
        assert "".join(pieces) == whole.text
        assert stream.completion == whole
    abandoned = model.stream("abcd.efgh=", max_new_tokens=50)
    for _ in abandoned:
        with pytest.raises(ConfigError, match="live batch"):
            model.generate(["ab.cd="])
        break
    assert model.generate(["ab.cd="])
    assert abandoned.completion is None


def test_pieces_wait_for_characters_and_for_stops():
    class Bytes:
        def decode(self, ids, skip_special_tokens):
            return bytes(ids).decode(errors="replace")

    ids = list("aé€ b STOP c".encode())
    pieces = Pieces(Bytes(), ["STOP", "b S!"])
    told = [pieces.feed([one]) for one in ids]
    assert "".join(told) == "aé€ b "
    assert "�" not in "".join(told)
    assert pieces.end(bytes(ids).decode()) == ""
    assert before("one.two", [".", "tw"]) == "one"


def test_samples_depend_on_seed_and_place_alone(model):
    sampling = Sampling(temperature=3.0, seed=1)
    drawn = model.generate(["ab.cd="] * 6, sampling=sampling, max_new_tokens=8)
    assert len({c.token_ids for c in drawn}) > 1
    assert drawn == model.generate(["ab.cd="] * 6, sampling=sampling, max_new_tokens=8)


def test_tensors_of_the_standard_pass_are_those_of_transformers(model):
    tokenizer = copy.deepcopy(model.tokenizer)
    for side in ("left", "right"):
        tokenizer.padding_side = side
        inputs = tokenizer(PROMPTS, return_tensors="pt", padding=True)
        out = model.generate(**inputs, max_new_tokens=6)
        if side == "left":
            assert torch.equal(out, model.engine.model.generate(**inputs, max_new_tokens=6))
        assert torch.equal(out[:, : inputs["input_ids"].shape[1]], inputs["input_ids"])
        unmasked = model.generate(inputs["input_ids"], max_new_tokens=6)
        assert torch.equal(out, unmasked)
    out = model.generate(**inputs, programs=PROGRAMS, max_new_tokens=6)
    for row, completion in zip(
        out[:, inputs["input_ids"].shape[1] :],
        model.generate(PROMPTS, programs=PROGRAMS, max_new_tokens=6),
        strict=True,
    ):
        assert tuple(row[: len(completion.token_ids)].tolist()) == completion.token_ids


def test_pipelines_and_streamers_take_it_for_a_model(model, caplog):
    talk = transformers.pipeline("text-generation", model=model, tokenizer=model.tokenizer)
    assert "not supported" not in caplog.text
    answers = talk(PROMPTS, program="K2 R4 K2", max_new_tokens=6, return_full_text=False)
    expected = model.generate(PROMPTS, program="K2 R4 K2", max_new_tokens=6)
    assert [a[0]["generated_text"] for a in answers] == [c.text for c in expected]
    streamer = transformers.TextIteratorStreamer(model.tokenizer, skip_prompt=True)
    inputs = model.tokenizer("ab.cd=", return_tensors="pt")
    out = model.generate(**inputs, streamer=streamer, max_new_tokens=6)
    assert "".join(streamer) == model.tokenizer.decode(out[0, inputs["input_ids"].shape[1] :])
    assert model.eval() is model.to("cpu") is model


def test_options_of_the_checkpoint_are_left_out_aloud_and_those_of_the_call_refused(model):
    inputs = model.tokenizer(PROMPTS[0], return_tensors="pt")
    plain = model.generate(**inputs, max_new_tokens=4)
    config = model.engine.model.generation_config
    config.repetition_penalty = 1.3
    try:
        with pytest.warns(UserWarning, match=r"repetition_penalty=1\.3"):
            assert torch.equal(model.generate(**inputs, max_new_tokens=4), plain)
    finally:
        config.repetition_penalty = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        config = transformers.GenerationConfig(do_sample=True, temperature=1e-3, max_new_tokens=4)
        assert torch.equal(model.generate(**inputs, generation_config=config), plain)
        kept = model.generate(**inputs, max_length=inputs["input_ids"].shape[1] + 1)
        assert torch.equal(kept, plain[:, : kept.shape[1]])
    with pytest.raises(ConfigError, match="received num_beams=3"):
        model.generate(**inputs, num_beams=3)
    with pytest.raises(ConfigError, match="output_scores=True"):
        model.generate(**inputs, output_scores=True)


@pytest.mark.parametrize(
    ("prompts", "options", "error", "message"),
    [
        ([""], {}, ConfigError, "some text, received an empty one"),
        (["a" * 300], {}, ConfigError, "at most 255 prompt tokens.*received 301"),
        (["a" * 100], {"max_new_tokens": 200}, ConfigError, "at most 56 prompt tokens"),
        (["\ud800"], {}, ConfigError, "lone surrogate"),
        ([7], {}, ConfigError, "text, token ids, or messages.*received 7"),
        ([[5, 99]], {}, ConfigError, "token ids from 0 to 40, received 99"),
        ([[]], {}, ConfigError, "at least one token"),
        (["a"], {"program": "K7"}, ProgramError, "cover 8 layers, received 7"),
        (["a"], {"program": (0, 9)}, ProgramError, "layers 0 to 7, received 9"),
        (["a"], {"program": "K8", "programs": ["K8"]}, ConfigError, "received both"),
        (["a"], {"programs": ["K8"] * 2}, ConfigError, "each of 1 prompts, received 2"),
        (["a"], {"select": "vote"}, ConfigError, "expected a predictor"),
        (["a"], {"select": "best"}, ConfigError, "vote or confidence, received 'best'"),
        (None, {}, ConfigError, r"input_ids of shape \[batch, tokens\], received neither"),
    ],
)
def test_mistakes_are_refused_before_anything_runs(model, prompts, options, error, message):
    with pytest.raises(error, match=message):
        model.generate(prompts, **options)


def test_no_prompts_have_no_answers_and_templates_must_exist(model):
    assert model.generate([]) == []
    plain = polar_search.PolarModel(model.engine)
    plain.tokenizer = char_tokenizer()
    with pytest.raises(ConfigError, match="with a chat template"):
        plain.generate([[{"role": "user", "content": "a"}]])
    with pytest.raises(ConfigError, match="device of the model"):
        plain.to("meta")


def test_a_predictor_of_another_model_is_refused(predictor_folder):
    with pytest.raises(PredictorError, match="was trained for"):
        polar_search.load("bundled-arithmetic", predictor_folder)
