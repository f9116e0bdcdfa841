"""Measure the engine: against serial generation, against its own ablations, against the hardware.

    python experiments/bench/engine.py exhaustive edits llama --threads 2
    python experiments/bench/engine.py llama-3b qwen-3b --device cuda

*Serial* is one program, one prompt at a time through ``model.generate`` on the rerouted model, on a
random sample of the rows. *Limit* is the share of the engine's time that its layer-tokens take as
plain dense calls of one layer at the best batch size. Everything is timed in one process with the
same threads; repetitions are medians, and no result of one serves the next.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from workloads import WORKLOADS, Workload

from polar_search.execution import ProgramEngine, unrolled
from polar_search.execution.work import Switches, Work

ABLATIONS = {
    "all": Switches(),
    "no decoding trie": Switches(decoding=False),
    "no prefill trie": Switches(prefill=False),
    "no tries": Switches(prefill=False, decoding=False),
    "one program a call": Switches(prefill=False, decoding=False, layer_major=False),
}


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


def measure(
    name: str, workload: Workload, arguments: argparse.Namespace
) -> list[dict[str, object]]:
    """One line of numbers for every ablation of a workload."""
    device = workload.model.device
    sample = random.Random(0).sample(range(len(workload.rows)), arguments.sample)
    measure_serial(workload, sample[:2])
    lines = []
    for label, switches in ABLATIONS.items():
        if label != "all" and not arguments.ablations:
            continue
        serial, expected = measure_serial(workload, sample)
        dense = dense_seconds(workload)
        memory = arguments.kv_memory and int(arguments.kv_memory * 2**30)
        engine = ProgramEngine(workload.model, kv_memory=memory, switches=switches)
        engine.generate(workload.rows[: len(workload.rows) // 10], workload.new_tokens)
        seconds = []
        for _ in range(arguments.repeats):
            engine.stats.work = Work()
            start = clock(device)
            results = engine.generate(workload.rows, workload.new_tokens)
            seconds.append(clock(device) - start)
        a_row = statistics.median(seconds) / len(workload.rows)
        work = engine.stats.work
        computed = work.prefill + work.decoding
        differing = sum(
            list(results[i].token_ids) != tokens for i, tokens in zip(sample, expected, strict=True)
        )
        lines.append(
            {
                "workload": name,
                "engine": label,
                "rows": len(workload.rows),
                "serial ms/row": serial * 1e3,
                "engine ms/row": a_row * 1e3,
                "times": serial / a_row,
                "limit": dense * computed / (a_row * len(workload.rows)),
                "asked": work.asked / len(workload.rows),
                "prefill": work.prefill / len(workload.rows),
                "decoding": work.decoding / len(workload.rows),
                "calls": work.calls,
                "differing": f"{differing}/{len(sample)}",
            }
        )
        show(lines[-1:])
    return lines


def show(lines: list[dict[str, object]]) -> None:
    """Print lines as a table."""
    table = Table()
    for column in lines[0]:
        table.add_column(column, justify="right")
    for line in lines:
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in line.values()))
    Console(width=160).print(table)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workloads", nargs="+", choices=WORKLOADS)
    parser.add_argument("--device", default="cpu")
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
        lines += measure(name, make(arguments.prompts or prompts, arguments.device), arguments)
    show(lines)
    if arguments.out:
        hardware = (
            torch.cuda.get_device_name() if arguments.device != "cpu" else platform.processor()
        )
        record = {"date": str(date.today()), "hardware": hardware, "threads": arguments.threads}
        arguments.out.write_text(json.dumps({**record, "lines": lines}, indent=1))


if __name__ == "__main__":
    main()
