"""The way to a cluster: join one or start one, and find out at once whether it can do the work."""

from __future__ import annotations

import logging
import math
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from polar_search.cluster.config import ClusterConfig
from polar_search.cluster.versions import check_versions, reader
from polar_search.errors import ClusterError, ConfigError, one_line

CONNECT_SECONDS = 5.0
PROBE_SECONDS = 60.0
OBJECT_STORE_BYTES = 200_000_000
"""Only ids and counters travel; the default would take a third of the memory."""

GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
SETTINGS = b"\4"
"""How HTTP/2, which Ray speaks, begins (RFC 9113, section 3.4): both sides send their settings."""

ADDRESS = re.compile(r"(?P<host>[\w.-]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})")
AGAIN = "run the same command again, when the machine is less busy or has more memory"
START_ONE = "start one with `ray start --head`, or use --cluster local"


@contextmanager
def connected(config: ClusterConfig) -> Iterator[None]:
    """Be a driver of the cluster that `config` names, and leave it at the end.

    Where this process is in a cluster already, it stays there.

    Raises:
        ConfigError: The address is none.
        ClusterError: There is no such cluster, no node can take a worker, or versions differ.
    """
    joined = not ray.is_initialized()
    if joined:
        _join(config)
    try:
        _check_size(config)
        _check_nodes(config)
        yield
    finally:
        if joined:
            ray.shutdown()


def _join(config: ClusterConfig) -> None:
    # What Ray would report to its makers, and a warning about what it will do one day.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if config.cluster == "local":
        cpus = max(os.cpu_count() or 1, math.ceil(config.workers * config.cpus_per_worker))
        options |= {"num_cpus": cpus, "include_dashboard": False}
        options |= {"object_store_memory": OBJECT_STORE_BYTES}
    elif config.cluster != "auto":
        _check_address(str(config.cluster))
    try:
        ray.init(address=config.cluster, **options)
    except Exception as error:  # that it takes too long to start, Ray tells by just this class
        where = f"at '{config.cluster}'" if ":" in str(config.cluster) else "on this machine"
        remedy = AGAIN if config.cluster == "local" else START_ONE
        raise ClusterError(
            f"expected a Ray cluster {where}, received {one_line(error)}; {remedy}"
        ) from error


def _check_address(address: str) -> None:
    """Find out in seconds that nobody listens; Ray takes minutes."""
    found = ADDRESS.fullmatch(address)
    if not found:
        raise ConfigError(
            f"expected --cluster to be auto, local or HOST:PORT, received '{address}'; correct it"
        )
    try:
        there = (found["host"].strip("[]"), int(found["port"]))
        with socket.create_connection(there, timeout=CONNECT_SECONDS) as connection:
            connection.sendall(GREETING)
            if connection.recv(4)[3:] != SETTINGS:
                raise OSError("something that is no Ray head answers there")
    except OSError as error:
        raise ClusterError(
            f"expected a Ray cluster at '{address}', received {one_line(error)}; {START_ONE}"
        ) from error


def alive_nodes() -> list[dict[str, Any]]:
    """The nodes that are part of the cluster now."""
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    return [node for node in nodes if node["Alive"]]


def _fits(node: Mapping[str, Any], wanted: Mapping[str, float]) -> bool:
    return all(node["Resources"].get(name, 0) >= amount for name, amount in wanted.items())


def _check_size(config: ClusterConfig) -> None:
    """Refuse a worker that no node can ever take; more workers than fit may wait for nodes."""
    wanted, nodes = config.resources(), alive_nodes()
    if any(_fits(node, wanted) for node in nodes) or _grows():
        return
    for name, amount in wanted.items():
        most = max((node["Resources"].get(name, 0) for node in nodes), default=0)
        if most < amount:
            raise ClusterError(
                f"expected a node with {amount:g} {name} for each worker, received {len(nodes)} "
                f"with {most:g} at most; lower --{name.lower()}s-per-worker or add a node"
            )
    raise ClusterError(
        f"expected a node with {describe(wanted)} for a worker, received none that has all of it; "
        "ask less for a worker or add a node"
    )


def _grows() -> bool:
    """Whether an autoscaler may add nodes. Ray's own libraries ask it this way."""
    return ray._private.state.state.get_max_resources_from_cluster_config() is not None


def _check_nodes(config: ClusterConfig) -> None:
    """Compare versions with every node that can take a worker, whatever is installed there."""
    read = ray.remote(num_cpus=0, max_retries=0)(reader())
    nodes = [node for node in alive_nodes() if _fits(node, config.resources())]
    asked = {}
    for node in nodes:
        where = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        asked[node["NodeManagerHostname"]] = read.options(scheduling_strategy=where).remote()
    for host, answer in asked.items():
        try:
            check_versions(host, ray.get(answer, timeout=PROBE_SECONDS))
        except ray.exceptions.GetTimeoutError as error:
            raise ClusterError(
                f"expected an answer from node {host}, received none in {PROBE_SECONDS:g} s; "
                "see `ray status` and the node's log"
            ) from error
        except ray.exceptions.RayError as error:
            raise ClusterError(
                f"expected a process on node {host} that answers, received {one_line(error)}; "
                "see the node's log"
            ) from error


def describe(resources: Mapping[str, float]) -> str:
    """Resources in words."""
    return " and ".join(f"{amount:g} {name}" for name, amount in resources.items()) or "nothing"
