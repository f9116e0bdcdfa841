"""Measure the engine: against serial generation, against its own ablations, against the hardware.

    python experiments/bench/engine.py exhaustive edits llama --threads 2
    python experiments/bench/engine.py edits drafted --ablations --prompts 50 --repeats 1
    python experiments/bench/engine.py llama-3b qwen-3b --device cuda
    python experiments/bench/engine.py llama-3b qwen-3b --scale tiny --threads 1 --sample 2

*Serial* is one program, one prompt at a time through ``model.generate`` on the rerouted model, on a
random sample of the rows. *Limit* is the share of the engine's time that its layer-tokens take as
plain dense calls of one layer at the best batch size; tokens that were only *filed* (keys and
values) count for nothing in it. *Matmul share* is the arithmetic of reading
the prompts, over what large matrix products would do in that time. *Latency* is the time of one row
that comes alone. Everything is timed in one process with the same threads, in turn; figures are
medians over repetitions, ratios those of the same turn, and no result of one serves the next.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from report import print_table, save
from workloads import WORKLOADS, Setting, Workload

from polar_search.execution import Generation, ProgramEngine, unrolled
from polar_search.execution.work import Switches, Work

ABLATIONS = {
    "all": Switches(),
    "no decoding trie": Switches(decoding=False),
    "no prefill trie": Switches(prefill=False),
    "no tries": Switches(prefill=False, decoding=False),
    "one program a call": Switches(prefill=False, decoding=False, layer_major=False),
    "no drafts": Switches(drafts=False),
    "no filing": Switches(filing=False),
}

TINY_PROMPTS = 16
"""Prompts of a workload at scale ``tiny``, at most."""


def clock(device: torch.device) -> float:
    """Seconds, with all queued work done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def timed(run: Callable[[], object], device: torch.device) -> float:
    """Seconds of one run."""
    start = clock(device)
    run()
    return clock(device) - start


def measure_serial(workload: Workload, sample: list[int]) -> tuple[float, list[list[int]]]:
    """Seconds a row, and the tokens of the sampled rows."""
    model, tokens = workload.model, []
    start = clock(model.device)
    for i in sample:
        prompt, program = workload.rows[i]
        ids = torch.tensor([prompt], device=model.device)
        with unrolled(model, program):
            out = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=workload.new_tokens,
                do_sample=False,
                pad_token_id=0,
            )
        tokens.append(out[0, len(prompt) :].tolist())
    return (clock(model.device) - start) / len(sample), tokens


