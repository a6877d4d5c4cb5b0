"""The trials that have ended, in the order of their numbers, whatever order the news of them came in."""

from __future__ import annotations

import math
from bisect import bisect_left, insort

import numpy as np

from shoal.fold import CODE
from shoal.history import History
from shoal.records import AnyRecord, Ended, Migrated, Started


class Arrivals:
    """Numbers of trials that count, each with its loss: infinite for one that failed.

    ``changed`` is the least place in ``numbers`` from which on they are not what they were when it was last reset.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        n = history.length
        ended = history.usable & (~np.isnan(history.value[:n]) | (history.state[:n] == CODE["failed"]))
        self.numbers: list[int] = np.flatnonzero(ended).tolist()
        self.changed = 0

    def tell(self, record: AnyRecord) -> int | None:
        """Take note; the number of a trial that now counts, that no longer does, or that left its island or is back."""
        if type(record) is Migrated:
            return record.number
        if type(record) is not Ended and type(record) is not Started:
            return None
        number = record.number
        loss = self._history.value[number]
        counts = (loss == loss or self._history.state[number] == CODE["failed"]) and self._history.inside(number)
        place = bisect_left(self.numbers, number)
        there = place < len(self.numbers) and self.numbers[place] == number
        if not counts and not there:
            return None
        if counts and not there:
            insort(self.numbers, number)
        elif not counts:
            del self.numbers[place]
        self.changed = min(self.changed, place)
        return number

    def loss(self, number: int) -> float:
        loss = float(self._history.value[number])
        return math.inf if loss != loss else loss
