"""The actors that the Ray engine starts: one for each peer, and a bell that tells them to stop."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import sys
import threading
from typing import Any, NoReturn

from shoal.errors import ShoalError
from shoal.peer import Peer
from shoal.worker import keep_log, work


class Bell:
    """Rings for single peers, and says how many seconds they have left. Each waits for it beside its loop, which has
    the main thread, as what is tuned may need: Ray would run no other method of that actor meanwhile."""

    def __init__(self) -> None:
        self._rung: dict[str, asyncio.Queue[float]] = {}

    async def ring(self, peer: str, seconds: float) -> None:
        self._of(peer).put_nowait(seconds)

    async def wait(self, peer: str) -> float:
        return await self._of(peer).get()

    def _of(self, peer: str) -> asyncio.Queue[float]:
        return self._rung.setdefault(peer, asyncio.Queue())


class RayPeer:
    """Runs the loop of one peer."""

    def __init__(self, order: dict[str, Any], code: bytes, bell: Any) -> None:
        import ray

        gpus = ray.get_runtime_context().get_accelerator_ids()["GPU"]
        self._order = {**order, "device": "cuda:0" if gpus else "cpu"}
        self._code, self._bell = code, bell
        if os.path.isdir(order["folder"]):  # else the code came with Ray's own working_dir, or is installed
            os.chdir(order["folder"])
            sys.path[:] = [*order["path"], *(place for place in sys.path if place not in order["path"])]
        keep_log()

    def ready(self) -> None:
        """Answers once the peer has been given a place."""

    def run(self) -> dict[str, str]:
        """Run trials until the study ends; returns the reason, or the error, in words."""
        signal.signal(signal.SIGTERM, _end)
        try:
            return {"reason": work(self._order, self._code, self._begin, lambda number, attempt: None)}
        except ShoalError as error:
            return {"error": str(error)}

    def _begin(self, peer: Peer) -> None:
        threading.Thread(target=self._listen, args=(peer,), name="shoal-orders", daemon=True).start()

    def _listen(self, peer: Peer) -> None:
        import ray

        while True:
            try:
                seconds = ray.get(self._bell.wait.remote(peer.name))
            except ray.exceptions.RayError:
                return  # it is gone with whoever rang it, and so will this process be
            peer.stop("the study is being stopped" if seconds < math.inf else "the study was defined anew", seconds)


def _end(*told: object) -> NoReturn:
    """Ray's own handler raises SystemExit, which would look as if the trial that runs had called sys.exit: it is lost
    with this process instead, and run again."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process outlives no SIGKILL")
