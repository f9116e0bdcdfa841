"""Draw the pictures of docs/concepts.md: `python experiments/concept_pictures.py`.

Each is a small SVG that follows the reader's light or dark. The grid holds real outcomes of the
bundled tracking model; the others explain, and hold no data.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from polar_search import Operation, Program, SearchConfig, Session, load_outcomes

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #333 } .small { font-size: 12px; fill: #777 }
.middle { text-anchor: middle } .end { text-anchor: end } .bold { font-weight: 600 }
.kept { fill: #c9ced4 } .skipped { fill: none; stroke: #9aa1a9; stroke-dasharray: 3 3 }
.repeated { fill: #f0a35a } .right { fill: #3a9d6c } .wrong { fill: #e4e6e9 }
.box, .line { fill: none; stroke: #8b949e; stroke-width: 1.3 }
.cell { fill: #222 }
@media (prefers-color-scheme: dark) {
  text { fill: #dde } .small { fill: #9aa } .kept { fill: #5b6470 } .wrong { fill: #3a4048 }
  .repeated { fill: #b96f22 } .cell { fill: #fff } .right { fill: #43b57e }
}
"""
"""The colours of strips are those of the explorer."""


def svg(width: int, height: int, parts: list[str], title: str) -> str:
    """A picture of `parts`, in a box of pixels."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img"><title>{title}</title><style>{STYLE}</style>'
        + "".join(parts)
        + "</svg>\n"
    )


def text(x: float, y: float, words: str, kind: str = "") -> str:
    """Words with their baseline at y."""
    return f'<text x="{x}" y="{y}" class="{kind}">{words}</text>'


def cell(x: float, y: float, kind: str, words: str = "", width: int = 34, height: int = 26) -> str:
    """A rectangle with something written in its middle."""
    box = f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" class="{kind}"/>'
    return box + text(x + width / 2, y + height / 2 + 5, words, "middle cell") if words else box


def arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """A line with a head."""
    return f'<path d="M{x1} {y1} L{x2} {y2}" class="line" marker-end="url(#head)"/>'


HEAD = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
    'markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8" class="line"/></marker></defs>'
)
KINDS = {Operation.SKIP: "skipped", Operation.KEEP: "kept", Operation.REPEAT: "repeated"}


def program_picture() -> str:
    """A program: what it does with each layer, what runs, and a slot for each occurrence."""
    notation = "K4 S2 R4 K2"
    program = Program.parse(notation, 12)
    parts = [text(0, 45, "12 layers"), text(0, 85, "what runs"), text(0, 118, "its slot")]
    kinds: list[str] = []
    for words, segment in zip(notation.split(), program.segments, strict=True):
        kinds += [KINDS[segment.operation]] * segment.length
        left, right = 90 + 38 * (len(kinds) - segment.length), 90 + 38 * len(kinds) - 4
        parts.append(text((left + right) / 2, 18, words, "middle bold"))
    for layer, kind in enumerate(kinds):
        parts.append(cell(90 + 38 * layer, 28, kind, str(layer)))
    for place, layer in enumerate(program.path):
        parts.append(cell(90 + 38 * place, 68, kinds[layer], str(layer)))
        parts.append(text(107 + 38 * place, 118, str(place), "middle small"))
    depth, distinct = program.depth, len(set(program.path))
    below = f"{depth} layers executed, {distinct} of them distinct"
    return svg(630, 150, [*parts, text(90, 144, below, "small")], "The program K4 S2 R4 K2")


def forest_picture() -> str:
    """Three programs that begin alike, and the work they share."""
    programs = [Program.parse(words, 5) for words in ("K5", "K2 R2 K1", "K2 S2 K1")]
    parts, nodes = [HEAD], {}
    for row, program in enumerate(programs):
        parts.append(text(0, 40 + 46 * row, str(program), "bold"))
        for place in range(program.depth):
            beginning = program.path[: place + 1]
            if beginning not in nodes:
                nodes[beginning] = (110 + 62 * place, 22 + 46 * row)
                x, y = nodes[beginning]
                if place:
                    px, py = nodes[beginning[:-1]]
                    parts.append(arrow(px + 34, py + 13, x - 2, y + 13))
                parts.append(cell(x, y, "kept", str(program.path[place])))
    asked = sum(program.depth for program in programs)
    words = f"{asked} layers asked, {len(nodes)} computed: what begins alike is computed once"
    return svg(560, 175, [*parts, text(110, 168, words, "small")], "Programs that share work")


def road_picture() -> str:
    """From a frozen model to a program for each prompt."""
    boxes = [
        (0, 40, "frozen model"),
        (0, 110, "task"),
        (150, 75, "search"),
        (290, 75, "outcomes"),
        (440, 20, "report"),
        (440, 75, "static program"),
        (440, 130, "predictor"),
        (610, 100, "answers"),
    ]
    lines = [(115, 58, 148, 80), (115, 128, 148, 105), (265, 93, 288, 93), (405, 88, 438, 45)]
    lines += [(405, 93, 438, 93), (405, 98, 438, 140), (565, 93, 608, 108), (565, 148, 608, 128)]
    parts = [HEAD, *(arrow(*line) for line in lines)]
    for x, y, words in boxes:
        parts.append(cell(x, y, "box", "", 115 if x < 440 or x > 600 else 125, 36))
        parts.append(text(x + (57 if x < 440 or x > 600 else 62), y + 23, words, "middle"))
    parts.append(text(440, 185, "learnt from valid programs", "small"))
    return svg(730, 195, parts, "From a model and a task to answers")


PROGRAMS = ("K8", "K3 S1 K4", "K4 R1 K3", "K2 R4 K2", "K2 R4x3 K2", "K3 R3x4 K2")


def grid_picture(run: Path) -> str:
    """Programs by examples, right or wrong: what one program is worth, and a choice of them."""
    config = SearchConfig(limit=5, max_edits=1, max_repeats=4, ask_batch=128, threads=1)
    Session.load(config).run(run)
    rows = load_outcomes(run).to_pylist()
    right = {(row["program"], row["example_id"]) for row in rows if row["correct"]}
    examples = sorted({row["example_id"] for row in rows})
    programs = sorted({row["program"] for row in rows})
    grid = {name: [(name, example) in right for example in examples] for name in PROGRAMS}
    grid["oracle over these"] = [any(column) for column in zip(*grid.values(), strict=True)]
    grid[f"oracle over {len(programs)}"] = [
        any((name, example) in right for name in programs) for example in examples
    ]
    parts = []
    for level in range(5):
        parts.append(text(196 + 112 * level, 14, f"level {level + 1}", "middle small"))
    for row, (name, verdicts) in enumerate(grid.items()):
        y = 22 + 24 * row + 10 * name.startswith("oracle")
        parts.append(text(130, y + 14, name, "end bold" if name == "K8" else "end"))
        for place, verdict in enumerate(verdicts):
            x = 144 + 21 * place + 7 * (place // 5)
            parts.append(cell(x, y, "right" if verdict else "wrong", width=18, height=18))
        parts.append(text(708, y + 14, f"{sum(verdicts)} of {len(examples)}"))
    return svg(770, 230, parts, "Which programs answer which examples")


def main() -> None:
    """Draw them all."""
    FOLDER.mkdir(exist_ok=True)
    pictures = {"program": program_picture(), "forest": forest_picture(), "road": road_picture()}
    with TemporaryDirectory() as run:
        pictures["grid"] = grid_picture(Path(run) / "run")
    for name, picture in pictures.items():
        (FOLDER / f"{name}.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
