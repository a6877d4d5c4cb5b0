"""The trials that are done, from the best to the worst, kept in order as they come in."""

from __future__ import annotations

import math
from bisect import bisect_left, insort

from shoal.history import History
from shoal.records import AnyRecord, Ended, Migrated, Started


class Ranking:
    """(loss, number) of each trial that is done, known and not `absent`; a microsecond a record, and 100 bytes."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._losses: dict[int, float] = {}
        self.order: list[tuple[float, int]] = []
        for number in history.ranked():
            if history.inside(number) and number not in history.absent:
                self._losses[number] = float(history.value[number])
                self.order.append((self._losses[number], number))

    def tell(self, record: AnyRecord) -> None:
        if not isinstance(record, (Started, Ended, Migrated)):
            return
        number, history = record.number, self._history
        loss = float(history.value[number])
        if number in history.absent or (loss == loss and not history.inside(number)):
            loss = math.nan
        before = self._losses.get(number, math.nan)
        if before == loss or (before != before and loss != loss):
            return
        if before == before:
            del self.order[bisect_left(self.order, (before, number))]
            del self._losses[number]
        if loss == loss:
            self._losses[number] = loss
            insort(self.order, (loss, number))

    def __len__(self) -> int:
        return len(self.order)
