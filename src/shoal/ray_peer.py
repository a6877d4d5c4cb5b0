"""The actors that the Ray engine starts: one for each peer, and a bell that tells them to stop."""

from __future__ import annotations

import asyncio
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
        self._orders: dict[str, list[float]] = {}
        self._rung = asyncio.Condition()

    async def ring(self, peer: str, seconds: float) -> None:
        async with self._rung:
            self._orders.setdefault(peer, []).append(seconds)
            self._rung.notify_all()

    async def wait(self, peer: str, heard: int) -> float:
        """The seconds of the order to a peer that comes after those that it has heard; may be asked again."""
        async with self._rung:
            await self._rung.wait_for(lambda: len(self._orders.get(peer, ())) > heard)
            return self._orders[peer][heard]


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

        heard = 0
        while True:
            try:
                seconds = ray.get(self._bell.wait.remote(peer.name, heard))
            except ray.exceptions.RayError:
                return  # it is gone with whoever rang it, and so will this process be
            peer.stop("the study is being stopped", seconds)
            heard += 1


def _end(*told: object) -> NoReturn:
    """Ray's own handler raises SystemExit, which would look as if the trial that runs had called sys.exit: it is lost
    with this process instead, and run again."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a process outlives no SIGKILL")
