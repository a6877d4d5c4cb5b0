"""A study on some store, and supervisors with peers that work on it, each a process that may be struck."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

HERE = Path(__file__).parent
SUPERVISE = HERE / "supervise.py"
PATIENCE = 180.0  # seconds that anything may take


class Crew:
    """Supervisors that work in ``folder`` on one study; none of them, nor of their peers, is left when it is over.

    ``options`` are arguments of `shoal.tune`. A trial takes ``seconds``, until `hurry`.
    """

    def __init__(self, folder: Path, url: str, trials: int, seconds: float = 0.05, **options: Any) -> None:
        self.folder, self.url, self.name, self.trials = folder, url, "struck", trials
        self.options: dict[str, Any] = {
            "seconds": seconds, "trials": trials, "search": "random", "seed": 0, "retries": 1000, "progress": False,
            "store": url, "name": self.name, **options,
        }  # fmt: skip
        self.supervisors: list[subprocess.Popen[bytes]] = []
        shutil.copy(HERE / "train.py", folder / "train.py")

    def start(self, workers: int, environment: Mapping[str, str] | None = None, launcher: Sequence[str] = (),
              **options: Any) -> subprocess.Popen[bytes]:  # fmt: skip
        """Start a supervisor with so many peers."""
        order = self.folder / f"order-{len(self.supervisors)}.json"
        order.write_text(json.dumps({**self.options, "workers": workers, **options}))
        said = self.folder / f"supervisor-{len(self.supervisors)}.txt"
        with said.open("wb") as output:
            process = subprocess.Popen(
                [*launcher, sys.executable, str(SUPERVISE), str(order)], cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **(environment or {})},
                start_new_session=True,
            )  # fmt: skip
        self.supervisors.append(process)
        return process

    def said(self, supervisor: subprocess.Popen[bytes]) -> str:
        """What a supervisor printed."""
        return (self.folder / f"supervisor-{self.supervisors.index(supervisor)}.txt").read_text()

    def running(self) -> list[subprocess.Popen[bytes]]:
        return [supervisor for supervisor in self.supervisors if supervisor.poll() is None]

    def peers(self) -> list[psutil.Process]:
        """The processes of the peers that run."""
        return [peer for supervisor in self.running() for peer in peers_of(supervisor.pid)]

    def hurry(self) -> None:
        """Let trials take no time from now on."""
        (self.folder / "hurry").touch()

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for what must come while supervisors work. Raises RuntimeError when it cannot, or does not, come."""
        end, pause = time.monotonic() + PATIENCE, threading.Event()
        while not condition():
            if not self.running() or time.monotonic() > end:
                said = "\n".join(self.said(supervisor)[-1000:] for supervisor in self.supervisors)
                raise RuntimeError(f"what must come did not come; the supervisors said:\n{said}")
            pause.wait(0.02)

    def wait(self) -> None:
        """Wait until each supervisor has ended, and well. Raises RuntimeError where one did not."""
        for supervisor in self.running():
            try:
                code = supervisor.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                code = -1
            if code:
                raise RuntimeError(f"a supervisor ended with {code}:\n{self.said(supervisor)[-3000:]}")

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        peers = self.peers()
        for supervisor in self.running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(supervisor.pid, signal.SIGKILL)
            supervisor.wait()
        for peer in peers:
            with contextlib.suppress(psutil.Error):
                peer.kill()  # one that is frozen hears nothing else
        psutil.wait_procs(peers, PATIENCE)


def peers_of(pid: int) -> list[psutil.Process]:
    """The peers that a supervisor has started."""
    found = []
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children():
            with contextlib.suppress(psutil.Error):  # it died meanwhile
                if "shoal.worker" in child.cmdline():
                    found.append(child)
    return found
