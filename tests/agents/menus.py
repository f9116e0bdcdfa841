"""A menu agent that needs no run: it writes one for its space first."""

import tempfile
import zlib
from itertools import islice
from pathlib import Path

from polar_search.agents.menu import MenuAgent
from polar_search.program import Program
from polar_search.search.outcome import Outcome
from polar_search.search.store import Fingerprints, Store


def write_run(folder, solved):
    """A run in which each program of `solved` answers the examples it is given."""
    store = Store(folder, Fingerprints("model", "task", "decoding"), "agent")
    store.append(
        [Outcome(name, 1, program, "", True) for program, ids in solved.items() for name in ids],
        [],
    )
    store.flush()


class MenuOfItsOwn(MenuAgent):
    """The menu of a run in which the first programs of the space solve one example in three."""

    def __init__(self, space, seed):
        solved = {
            program: [f"{i}" for i in range(99) if zlib.crc32(f"{i} {program}".encode()) % 3 == 0]
            for program in islice(space, 40)
        }
        solved |= {Program.identity(space.num_layers): ["0"]}
        with tempfile.TemporaryDirectory() as folder:
            write_run(Path(folder), solved)
            super().__init__(space, seed, run=folder)
