"""Where the trials of a history lie in the unit cube, each translated once."""

from __future__ import annotations

import numpy as np

from shoal.history import History
from shoal.records import AnyRecord, Started
from shoal.space.cube import Cube
from shoal.space.domain import Array


class Places:
    """The points of all trials, one row a trial's number [n, d]; NaN where inactive, unknown, or outside."""

    def __init__(self, history: History, cube: Cube) -> None:
        self._history, self._cube = history, cube
        self._points = np.empty((0, cube.dimensions))
        self._new = list(range(history.length))

    def tell(self, record: AnyRecord) -> None:
        if type(record) is Started:
            self._new.append(record.number)

    def look(self) -> Array:
        """The points, those of trials that began since the last look among them."""
        n, held = self._history.length, len(self._points)
        if n > held:
            more = np.full((max(n, 2 * held) - held, self._cube.dimensions), np.nan)
            self._points = np.concatenate([self._points, more])
        if self._new:
            self._points[self._new] = self._cube.of_codes(self._history.x[self._new])
            self._new = []
        return self._points
