"""Lets the tests of this folder, and the workers they start, import `clustering`."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
import ray

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [HERE, os.environ.get("PYTHONPATH")]))
# Otherwise Ray makes itself a token in the home folder; all of this stays on loopback.
os.environ["RAY_AUTH_MODE"] = "disabled"


@pytest.fixture(scope="session", autouse=True)
def short_folder():
    """Ray's sockets need short paths, and a folder of their own keeps other clusters apart."""
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    before = {name: os.environ.get(name) for name in ("RAY_TMPDIR", "RAY_ADDRESS")}
    os.environ["RAY_TMPDIR"] = folder
    os.environ.pop("RAY_ADDRESS", None)
    yield folder
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def four_cpus(short_folder):
    """This process in a cluster of four CPUs, as far as Ray knows; commands in it stay there."""
    options = {"include_dashboard": False, "logging_level": "ERROR", "log_to_driver": False}
    ray.init(address="local", num_cpus=4, object_store_memory=100_000_000, **options)
    yield
    ray.shutdown()
