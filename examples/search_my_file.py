"""Which programs of layers answer the questions of a file of mine?

    python examples/search_my_file.py --model Qwen/Qwen2.5-0.5B-Instruct --file questions.csv

The file (.csv, .jsonl or .parquet) has the columns `question` and `answer`. Run it again with a
larger --budget: it goes on where it was.
"""

import argparse
from pathlib import Path

from rich.console import Console

from polar_search import SearchConfig, Session
from polar_search.analysis.runs import statistics_of
from polar_search.analysis.tables import render

HERE = Path(__file__).parent


def main() -> None:
    """Search, then print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="bundled-arithmetic", help="Hub id or folder")
    parser.add_argument("--file", default=str(HERE / "questions.csv"))
    parser.add_argument("--prompt", default="question", help="'paper' asks for a \\boxed{} answer")
    parser.add_argument("--grading", default="exact", help="exact, letter, or math (in a box)")
    parser.add_argument("--budget", type=int, default=50, help="programs an example")
    parser.add_argument("--out", default="runs/my-file")
    given = parser.parse_args()

    config = SearchConfig(
        model=given.model,
        task="file",
        task_options={"path": given.file, "prompt": given.prompt, "grading": given.grading},
        agent="random",  # a fair baseline; "local" and "mcts" look where answers were right
        max_edits=2,
        budget=given.budget,
    )
    Session.load(config).run(given.out)
    console = Console()
    for table in render(statistics_of(given.out)):
        console.print(table)
    console.print(f"next: polar-search report {given.out}; polar-search explore {given.out}")


if __name__ == "__main__":
    main()
