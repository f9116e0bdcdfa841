"""Measure what must not grow: memory against its budget, and cost per row against their number.

    python experiments/bench/upkeep.py memory --threads 2
    python experiments/bench/upkeep.py scaling --threads 2

*memory* runs the edits workload again and again within a small budget, in a process of its own, and
compares what the process has gained with the budget: at the peak, and from call to call. *scaling*
times one call of 1,000, 10,000 and 100,000 rows.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch
from report import print_table, save
from workloads import Workload, arithmetic_model, edits_of

from polar_search.execution import ProgramEngine

STATUS = Path("/proc/self/status")


def resident(entry: str = "VmRSS") -> int:
    """Bytes of this process that are in memory now, or at its peak (``VmHWM``)."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines() if ":" in line)
    return int(lines[entry].split()[0]) * 1024


def memory(arguments: argparse.Namespace) -> list[dict[str, object]]:
    """Gains in memory over many rows, in MiB, and the pages that were in use at most."""
    workload = Workload(arithmetic_model("cpu"), edits_of(100), 5)
    budget = int(arguments.kv_memory * 2**30)
    ProgramEngine(workload.model, kv_memory=2**24).generate(workload.rows[:200], 5)
    before, lines, rows = resident(), [], 0
    shown = max(1, arguments.rows // len(workload.rows) // 5) * len(workload.rows)
    engine = ProgramEngine(workload.model, kv_memory=budget)
    while rows < arguments.rows:
        engine.generate(workload.rows, workload.new_tokens)
        rows += len(workload.rows)
        if rows % shown == 0:
            lines.append(
                {
                    "rows": rows,
                    "budget MiB": budget / 2**20,
                    "now MiB": (resident() - before) / 2**20,
                    "peak MiB": (resident("VmHWM") - before) / 2**20,
                    "peak / budget": (resident("VmHWM") - before) / budget,
                    "begun again": engine.stats.work.restarted,
                }
            )
            print_table(lines[-1:])
    return lines


def scaling(arguments: argparse.Namespace) -> list[dict[str, object]]:
    """Time of a row in calls of ever more rows; programs and kinds of prompts stay the same."""
    model, lines = arithmetic_model("cpu"), []
    engine = ProgramEngine(model)
    size = 1000
    while size <= arguments.rows:
        rows = edits_of(size // 20)
        engine.generate(rows[:1000], 5)
        seconds = []
        for _ in range(arguments.repeats if size < 100_000 else 1):
            start, used = time.perf_counter(), time.process_time()
            engine.generate(rows, 5)
            seconds.append((time.perf_counter() - start, time.process_time() - used))
        wall, cpu = (statistics.median(times) for times in zip(*seconds, strict=True))
        lines.append({"rows": size, "ms/row": wall / size * 1e3, "CPU ms/row": cpu / size * 1e3})
        print_table(lines[-1:])
        size *= 10
    return lines


MEASUREMENTS = {"memory": memory, "scaling": scaling}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("measurement", choices=MEASUREMENTS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, default=100_000, help="in all, or of the largest call")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kv-memory", type=float, default=0.25, help="GiB of the memory test")
    parser.add_argument("--out", type=Path, help="JSON file for the numbers")
    arguments = parser.parse_args()
    if arguments.rows < 1000 or arguments.repeats < 1:
        parser.error("expected --rows of at least 1000 and --repeats of at least 1; raise them")
    torch.set_num_threads(arguments.threads)
    lines = MEASUREMENTS[arguments.measurement](arguments)
    print_table(lines)
    save(arguments.out, lines, "cpu", arguments.threads)


if __name__ == "__main__":
    main()
