"""Settings shared by all tests: repeatable examples, one thread, no network."""

import os

from hypothesis import settings

# Set before anything imports torch or the Hub's client, and handed on to the commands tests start.
os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
