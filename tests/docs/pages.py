"""The pages of the documentation, and the code blocks in them.

Markers, as comments on the line before a block:

    <!-- not run: REASON -->          one of REASONS
    <!-- run with: A -> B, C -> D --> executed with B instead of A: what can be had offline

A block with a title, as in ```python title="mine.py", is written to a file of that name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(
            ROOT / name
            for name in (
                "README.md",
                "CONTRIBUTING.md",
                "examples/README.md",
                "experiments/README.md",
            )
        ),
        *(ROOT / "docs").rglob("*.md"),
    ]
)
LANGUAGES = {"sh", "python", "yaml", "toml", "json", "text"}
REASONS = {
    "sets up an environment",
    "has tests of its own",
    "needs the Hub",
    "needs a cluster",
    "needs a file of yours",
    "needs a running server",
    "needs another machine",
    "takes minutes",
}
FENCE = re.compile(
    r"(?:<!-- (?P<marker>not run|run with): (?P<said>.*?) -->\n)?"
    r'^```(?P<language>\w*)(?: title="(?P<title>[^"]+)")?\n(?P<code>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A code block of a page; `line` is that of its first line of code."""

    page: Path
    line: int
    language: str
    code: str
    title: str | None = None
    not_run: str | None = None

    @property
    def place(self) -> str:
        """Where it stands, for messages."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self) -> list[str]:
        """The commands of a shell block, comments and line breaks taken out."""
        joined = self.code.replace("\\\n", " ")
        lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
        return [line for line in lines if line]


def blocks_of(page: Path) -> list[Block]:
    """The code blocks of a page, in their order."""
    text = page.read_text(encoding="utf-8")
    return [_block(page, text, match) for match in FENCE.finditer(text)]


def _block(page: Path, text: str, match: re.Match[str]) -> Block:
    said, code = match["said"] or "", match["code"]
    if match["marker"] == "run with":
        for pair in said.split(", "):
            before, _, after = pair.partition(" -> ")
            assert before in code, f"{page.name}: no {before!r} in the block to run with {after!r}"
            code = code.replace(before, after)
    line = text[: match.start("code")].count("\n") + 1
    reason = said if match["marker"] == "not run" else None
    return Block(page, line, match["language"], code, match["title"], reason)
