"""The format of Dr.LLM: tuples of question, label vector and answer.

A label vector has a number for each layer: 0 skips it, 1 executes it, 2 executes it twice. It
cannot say that a block of several layers is repeated as one, nor more than two executions. A tuple
stands for a valid program; nothing is said of the standard pass or of invalid programs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from polar_search.errors import LabelError
from polar_search.exchange.samples import Path, Sample

Triple = list[Any]


def is_vectors(content: object) -> bool:
    """Whether the content of a file looks like this format."""
    return isinstance(content, list) and bool(content) and isinstance(content[0], list)


def read_vectors(content: Any, file: str) -> Iterator[Sample]:  # noqa: ANN401
    """One sample for each question, with the programs of all its tuples.

    Raises:
        LabelError: A tuple is none.
    """
    valid: dict[tuple[str, str], list[Path]] = {}
    for number, entry in enumerate(content):
        where = f"tuple {number} of '{file}'"
        if not isinstance(entry, list) or len(entry) != 3 or not isinstance(entry[1], list):
            raise LabelError(
                f"expected [question, label vector, answer] in {where}, received "
                f"{repr(entry)[:80]}; correct it"
            )
        question, vector, answer = entry
        valid.setdefault((str(question), str(answer)), []).append(_path(vector, where))
    for number, ((question, answer), paths) in enumerate(valid.items()):
        verdicts = tuple((path, True) for path in dict.fromkeys(paths))
        where = f"question {number} of '{file}'"
        yield Sample(where, verdicts, question=question, answer=answer)


def _path(vector: list[Any], where: str) -> Path:
    if not all(type(count) is int and 0 <= count <= 2 for count in vector):
        raise LabelError(
            f"expected a label vector of 0, 1 and 2 in {where}, received {repr(vector)[:80]}; "
            "correct it"
        )
    return tuple(layer for layer, count in enumerate(vector) for _ in range(count))


def vector_of(path: Path, num_layers: int) -> list[int] | None:
    """The label vector of a layer path; None if there is none that says the same."""
    if list(path) != sorted(path):
        return None  # a block is repeated
    counts = [path.count(layer) for layer in range(num_layers)]
    return counts if max(counts) <= 2 else None


def write_vectors(samples: Sequence[Sample], num_layers: int) -> tuple[list[Triple], int]:
    """The content of a file that holds the valid programs of `samples`, and how many it cannot."""
    triples: list[Triple] = []
    lost = 0
    for sample in samples:
        for path in (path for path, valid in sample.verdicts if valid):
            vector = vector_of(path, num_layers)
            lost += vector is None
            if vector is not None:
                triples.append([sample.question, vector, sample.answer])
    return triples, lost
