"""Runs made up of whole cloth: as large, or as hostile, as a test wants."""

import json
from random import Random

from polar_search.program import Program, ProgramSpace
from polar_search.search.outcome import Outcome, TraceStep
from polar_search.search.store import Fingerprints, Store
from polar_search.tasks import load_task

LAYERS = 8


def write_run(folder, agents, *, limit, programs, text=lambda rng: "ab"):
    """A run on `limit` examples, each with `programs` random programs asked by each of `agents`."""
    task = load_task("tracking", {})
    folder.mkdir()
    fixed = {
        **{"model": "made-up", "task": "tracking", "split": "train", "agent": agents[0]},
        **{"num_layers": LAYERS, "task fingerprint": task.fingerprint()},
    }
    (folder / "config.json").write_text(json.dumps({"fixed": fixed, "config": fixed}))
    space, identity, rng = ProgramSpace(LAYERS), Program.identity(LAYERS), Random(0)
    pool = sorted({space.sample(rng) for _ in range(4 * programs)} - {identity}, key=str)
    for agent in agents:
        store = Store(folder, Fingerprints("m", "t", "d"), agent, flush_rows=50_000)
        for example in task.examples("train")[:limit]:
            asked = [identity, *rng.sample(pool, programs - 1)]
            parents = [None, *(rng.choice(asked[: i + 1]) for i in range(programs - 1))]
            store.append(
                [
                    Outcome(example.id, example.level, p, text(rng), rng.random() < 0.3)
                    for p in asked
                ],
                [
                    TraceStep(example.id, step, program, parent)
                    for step, (program, parent) in enumerate(zip(asked, parents, strict=True))
                ],
            )
        store.flush()
    return folder
