"""Ctrl-C, SIGTERM and SIGHUP, counted instead of raised: the first asks, the second insists."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)  # a terminal that closes, a scheduler's warning


class Interrupts:
    """While entered, counts the interrupts and wakes who waits. In another thread than the main one it catches
    nothing."""

    def __init__(self) -> None:
        self.count, self.last = 0, ""
        self._woken = threading.Event()
        self._before: dict[int, Any] = {}

    def wait(self, seconds: float) -> None:
        """Wait for an interrupt, at most so long."""
        self._woken.wait(seconds)
        self._woken.clear()

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            heard = [number for number in CAUGHT if signal.getsignal(number) is not signal.SIG_IGN]  # nohup ignores
            self._before = {number: signal.signal(number, self._count) for number in heard}
        return self

    def __exit__(self, *problem: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self.last = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        self._woken.set()
