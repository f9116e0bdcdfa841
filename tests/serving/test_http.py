"""The endpoint, asked by OpenAI's own client: right answers, and mistakes that stay its own."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import openai
import pytest
from serving_http import client, serving

import polar_search
from polar_search.execution import LiveBatch
from polar_search.predictor.predictor import Predictor
from polar_search.serving.settings import ServeConfig

CLIENTS = 64


@pytest.fixture(scope="module")
def own(predictor_folder):
    """A model of the server's own, with a predictor, since tests use the other one meanwhile."""
    loaded = polar_search.load("bundled-tracking", predictor_folder, device="cpu")
    loaded.tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}="
    return loaded


@pytest.fixture(scope="module")
def url(own):
    with serving(own, max_rows=150, max_depth=20) as address:
        yield address


@pytest.fixture(scope="module")
def ask(url):
    return client(url)


def get(address, **options):
    """Status and body of a plain request."""
    try:
        with urllib.request.urlopen(urllib.request.Request(address, **options), timeout=60) as got:
            return got.status, got.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_many_clients_with_mixed_programs_lose_and_mix_up_nothing(model, url, predictor_folder):
    rng = random.Random(0)
    programs = ["K8", "K2 R4 K2", "K4 S2 K2", "identity", "K2 R4x3 K2", "predictor"]
    asked = [
        ("".join(rng.choices("abcdefgh", k=rng.randint(1, 12))) + "=", rng.choice(programs))
        for _ in range(CLIENTS * 3)
    ]
    prompts = [prompt for prompt, _ in asked]
    predictor = Predictor.from_pretrained(predictor_folder, model.engine)
    chooser = polar_search.PolarModel(model.engine, predictor)
    named = [None if program == "predictor" else program for _, program in asked]
    expected = chooser.generate(prompts, programs=named, max_new_tokens=8)

    async def one(ask, number):
        for i in range(number, len(asked), CLIENTS):
            prompt, program = asked[i]
            options = {"model": "m", "prompt": prompt, "max_tokens": 8}
            options |= {"stream": i % 2 == 0, "extra_body": {"program": program}}
            answer = await ask.completions.create(**options)
            chunks = [chunk async for chunk in answer] if i % 2 == 0 else [answer]
            text = "".join(chunk.choices[0].text for chunk in chunks)
            last = chunks[-1].choices[0]
            assert (text, last.finish_reason) == (expected[i].text, expected[i].finish_reason)
            assert (last.program, last.depth) == (str(expected[i].program), expected[i].depth)

    async def everyone():
        async with openai.AsyncOpenAI(base_url=url, api_key="x", max_retries=0) as ask:
            await asyncio.gather(*(one(ask, number) for number in range(CLIENTS)))

    # In a thread of its own: tests of pages may have left a running event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, everyone()).result()
    counts = get(url.replace("/v1", "/metrics"))[1]
    assert "polar_rows 0.0" in counts
    assert f'polar_requests_total{{path="/v1/completions",status="200"}} {len(asked)}.0' in counts


def test_chats_whole_and_streamed(ask, model):
    talk = [{"role": "user", "content": [{"type": "text", "text": "ab"}]}]
    talk.append({"role": "assistant", "content": ".cd", "refusal": None, "tool_calls": None})
    (expected,) = model.generate(["ab.cd="], program="K2 R4 K2")
    options = {"model": "m", "messages": talk, "extra_body": {"program": "K2 R4 K2"}}
    whole = ask.chat.completions.create(**options, n=2, user="me", tools=[], logit_bias={})
    assert [c.message.content for c in whole.choices] == [expected.text] * 2
    assert whole.choices[1].finish_reason == expected.finish_reason
    assert whole.usage.completion_tokens == 2 * len(expected.token_ids)
    chunks = list(
        ask.chat.completions.create(**options, stream=True, stream_options={"include_usage": True})
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    said = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(said) == expected.text
    assert chunks[-2].choices[0].finish_reason == expected.finish_reason
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens == 7


def test_stops_are_cut_off_and_samples_have_seeds(ask, model):
    (free,) = model.generate(["abcd.efgh="], max_new_tokens=8)
    stop = free.text[1:2]
    for stream in (False, True):
        answer = ask.completions.create(model="m", prompt="abcd.efgh=", stop=stop, stream=stream,
            extra_body={"program": "identity"})  # fmt: skip
        text = "".join(c.choices[0].text for c in answer) if stream else answer.choices[0].text
        assert text == free.text.partition(stop)[0]
    options = {"model": "m", "prompt": [[1, 5, 6, 4], [1, 5, 4]], "temperature": 3, "seed": 1}
    drawn = [ask.completions.create(**options, n=8, max_tokens=9).choices for _ in range(2)]
    assert len({choice.text for choice in drawn[0]}) > 1
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ({"prompt": ""}, 400, "received an empty one"),
        ({"prompt": []}, 400, "at least one token"),
        ({"prompt": [[1, 99]]}, 400, "token ids from 0 to 40"),
        ({"prompt": "a" * 300}, 400, "shorten the prompt"),
        ({"max_tokens": 300}, 400, "at most 256 tokens, received a prompt of 2 and 300 new"),
        ({"max_tokens": 0}, 400, "max_tokens: Input should be greater than or equal to 1"),
        ({"prompt": ["a"] * 151}, 400, "1 to 150 answers of one request, received 151"),
        ({"model": "other"}, 404, "expected model 'm', received 'other'"),
        ({"temperature": -1}, 400, "temperature"),
        ({"stop": [""]}, 400, "stops of one character"),
        ({"logprobs": 2}, 400, "logprobs: not followed by this server"),
        ({"extra_body": {"program": "K2"}}, 400, "cover 8 layers, received 2"),
        ({"extra_body": {"program": "K7 R1x99999999"}}, 400, "at most 20 executed layers"),
        ({"extra_body": {"program": "Q"}}, 400, "expected words such as K4"),
        ({"extra_body": {"progrm": "K8"}}, 400, "progrm: not followed by this server"),
    ],
)
def test_requests_that_ask_for_too_much_are_told_why(ask, options, status, message):
    with pytest.raises(openai.APIStatusError) as caught:
        ask.completions.create(**{"model": "m", "prompt": "a", **options})
    assert caught.value.status_code == status
    assert message in caught.value.body["message"]


