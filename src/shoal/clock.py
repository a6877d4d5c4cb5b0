"""The real clock."""

from __future__ import annotations

import time


class RealClock:
    """Wall-clock time; peers in a simulation are given a virtual one instead."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)
