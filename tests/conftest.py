"""Settings of all tests: repeatable examples, one thread, no network; what runs side by side."""

import os

import pytest
from hypothesis import settings

# Set before anything imports torch or the Hub's client, and handed on to the commands tests start.
os.environ |= {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

ONE_AFTER_ANOTHER = ("tests/cluster/", "tests/report/")
"""Where tests start clusters and browsers, which would be slow beside their like."""


def group_of(nodeid: str) -> str:
    """Tests of one group run in one process: those of a file, and all that are heavy."""
    return "heavy" if nodeid.startswith(ONE_AFTER_ANOTHER) else nodeid.partition("::")[0]


def pytest_collection_modifyitems(items):
    """The longest group comes first, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: group_of(item.nodeid) != "heavy")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `--numprocesses`: groups, in their order. (Markers of groups are lost on pytest 9.2.)"""
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    config.option.loadscopereorder = False
    return ByGroup(config, log)
