"""`polar-search generate`: broken lines are told by number, the others are answered."""

from __future__ import annotations

import io
import json

import pytest

from polar_search import cli

LINES = [
    ('{"prompt": "ab.cd=", "id": 7, "program": "K2 R4 K2"}', None),
    ("", None),
    ("nope", "line 3: expected a line of JSON, received 'nope'"),
    ('{"prompt": ""}', "line 4: expected a prompt with some text"),
    ('{"text": "ab"}', "line 5: expected an object with either 'prompt' or 'messages'"),
    ('{"messages": [{"role": "user", "content": "a"}]}', "line 6: expected a tokenizer with"),
    ('{"prompt": "ab.cd=", "program": "K3"}', "line 7: expected segments that cover 8 layers"),
    ('{"prompt": "ab.cd=", "program": 3}', "line 8: expected 'program' as a text"),
    ('{"prompt": 5}', "line 9: expected each prompt as text"),
    ('{"prompt": "%s"}' % ("a" * 300), "line 10: expected at most 255 prompt tokens"),
    ('{"prompt": "\\ud800"}', "line 11: expected a prompt of Unicode text"),
    ('{"prompt": [1, 5, 6, 4], "note": "é"}', None),
]


@pytest.fixture
def one_thread(monkeypatch):
    return ["--model", "bundled-tracking", "--threads", "1", "--device", "cpu"]


def test_lines_are_answered_and_broken_ones_told(model, one_thread, tmp_path, capsys, monkeypatch):
    file = tmp_path / "asked.jsonl"
    file.write_text("\n".join(line for line, _ in LINES) + "\n", encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    said = []
    for source in (str(file), "-"):
        assert cli.main(["generate", source, "--program", "K4 S2 K2", *one_thread]) == 2
        said.append(capsys.readouterr())
    assert said[0] == said[1]
    first, last = map(json.loads, said[0].out.splitlines())
    (expected,) = model.generate(["ab.cd="], program="K2 R4 K2")
    assert first == {
        "id": 7,
        "prompt": "ab.cd=",
        "text": expected.text,
        "program": "K2 R4 K2",
        "depth": 12,
        "finish_reason": "stop",
    }
    assert (last["note"], last["prompt"], last["program"]) == ("é", [1, 5, 6, 4], "K4 S2 K2")
    told = said[0].err.splitlines()
    broken = [reason for _, reason in LINES if reason]
    assert len(told) == len(broken) + 1
    for line, reason in zip(told, broken, strict=False):
        assert line.startswith(reason)
    assert f"{len(broken)} of the lines could not be answered" in told[-1]


def test_a_predictor_and_a_vote_answer_prompts_of_the_command_line(
    one_thread, predictor_folder, capsys
):
    options = ["--predictor", str(predictor_folder), "--select", "vote", "--k", "3"]
    sampled = ["--temperature", "0.5", "--top-p", "0.9", "--max-new-tokens", "4"]
    assert cli.main(["generate", "ab.cd=", "abc.d=", *options, *sampled, *one_thread]) == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [a["prompt"] for a in answers] == ["ab.cd=", "abc.d="]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected prompts, a FILE.jsonl or -, received none"),
        (["nowhere.jsonl"], "a file of JSON lines, received 'nowhere.jsonl'"),
        (["a", "--max-new-tokens", "0"], "--max-new-tokens of at least 1, received 0"),
        (["a", "--temperature", "-1"], "a temperature above 0, received -1"),
        (["a", "--program", "K9"], "cover 8 layers, received 9"),
        (["a", "--select", "vote"], "expected a predictor for select"),
        (["a", "--predictor", "./nowhere"], "expected a predictor's folder"),
        (["a", "--stop", "3"], "--stop to be a list such as [x,y], received '3'"),
    ],
)
def test_mistakes_end_with_one_line(arguments, message, one_thread, capsys):
    assert cli.main(["generate", *arguments, *one_thread]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_a_taken_port_is_told_before_the_model_is_loaded(capsys):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert cli.main(["serve", "--port", port, "--model", "nobody/nothing"]) == 2
    assert f"received 127.0.0.1 port {port}" in capsys.readouterr().err
