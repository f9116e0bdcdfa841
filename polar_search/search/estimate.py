"""What a search would take: its size, and time and disk from a small measured part of it."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq

from polar_search.search.config import SearchConfig
from polar_search.search.session import Session
from polar_search.search.store import outcome_table

SAMPLE = 256
"""Outcomes that are executed to measure time and disk."""
EXAMPLES_A_PROGRAM = 16


@dataclass(frozen=True)
class Estimate:
    """Size, time and disk of a search.

    Attributes:
        examples: Number of examples.
        space: Programs in the space.
        outcomes: Programs asked in all, identities included, if no agent stops early.
        rate: Outcomes per second, measured on a sample.
        disk: Bytes of the outcomes, extrapolated from the sample.
        device: Kind of device that the sample was measured on.
    """

    examples: int
    space: int
    outcomes: int
    rate: float
    disk: float
    device: str = "cpu"

    def __str__(self) -> str:
        space = f"{self.space:,}" if self.space < 10**12 else f"{float(self.space):.1e}"
        seconds = self.outcomes / self.rate
        duration = f"{seconds:,.0f} s" if seconds < 120 else f"{seconds / 60:,.0f} minutes"
        hours = seconds / 3600
        cost = f"{hours:,.0f}" if hours >= 10 else f"{hours:.2g}"
        kind = "CPU" if self.device == "cpu" else "GPU"
        disk = f"{self.disk / 1e3:,.0f} kB" if self.disk < 1e6 else f"{self.disk / 1e6:,.0f} MB"
        return (
            f"{self.examples:,} examples, {space} programs in the space, "
            f"{self.outcomes:,} outcomes at most;\n"
            f"about {duration} ({cost} {kind}-hours) at {self.rate:,.0f} outcomes/s and {disk} "
            f"(measured on {SAMPLE} outcomes, nothing stored)"
        )


def estimate(config: SearchConfig) -> Estimate:
    """Execute a few programs of the search and extrapolate.

    Raises:
        PolarSearchError: The search could not run either.
    """
    session = Session.load(config)
    space = config.space(session.engine.num_layers)
    rng = Random(config.seed)
    examples = rng.choices(session.examples, k=EXAMPLES_A_PROGRAM)
    programs = [space.sample(rng) for _ in range(SAMPLE // EXAMPLES_A_PROGRAM)]
    jobs = [(example, program) for program in programs for example in examples]

    started = time.monotonic()
    outcomes = session.evaluator.evaluate(jobs)
    rate = len(jobs) / (time.monotonic() - started)

    table = outcome_table(outcomes, session.fingerprints())
    per_outcome = (_parquet_bytes(table) - _parquet_bytes(table.slice(0, 0))) / len(jobs)
    total = session.total()
    device = session.engine.model.device.type
    return Estimate(len(session.examples), space.size(), total, rate, per_outcome * total, device)


def _parquet_bytes(table: pa.Table) -> int:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.tell()