def test_what_is_no_request_is_refused_and_the_server_lives_on(url, ask):
    path = f"{url}/completions"
    kind = {"headers": {"content-type": "application/json"}}
    for body, status in ((b"{", 400), (b"[" * 100_000, 400), (b"\xff", 400), (b"3", 400)):
        code, said = get(path, data=body, **kind)
        assert (code, set(json.loads(said)["error"])) == (
            status,
            {"message", "type", "param", "code"},
        )
    assert get(path, data=b" " * 1_000_001, **kind)[0] == 413
    assert get(f"{url}/nothing")[0] == 404
    assert get(path)[0] == 405
    assert get(url.replace("/v1", "/health"))[0] == 200
    assert [m.id for m in ask.models.list()] == [ask.models.retrieve("m").id] == ["m"]
    assert ask.completions.create(model="m", prompt="ab.cd=").choices[0].text


def test_a_broken_step_ends_its_questions_only(ask, monkeypatch):
    real, broken = LiveBatch.step, iter([True])

    def step(self):
        if self and next(broken, False):
            raise RuntimeError("boom")
        return real(self)

    monkeypatch.setattr(LiveBatch, "step", step)
    with pytest.raises(openai.InternalServerError, match="RuntimeError"):
        ask.completions.create(model="m", prompt="ab.cd=")
    assert ask.completions.create(model="m", prompt="ab.cd=").choices[0].text


@pytest.fixture
def endless(model):
    """The model, as if it never ended a text."""
    config = model.engine.model.generation_config
    before, config.eos_token_id = config.eos_token_id, None
    yield model
    config.eos_token_id = before


def test_keys_and_time_are_limited(endless):
    with serving(endless, api_key="secret", timeout=0.01) as url:
        with pytest.raises(openai.AuthenticationError):
            client(url, "wrong").models.list()
        ask = client(url, "secret")
        with pytest.raises(openai.APIStatusError, match=r"no answer within 0\.01 s") as caught:
            ask.completions.create(model="m", prompt="a", max_tokens=254)
        assert caught.value.status_code == 408


def test_answers_under_way_are_limited_and_those_nobody_waits_for_are_dropped(endless, monkeypatch):
    free, gate, real = iter(range(3)), threading.Event(), LiveBatch.step

    def step(batch):
        """Three steps, then none before the gate opens."""
        if batch and next(free, None) is None:
            gate.wait(60)
        return real(batch)

    with serving(endless, max_rows=1) as url:
        monkeypatch.setattr(LiveBatch, "step", step)
        ask = client(url)
        stream = ask.completions.create(model="m", prompt="a", max_tokens=254, stream=True)
        next(iter(stream))
        with pytest.raises(openai.RateLimitError, match="try again"):
            ask.completions.create(model="m", prompt="a")
        stream.close()
        gate.set()
        for _ in range(600):
            with suppress(openai.RateLimitError):
                assert ask.completions.create(model="m", prompt="a", max_tokens=1).choices
                break
            threading.Event().wait(0.05)
        else:
            pytest.fail("an answer that nobody waits for went on")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 0}, "--timeout above 0"),
        ({"port": 70_000}, "--port from 0 to 65535"),
        ({"program": "K8", "predictor": "x"}, "received both"),
    ],
)
def test_impossible_settings_are_refused(options, message):
    with pytest.raises(polar_search.PolarSearchError, match=message):
        ServeConfig(**options)


@pytest.mark.slow
def test_the_command_serves_until_it_is_told_to_stop_and_finishes_what_it_began():
    command = [
        Path(sys.executable).with_name("polar-search"),
        "serve",
        "--port",
        "0",
        "--name",
        "m",
    ]
    pipes = {"stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, "--threads", "1"], **pipes) as process:
        try:
            url = process.stdout.readline().split()[-1]
            ask = client(url)
            stream = ask.completions.create(model="m", prompt="abcd.efgh=", stream=True)
            first = next(iter(stream)).choices[0].text
            process.send_signal(signal.SIGINT)
            rest = "".join(chunk.choices[0].text for chunk in stream)
            assert len(first + rest) == 2
            assert process.wait(60) == 0
        finally:
            process.kill()
