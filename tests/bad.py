"""Objectives that misbehave, each in its own way; all but the last are picked by ``params["how"]``."""

from __future__ import annotations

import multiprocessing
import os
import resource
import subprocess
import sys
import threading
from typing import Any


def objective(params: dict[str, Any]) -> Any:
    return HOW[params["how"]](params)


def raises(params: dict[str, Any]) -> Any:
    raise ValueError("the learning rate exploded")


def exits(params: dict[str, Any]) -> Any:
    sys.exit(3)


def crashes(params: dict[str, Any]) -> Any:
    os.kill(os.getpid(), 11)


def devours(params: dict[str, Any]) -> Any:
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    return len(bytearray(64 << 30))


def loops(params: dict[str, Any]) -> Any:
    while True:
        pass


def babbles(params: dict[str, Any]) -> Any:
    for _ in range(5_000):
        print("x" * 1_000)
    return 1.0


def spawns(params: dict[str, Any]) -> Any:
    assert subprocess.run(["cat"], capture_output=True, timeout=60, check=True).stdout == b""
    child = multiprocessing.get_context("fork").Process(target=threading.Event().wait, args=(600,))
    child.start()
    child.terminate()
    child.join(60)
    return 0.0 if child.exitcode == -15 else child.exitcode


HOW: dict[str, Any] = {
    "raises": raises,
    "exits": exits,
    "crashes": crashes,
    "devours": devours,
    "loops": loops,
    "babbles": babbles,
    "spawns": spawns,
    "nan": lambda params: float("nan"),
    "infinity": lambda params: {"loss": float("inf")},
    "text": lambda params: "0.5",
    "none": lambda params: None,
    "true": lambda params: True,
    "complex": lambda params: 1j,
    "empty": lambda params: {},
    "elsewhere": lambda params: {"accuracy": 0.5},
    "param": lambda params: {"loss": 0.5, "how": 1.0},
    "huge": lambda params: 10**400,
    "listed": lambda params: {"loss": 0.1, "curve": [1, 2]},
    "fine": lambda params: 0.5,
}
