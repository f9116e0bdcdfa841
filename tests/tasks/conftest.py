"""Lets the tests of this folder import `permutations` and the scripts that made the data."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "experiments" / "bundled")]
