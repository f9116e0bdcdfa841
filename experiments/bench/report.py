"""How benchmarks show and keep their numbers."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

Lines = Sequence[Mapping[str, object]]


def print_table(lines: Lines) -> None:
    """Print lines of named numbers as a table."""
    table = Table()
    for column in lines[0]:
        table.add_column(column, justify="right")
    for line in lines:
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in line.values()))
    Console(width=180).print(table)


def save(path: Path | None, lines: Lines, device: str, threads: int) -> None:
    """Write the lines with hardware and date, where a file is wanted."""
    if path is None:
        return
    hardware = processor() if device == "cpu" else torch.cuda.get_device_name()
    record = {
        "date": str(datetime.now(UTC).date()),
        "hardware": hardware,
        "threads": threads,
        "torch": torch.__version__,
        "lines": lines,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")


def processor() -> str:
    """The processor's own name, where the system tells."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()
