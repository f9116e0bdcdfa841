"""Label files as other tools write them, for a model of 6 layers."""

import gzip
import json

LAYERS = 6
BASE = [0, 1, 2, 3, 4, 5]
SKIPS = [0, 1, 4, 5]
ONE_TWICE = [0, 1, 1, 2, 3, 4, 5]
BLOCK_TWICE = [0, 1, 2, 1, 2, 3, 4, 5]
FIVE_TIMES = [0, 1, 1, 1, 1, 1, 2, 3, 4, 5]
LONG_BLOCK = [*range(5), *range(5), 5]
BACK_AND_FORTH = [0, 2, 1, 3, 4, 5]


def merged(number, **fields):
    """A sample as PoLar has it."""
    return {
        "question": f"What is {number} + 1?",
        "gt_ans": str(number + 1),
        "final_valid_transitions": [BASE, ONE_TWICE, FIVE_TIMES],
        "final_invalid_transitions": [SKIPS, BLOCK_TWICE],
        "initial_score": 1.0,
        **fields,
    }


def repolar(number):
    """A sample as RE-PoLar has it: no question, and the search."""
    steps = [(BASE, None, 0.0), (SKIPS, BASE, 0.0), (BLOCK_TWICE, SKIPS, 1.0), (SKIPS, BASE, 0.0)]
    return {
        "final_valid_transitions": [BLOCK_TWICE],
        "final_invalid_transitions": [BASE, SKIPS],
        "initial_transition_metric": 0.0,
        "sample_info": {
            "query_id": f"math-{number:04d}",
            "domain": "algebra",
            "math_level": 3,
            "source": "math",
            "fail_rate": 0.25,
            "tot_n_samples": 40,
            "difficulty": 2,
        },
        "search_trajectory": [
            {"path": path, "parent_path": parent, "reward": reward}
            for path, parent, reward in steps
        ],
    }


def write(path, content):
    """A label file; compressed where its name says so."""
    raw = json.dumps(content).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path
