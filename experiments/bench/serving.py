"""Requests per second of the endpoint on the loopback address: 64 clients against one at a time.

python experiments/bench/serving.py [--clients 64] [--requests 256] [--threads 1] [--out FILE.json]

A server of its own process answers the same requests, each with a program of its own, first from
one client and then from many; the engine without a server answers them as one batch, which is the
limit. Every answer is compared with the engine's. The model is a Llama with random weights, since
the bundled ones need less time for an answer than HTTP does; `--model` names another.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import openai
import torch
from rich.console import Console
from rich.table import Table
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

import polar_search
from polar_search.program import ProgramSpace

BUNDLED = Path(polar_search.__file__).parent / "models" / "bundled-tracking"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def write_model(folder: Path) -> Path:
    """A Llama of 12 layers and width 512 that never ends its text, with a tokenizer of letters."""
    torch.manual_seed(0)
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=512,
        intermediate_size=1376,
        num_hidden_layers=12,
        num_attention_heads=8,
        num_key_value_heads=8,
        max_position_embeddings=512,
        eos_token_id=None,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def requests(layers: int, count: int) -> list[tuple[str, str]]:
    """Prompts of different lengths, each with a program of one edit at most."""
    rng = random.Random(0)
    space = ProgramSpace(layers, max_edits=1)
    return [
        ("".join(rng.choices(LETTERS, k=rng.randint(4, 40))), str(space.sample(rng)))
        for _ in range(count)
    ]


async def ask(
    url: str, asked: list[tuple[str, str]], clients: int, tokens: int
) -> tuple[float, list[float], list[str]]:
    """Seconds in all, seconds of every request, and the texts."""
    seconds, texts = [0.0] * len(asked), [""] * len(asked)

    async def one(client: openai.AsyncOpenAI, first: int) -> None:
        for i in range(first, len(asked), clients):
            prompt, program = asked[i]
            started = time.perf_counter()
            answer = await client.completions.create(
                model="m", prompt=prompt, max_tokens=tokens, extra_body={"program": program}
            )
            seconds[i] = time.perf_counter() - started
            texts[i] = answer.choices[0].text

    async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
        started = time.perf_counter()
        await asyncio.gather(*(one(client, first) for first in range(clients)))
        return time.perf_counter() - started, seconds, texts


def measure(url: str, expected: list[str], asked: list[tuple[str, str]], clients: int, tokens: int):  # noqa: ANN201
    """One line of numbers."""
    whole, seconds, texts = asyncio.run(ask(url, asked, clients, tokens))
    cuts = statistics.quantiles(seconds, n=20)
    return {
        "clients": clients,
        "requests": len(asked),
        "requests/s": len(asked) / whole,
        "median s": statistics.median(seconds),
        "95% s": cuts[-1],
        "wrong": sum(a != b for a, b in zip(texts, expected, strict=True)),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="instead of the one with random weights")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--requests", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        source = arguments.model or str(write_model(Path(folder)))
        lines = compare(source, arguments)
    table = Table()
    for column in lines[0]:
        table.add_column(column, justify="right")
    for line in lines:
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in line.values()))
    Console(width=120).print(table)
    if arguments.out:
        record = {"date": str(date.today()), "hardware": platform.processor()}
        record |= {"threads": arguments.threads, "tokens": arguments.tokens, "lines": lines}
        arguments.out.write_text(json.dumps(record, indent=1))


def compare(source: str, arguments: argparse.Namespace) -> list[dict[str, object]]:
    """One client, many clients, and no server at all."""
    model = polar_search.load(source)
    asked = requests(model.num_layers, arguments.requests)
    prompts, programs = [p for p, _ in asked], [p for _, p in asked]
    model.generate(prompts[:8], programs=programs[:8], max_new_tokens=2)
    started = time.perf_counter()
    answers = model.generate(prompts, programs=programs, max_new_tokens=arguments.tokens)
    alone = {"clients": "none", "requests": len(asked)}
    alone["requests/s"] = len(asked) / (time.perf_counter() - started)
    expected = [answer.text for answer in answers]
    few = max(8, arguments.requests // 8)
    command = [Path(sys.executable).with_name("polar-search"), "serve", "--model", source]
    command += ["--name", "m", "--port", "0", "--threads", str(arguments.threads)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            url = server.stdout.readline().split()[-1]
            measure(url, expected[:8], asked[:8], 8, arguments.tokens)
            one = measure(url, expected[:few], asked[:few], 1, arguments.tokens)
            many = measure(url, expected, asked, arguments.clients, arguments.tokens)
        finally:
            server.terminate()
    rate = one["requests/s"]
    return [line | {"times": line["requests/s"] / rate} for line in (one, many)] + [
        {**alone, "median s": "", "95% s": "", "wrong": "", "times": alone["requests/s"] / rate}
    ]


if __name__ == "__main__":
    main()
