"""Real Ray clusters for the tests: the one that `scripts/services` starts, and one of a test's own, which it
may kill. A test whose Ray is absent is skipped by name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import psutil
import pytest

from conftest import wait_until

if TYPE_CHECKING:
    from shoal.stores.ray import RayStore

RAY = Path(sys.executable).parent / "ray"


def cluster(client: bool = False) -> str:
    """The address of the cluster that all tests share; with ``client``, that of its head for processes elsewhere."""
    address = os.environ.get("SHOAL_TEST_RAY_CLIENT" if client else "SHOAL_TEST_RAY")
    if not address or find_spec("ray") is None:
        pytest.skip("no Ray here: it is not installed, or SHOAL_TEST_RAY is not set; see scripts/services")
    return address


def ray_store() -> RayStore:
    """An empty store in an actor of the cluster that all tests share; the same actor for all, as one takes its time."""
    address = cluster()
    store = _kept(address)
    for name in store.studies():
        store.remove(name)
    return store


@cache
def _kept(address: str) -> RayStore:
    from shoal.stores.ray import RayStore, connect

    class Kept(RayStore):
        def close(self) -> None:
            """The next test needs it; the actor ends when no one has called for a while."""

    connect(address)
    return Kept(f"sqlite:///{mkdtemp(prefix='shoal-ray-')}/study.db")


class Node:
    """A node of a cluster."""

    def __init__(self, place: int, log: Path, *arguments: str) -> None:
        for _ in range(4):  # a raylet gives up where its agent takes 15 s to start
            with log.open("w") as said:
                self._process = subprocess.Popen(
                    [RAY, "start", *arguments, "--block", f"--node-ip-address=127.0.0.{place}",
                     f"--dashboard-agent-listen-port={7000 + place}", "--object-store-memory=100000000"],
                    env={**os.environ, "RAY_raylet_start_wait_time_s": "40"},
                    stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
                )  # fmt: skip
            wait_until(lambda: self._process.poll() is not None or "Ray runtime started" in log.read_text(), 100)
            if self._process.poll() is None:
                return
        raise AssertionError(log.read_text())

    def kill(self) -> None:
        """As a machine dies: all at once. Workers have groups of their own, and would live on for a while."""
        if self._process.poll() is None:
            main = psutil.Process(self._process.pid)
            for process in [*main.children(recursive=True), main]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.wait()


@contextmanager
def one_more_node(folder: Path, cpus: int) -> Iterator[Node]:
    """A node of the test's own in the cluster that all tests share."""
    place = 20 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    node = Node(place, folder / "node.log", f"--address={cluster()}", f"--num-cpus={cpus}")
    try:
        yield node
    finally:
        node.kill()


@contextmanager
def cluster_of_its_own(folder: Path, port: int) -> Iterator[list[Node]]:
    """A head, and one node that the trials run on; to kill the head, and start another in its place."""
    cluster()
    made: list[Node] = []
    try:
        made.append(head(folder, port))
        made.append(Node(11, folder / "node.log", f"--address=127.0.0.10:{port}", "--num-cpus=3"))
        yield made
    finally:
        for node in made:
            node.kill()
        rmtree(short(folder), ignore_errors=True)


def head(folder: Path, port: int) -> Node:
    return Node(10, folder / "head.log", "--head", f"--port={port}", f"--ray-client-server-port={port + 1}",
                "--num-cpus=1", "--include-dashboard=false", f"--temp-dir={short(folder)}")  # fmt: skip


def short(folder: Path) -> Path:
    """Where a head keeps its sockets, whose paths may not be long."""
    place = Path("/tmp") / f"shoal-ray-{os.getpid()}-{folder.name[-8:]}"
    place.mkdir(exist_ok=True)
    return place
