"""What models learn from: the trials of a history as points of the unit cube."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.history import CODE, History
from shoal.space.cube import Cube
from shoal.space.domain import Array


@dataclass(frozen=True)
class Observed:
    """Trials in the order of their numbers. A failed trial counts as the worst loss of all that are done."""

    numbers: NDArray[np.int_]  # [n] of the trials that ended
    points: Array  # [n, d]
    losses: Array  # [n], finite
    failed: NDArray[np.bool_]  # [n]
    running: Array  # [r, d]


def observe(history: History, cube: Cube) -> Observed:
    n = history.length
    state, value, usable = history.state[:n], history.value[:n], history.usable
    done = usable & ~np.isnan(value)
    failed = usable & (state == CODE["failed"]) & bool(done.any())
    running = usable & np.isin(state, (CODE["running"], CODE["lost"]))
    told = np.flatnonzero(done | failed)
    losses = value[told].copy()
    if failed.any():
        losses[failed[told]] = value[done].max()
    codes = history.x[:n]
    return Observed(told, cube.of_codes(codes[told]), losses, failed[told], cube.of_codes(codes[running]))