@torch.no_grad()
def dense_seconds(workload: Workload) -> float:
    """Seconds of one layer-token in plain dense calls of a layer at the best batch size."""
    model = workload.model
    base = model.model
    length = round(statistics.mean(len(prompt) for prompt, _ in workload.rows))
    best = float("inf")
    for tokens in (256, 512, 1024, 2048, 4096, 8192, 16_384):
        batch = max(1, tokens // length)
        hidden = torch.randn(
            batch, length, model.config.hidden_size, dtype=model.dtype, device=model.device
        )
        positions = torch.arange(length, device=model.device)[None]
        angles = base.rotary_emb(hidden, positions)

        def run(hidden: torch.Tensor = hidden, angles: object = angles) -> None:
            base.layers[0](hidden, attention_mask=None, position_embeddings=angles)

        run()
        seconds = statistics.median(timed(run, model.device) for _ in range(7))
        best = min(best, seconds / (batch * length))
    return best


@torch.no_grad()
def matmul_rate(workload: Workload, size: int) -> float:
    """Multiplications and additions a second in products of square matrices."""
    device = workload.model.device
    one = torch.randn(size, size, dtype=workload.model.dtype, device=device)
    other = torch.randn_like(one)
    seconds = [timed(lambda: one @ other, device) for _ in range(8)]
    return 2 * size**3 / statistics.median(seconds[2:])


def matmul_share(workload: Workload, engine: ProgramEngine) -> float:
    """Arithmetic of reading the prompts, over that of plain products in the same time."""
    device = workload.model.device
    before = engine.stats.work.prefill
    seconds = timed(lambda: engine.generate(workload.rows, 1), device)
    weights = sum(w.numel() for w in workload.model.model.layers[0].parameters() if w.dim() == 2)
    done = 2 * weights * (engine.stats.work.prefill - before)
    return done / seconds / matmul_rate(workload, 8192 if device.type == "cuda" else 1024)


@dataclass
class Contestant:
    """An engine with some ideas switched off, and what its repetitions gave."""

    label: str
    engine: ProgramEngine
    seconds: list[float] = field(default_factory=list)
    results: list[Generation] = field(default_factory=list)

    def warm(self, workload: Workload) -> None:
        """Prove the engine and touch its memory, on a tenth of the rows."""
        rows = workload.asked()
        self.engine.generate(rows[: len(rows) // 10], workload.new_tokens)

    def repeat(self, workload: Workload) -> None:
        """One repetition, from nothing; the counts are those of the last."""
        rows, self.engine.stats.work = workload.asked(), Work()
        start = clock(workload.model.device)
        self.results = self.engine.generate(rows, workload.new_tokens)
        self.seconds.append(clock(workload.model.device) - start)


def measure(
    name: str, workload: Workload, arguments: argparse.Namespace
) -> list[dict[str, object]]:
    """One line of numbers for every ablation of a workload.

    Serial, dense and all engines are timed in turn, repetition by repetition, since a shared
    machine changes its speed: ratios are medians of those of one turn.
    """
    sample = random.Random(0).sample(range(len(workload.rows)), arguments.sample)
    memory = arguments.kv_memory and int(arguments.kv_memory * 2**30)
    contestants = [
        Contestant(
            label, ProgramEngine(workload.model, kv_memory=memory, switches=ABLATIONS[label])
        )
        for label in (ABLATIONS if arguments.ablations else ["all"])
    ]
    measure_serial(workload, sample[:2])
    for contestant in contestants:
        contestant.warm(workload)
    serial, dense = [], []
    for _ in range(arguments.repeats):
        a_row, expected = measure_serial(workload, sample)
        serial.append(a_row)
        dense.append(dense_seconds(workload))
        for contestant in contestants:
            contestant.repeat(workload)
    wrong = {
        c.label: sum(
            list(c.results[i].token_ids) != tokens
            for i, tokens in zip(sample, expected, strict=True)
        )
        for c in contestants
    }
    return [
        numbers(name, workload, c, serial, dense) | {"differing": f"{wrong[c.label]}/{len(sample)}"}
        for c in contestants
    ]


def numbers(
    name: str, workload: Workload, contestant: Contestant, serial: list[float], dense: list[float]
) -> dict[str, object]:
    """One line: what the repetitions took, against serial and dense calls beside them."""
    rows, engine = len(workload.rows), contestant.engine
    work, a_row = engine.stats.work, [seconds / rows for seconds in contestant.seconds]
    tokens = (work.prefill + work.decoding) / rows
    line: dict[str, object] = {
        "workload": name,
        "engine": contestant.label,
        "rows": rows,
        "serial ms/row": statistics.median(serial) * 1e3,
        "engine ms/row": statistics.median(a_row) * 1e3,
        "times": median_ratio(serial, a_row),
        "limit": median_ratio(dense, a_row) * tokens,
        "asked": work.asked / rows,
        "prefill": work.prefill / rows,
        "filed": work.filed / rows,
        "decoding": work.decoding / rows,
        "drafted": work.drafted,
        "agreed": work.agreed,
        "calls": work.calls,
    }
    line["matmul share"] = matmul_share(workload, engine)
    alone = [workload.rows[0]]
    line["latency ms"] = 1e3 * statistics.median(
        timed(lambda: engine.generate(alone, workload.new_tokens), workload.model.device)
        for _ in range(3)
    )
    print_table([line])
    return line


def median_ratio(numerators: list[float], denominators: list[float]) -> float:
    """Median of the ratios turn by turn."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="+", choices=WORKLOADS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--scale", choices=("full", "tiny"), default="full")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompts", type=int, help="fewer or more prompts than the workload's")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sample", type=int, default=20, help="rows that are also run serially")
    parser.add_argument("--kv-memory", type=float, help="GiB; the engine's choice by default")
    parser.add_argument("--ablations", action="store_true")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    lines = []
    for name in arguments.workloads:
        make, prompts = WORKLOADS[name]
        tiny = arguments.scale == "tiny"
        prompts = arguments.prompts or (min(prompts, TINY_PROMPTS) if tiny else prompts)
        lines += measure(name, make(Setting(prompts, arguments.device, tiny)), arguments)
    print_table(lines)
    save(arguments.out, lines, arguments.device, arguments.threads)


if __name__ == "__main__":
    main()
