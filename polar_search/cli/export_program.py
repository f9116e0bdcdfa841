"""`polar-search export-program`: a static program as a plain checkpoint, or without weights."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from polar_search.cli.options import make_parser

DESCRIPTION = (
    "Write the model whose standard pass runs the layers of a program: a checkpoint that "
    "transformers and what reads its checkpoints load as it is, with the same as mergekit.yaml and "
    "program.json. --out NAME.json or NAME.yaml writes one of these alone."
)


def main(arguments: Sequence[str]) -> None:
    """Parse, export, say what was written."""
    parser = make_parser("export-program", DESCRIPTION)
    parser.add_argument(
        "--model", type=str, default="bundled", help="Hub id, folder or bundled model"
    )
    parser.add_argument(
        "--program", type=str, required=True, help="such as 'K4 S2 R4 K2', or a program.json"
    )
    parser.add_argument("--out", type=str, required=True, help="a new folder, or FILE.json / .yaml")
    parsed = parser.parse_args(list(arguments))

    from polar_search.cli.search import quieten_libraries
    from polar_search.serving.export import export_program

    quieten_libraries()
    done = export_program(parsed.model, parsed.program, parsed.out)
    console = Console(highlight=False, soft_wrap=True)
    size = f", {done.bytes / 1e6:,.1f} MB of weights" if done.bytes else ""
    console.print(f"{done.out}{size}", markup=False)
    for note in done.notes:
        console.print(f"note: {note}", markup=False)
