r"""Answers in a box, `\boxed{42}`: how models are asked to mark their final answer."""

from __future__ import annotations

BOX = r"\boxed{"


def boxed(text: str) -> str | None:
    r"""What the first `\boxed{...}` of `text` holds; None without a box, or before it is closed."""
    start = text.find(BOX)
    if start < 0:
        return None
    inside = start + len(BOX)
    open_braces = 1
    for at in range(inside, len(text)):
        open_braces += (text[at] == "{") - (text[at] == "}")
        if not open_braces:
            return text[inside:at]
    return None


def closed_box(text: str) -> bool:
    r"""A stop for answers in a box: whether ``text`` holds a closed ``\boxed{...}``."""
    return boxed(text) is not None


def last_boxed(text: str) -> str | None:
    r"""What the last `\boxed{...}` of `text` holds, as worked solutions end with their answer."""
    start = text.rfind(BOX)
    return None if start < 0 else boxed(text[start:])
