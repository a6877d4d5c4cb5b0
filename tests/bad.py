"""Objectives that misbehave, each in its own way; all but the last are picked by ``params["how"]``."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
from typing import Any

from shoal import Halted


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


def undecodable(params: dict[str, Any]) -> Any:
    raise FileNotFoundError(os.fsdecode(b"caf\xe9.csv"))


def halts(params: dict[str, Any]) -> Any:
    raise Halted("enough")


def forks(params: dict[str, Any]) -> Any:
    """One child each ends by sys.exit, by an exception, and by coming back."""
    for way in range(3):
        if not os.fork():
            if way == 2:
                return 100.0
            raise SystemExit(0) if way else ValueError
    return [os.waitstatus_to_exitcode(os.wait()[1]) for _ in range(3)].count(0)


def terminates(params: dict[str, Any]) -> Any:
    os.killpg(0, signal.SIGTERM)


def leaves(params: dict[str, Any]) -> Any:
    os._exit(0)


def real_time(params: dict[str, Any]) -> Any:
    os.kill(os.getpid(), signal.SIGRTMIN + 3)


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
    "undecodable": undecodable,
    "halts": halts,
    "forks": forks,
    "terminates": terminates,
    "leaves": leaves,
    "real-time": real_time,
    "fine": lambda params: 0.5,
}
