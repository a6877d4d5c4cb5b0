"""The real clock."""

from __future__ import annotations

import time
from collections.abc import Callable


class RealClock:
    """Wall-clock time; peers in a simulation are given a virtual one instead."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


class GivenClock:
    """Time as a function of the user's own tells it, such as ``time.time`` or that of a simulation."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = self.monotonic = now

    sleep = staticmethod(time.sleep)
