"""Clusters that are not there, or cannot do the work, are told at once and in one line."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import ray
from ray.cluster_utils import Cluster

from polar_search.cluster.config import ClusterConfig
from polar_search.cluster.connection import connected
from polar_search.errors import ClusterError, ConfigError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "--workers of at least 1, received 0"),
        ({"gpus_per_worker": -1.0}, "--gpus-per-worker of a part of one .* received -1.0"),
        ({"gpus_per_worker": 1.5}, "--gpus-per-worker of a part of one .* received 1.5"),
        ({"cpus_per_worker": 2.5}, "--cpus-per-worker of a part of one .* received 2.5"),
        ({"cluster": None, "workers": 2}, "--cluster with --workers .*; add --cluster local"),
        ({"cluster": None, "gpus_per_worker": 1.0}, "--cluster with --workers"),
    ],
)
def test_options_that_cannot_work(options, message):
    with pytest.raises(ConfigError, match=message):
        ClusterConfig(**{"cluster": "local", **options})


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("somewhere", "auto, local or HOST:PORT, received 'somewhere'"),
        ("ray://127.0.0.1:10001", "auto, local or HOST:PORT"),
        ("127.0.0.1:1", "cluster at '127.0.0.1:1', received ConnectionRefusedError"),
        ("no-such-host.invalid:6379", "cluster at 'no-such-host.invalid:6379', received gaierror"),
    ],
)
def test_addresses_where_nobody_is(address, message):
    with (
        pytest.raises((ClusterError, ConfigError), match=message),
        connected(ClusterConfig(address)),
    ):
        pass


def test_ray_that_does_not_start_here(monkeypatch):
    def slow(**_):
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", slow)
    with (
        pytest.raises(
            ClusterError, match=r"on this machine, .* timed out .*the same command again"
        ),
        connected(ClusterConfig("local")),
    ):
        pass


def test_something_else_at_the_address():
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    with (
        pytest.raises(ClusterError, match="no Ray head answers there"),
        connected(ClusterConfig(address)),
    ):
        pass
    server.shutdown()


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    """A head without CPUs, and a node of two CPUs that has other packages than this process."""
    folder = tmp_path_factory.mktemp("packages")
    before = os.environ["PYTHONPATH"]
    cluster = Cluster()
    cluster.add_node(num_cpus=0, include_dashboard=False, object_store_memory=80_000_000)
    os.environ["PYTHONPATH"] = f"{folder}{os.pathsep}{before}"
    cluster.add_node(num_cpus=2, object_store_memory=80_000_000)
    os.environ["PYTHONPATH"] = before
    yield cluster.address, folder
    ray.shutdown()
    cluster.shutdown()


def refused(address, **options):
    """What the cluster is refused with."""
    with pytest.raises(ClusterError) as caught, connected(ClusterConfig(address, **options)):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_more_than_any_node_has(nodes):
    address, _ = nodes
    assert "a node with 1 GPU for each worker, received 2 with 0 at most" in refused(
        address, gpus_per_worker=1.0
    )
    assert "a node with 3 CPU for each worker, received 2 with 2 at most" in refused(
        address, cpus_per_worker=3.0
    )


def pretend(folder, outcome):
    """Let the processes of the node meet `outcome` when they look for the version of ours."""
    (folder / "sitecustomize.py").write_text(
        "import importlib.metadata as m\n"
        "find = m.version\n"
        "def version(name):\n"
        "    if name == 'polar-search':\n"
        f"        {outcome}\n"
        "    return find(name)\n"
        "m.version = version\n"
    )


def test_another_version_on_a_node(nodes):
    address, folder = nodes
    pretend(folder, "return '0.0.7'")
    message = refused(address)
    assert "expected polar-search" in message
    assert "as in this process, received 0.0.7 on" in message


def test_a_node_without_the_package(nodes):
    address, folder = nodes
    pretend(folder, "raise m.PackageNotFoundError(name)")
    assert "on every node, received none on" in refused(address)


def test_the_connection_imports_nothing_slow():
    """A mistake in an address is told before torch is loaded."""
    code = "import sys, polar_search.cluster.connection; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
