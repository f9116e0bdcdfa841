"""What a program costs beside the standard pass, per depth, and what choosing it adds.

python experiments/bench/latency.py [--clock cpu] [--batches 1 32] [--out FILE.json]

Times of whole answers, prompt included, in turn with the standard pass; shares of its time, medians
over repeats. *Explained* is layer time x depth plus the fixed share: embedding and head are timed
by themselves, and what remains of the standard pass is divided by its layers. The gap is measured
minus explained, in points. *One* program serves the whole batch; *mixed* programs have the same
depth and differ from row to row. Choosing is split into the network (its encoder included) and the
decoding of its output into a program.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

import polar_search
from polar_search.execution import ProgramEngine
from polar_search.execution.adapter import adapt
from polar_search.execution.parts import DecoderParts
from polar_search.predictor.decoding import top_paths
from polar_search.predictor.encoder import make_encoder
from polar_search.predictor.network import HeadShape, ProgramHead
from polar_search.predictor.predictor import Origin, Predictor
from polar_search.program import Program, ProgramSpace

BUNDLED = Path(polar_search.__file__).parent / "models" / "bundled-tracking"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "cpu": time.process_time}


def make_engine(arguments: argparse.Namespace) -> ProgramEngine:
    """A model with random weights that never ends its text."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=arguments.vocabulary,
        hidden_size=arguments.width,
        intermediate_size=arguments.width * 43 // 16,
        num_hidden_layers=arguments.layers,
        num_attention_heads=arguments.width // 64,
        num_key_value_heads=arguments.width // 64,
        eos_token_id=None,
    )
    model = LlamaForCausalLM(config).to(arguments.device, getattr(torch, arguments.dtype))
    return ProgramEngine(model, AutoTokenizer.from_pretrained(BUNDLED))


def make_predictor(engine: ProgramEngine) -> Predictor:
    """An untrained predictor of the default size: its time does not depend on what it learned."""
    space = ProgramSpace(engine.num_layers)
    encoder = make_encoder("base:0", engine.model, engine.tokenizer)
    origin = Origin("random", "", "tracking", {}, "base:0", space.to_dict(), [], {})
    head = ProgramHead(HeadShape(engine.num_layers, encoder.width)).to(engine.model.device)
    return Predictor(origin, encoder, head)


class Clock:
    """Times of named pieces of work, over repeats."""

    def __init__(self, name: str) -> None:
        self._now = CLOCKS[name]
        self._times: dict[object, list[float]] = {}

    def time(self, name: object, work: Callable[[], object]) -> None:
        """Do and time a piece of work."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        started = self._now()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._times.setdefault(name, []).append(self._now() - started)

    def __getitem__(self, name: object) -> float:
        """The median of a piece of work."""
        return statistics.median(self._times[name])


def programs_of(depth: int, layers: int, count: int, rng: random.Random) -> list[Program]:
    """Different programs of one depth."""
    space = ProgramSpace(layers, max_edits=3)
    found: dict[Program, None] = {}
    while len(found) < count:
        program = space.sample(rng)
        if program.depth == depth:
            found[program] = None
    return list(found)


def fixed_work(engine: ProgramEngine, prompts: Sequence[list[int]], new: int) -> Callable[[], None]:
    """Embedding and head, as often as answers to the prompts need them."""
    parts = DecoderParts(adapt(engine.model))
    device = engine.model.device
    tokens = torch.tensor([token for prompt in prompts for token in prompt], device=device)
    one = tokens[: len(prompts)]

    @torch.no_grad()
    def work() -> None:
        parts.embed(tokens)
        for step in range(new):
            parts.logits(parts.embed(one))
            del step

    return work


def measure(
    engine: ProgramEngine, predictor: Predictor, batch: int, arguments: argparse.Namespace
) -> list[dict[str, object]]:
    """The lines of one batch size."""
    rng, layers, new = random.Random(0), engine.num_layers, arguments.tokens
    texts = ["".join(rng.choices(LETTERS, k=arguments.prompt - 1)) for _ in range(batch)]
    prompts = [engine.tokenizer(text)["input_ids"] for text in texts]
    standard = Program.identity(layers)
    chosen = {
        depth: programs_of(depth, layers, batch, rng)
        for depth in sorted({round(layers * share) for share in arguments.depths})
    }
    fixed = fixed_work(engine, prompts, new)

    def answer(programs: Sequence[Program]) -> Callable[[], object]:
        return lambda: engine.generate(list(zip(prompts, programs, strict=True)), new)

    answer([standard] * batch)()
    clock = Clock(arguments.clock)
    for _ in range(arguments.repeats):
        clock.time("standard", answer([standard] * batch))
        clock.time("fixed", fixed)
        clock.time("network", lambda: predictor.distribution(predictor.encoder.encode(texts)))
        seen = predictor.distribution(predictor.encoder.encode(texts))
        clock.time("decoding", lambda seen=seen: top_paths(seen, 1))
        for depth, programs in chosen.items():
            clock.time(("one", depth), answer([programs[0]] * batch))
            clock.time(("mixed", depth), answer(programs))
    whole, base = clock["standard"], clock["fixed"]
    lines = []
    for kind in ("one", "mixed") if batch > 1 else ("one",):
        for depth in chosen:
            share = clock[kind, depth] / whole
            explained = (base + (whole - base) * depth / layers) / whole
            choosing = (clock["network"] + clock["decoding"]) / whole
            lines.append(
                {
                    "batch": batch,
                    "programs": kind,
                    "depth": f"{depth} of {layers}",
                    "ms": 1e3 * clock[kind, depth],
                    "% of standard": 100 * share,
                    "explained %": 100 * explained,
                    "gap, points": 100 * (share - explained),
                    "fixed %": 100 * base / whole,
                    "network %": 100 * clock["network"] / whole,
                    "decoding %": 100 * clock["decoding"] / whole,
                    "end to end %": 100 * (share + choosing),
                }
            )
    return lines


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--depths", type=float, nargs="+", default=[0.5, 0.75, 1.0, 1.25, 1.5])
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--prompt", type=int, default=64, help="tokens")
    parser.add_argument("--tokens", type=int, default=4, help="new ones")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    engine = make_engine(arguments)
    predictor = make_predictor(engine)
    lines = [
        line for batch in arguments.batches for line in measure(engine, predictor, batch, arguments)
    ]
    table = Table()
    for column in lines[0]:
        table.add_column(column, justify="right")
    for line in lines:
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in line.values()))
    Console(width=150).print(table)
    if arguments.out:
        record = {"date": str(date.today()), "hardware": platform.processor()}
        record |= {**vars(arguments), "out": str(arguments.out), "lines": lines}
        arguments.out.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
