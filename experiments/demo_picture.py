"""Draw the first table of a run as docs/demo.svg: `experiments/demo_picture.py runs/demo`."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console

from polar_search.analysis.runs import statistics_of
from polar_search.analysis.tables import render

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "demo.svg"


def main() -> None:
    """Print the table into a picture."""
    console = Console(record=True, width=80, file=io.StringIO())
    console.print(render(statistics_of(Path(sys.argv[1])))[0])
    picture = console.export_svg(title="polar-search demo")
    # The fonts that rich would fetch from the web: any monospaced one will do.
    PICTURE.write_text(re.sub(r"@font-face {.*?}\s*", "", picture, flags=re.DOTALL))


if __name__ == "__main__":
    main()
