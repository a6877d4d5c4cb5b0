"""Rungs: budgets at which trials are compared, r·η^k from the least to the most."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from dataclasses import dataclass, field

from shoal.errors import StudyError
from shoal.history import History
from shoal.records import AnyRecord, Reported


def levels(least: float, most: float, eta: float, whole: bool = True) -> list[float]:
    """r, r·η, r·η² … below the most, and the most itself; whole numbers where both ends are."""
    if not eta > 1:
        raise StudyError(f"eta must be above 1, got {eta!r}")
    whole = whole and least == int(least) and (math.isinf(most) or most == int(most))
    found: list[float] = []
    level, k = least, 0
    while level < most and k < 64:
        if not found or level > found[-1]:
            found.append(level)
        k += 1
        level = least * eta**k
        level = float(round(level)) if whole else level
    return found if math.isinf(most) else [*found, most]


@dataclass
class Rung:
    """The losses of all trials that got as far as a level, sorted."""

    level: float
    losses: list[float] = field(default_factory=list)
    of: dict[int, float] = field(default_factory=dict)  # trial -> loss

    def add(self, number: int, loss: float) -> None:
        if number not in self.of:
            self.of[number] = loss
            insort(self.losses, loss)

    def rank(self, loss: float) -> int:
        """How many are better."""
        return bisect_left(self.losses, loss)

    def __len__(self) -> int:
        return len(self.losses)


class Ladder:
    """The rungs of a study, filled as records come in.

    A trial counts at a rung with its first report at or beyond it: steps may be missing, or jump over rungs.
    """

    def __init__(self, history: History, at: list[float]) -> None:
        self._history = history
        self.rungs = [Rung(level) for level in at]
        self._reached: dict[int, int] = {}  # trial -> rungs that it got to
        for number in range(history.length):
            for report in history.reports(number):
                self.add(number, history.spent(report), history.loss(report))

    def tell(self, record: AnyRecord) -> None:
        if type(record) is Reported:
            self.add(record.number, self._history.spent(record), self._history.loss(record))

    def add(self, number: int, spent: float, loss: float | None) -> None:
        reached = self._reached.get(number, 0)
        if loss is None or reached == len(self.rungs) or spent < self.rungs[reached].level:
            return
        while reached < len(self.rungs) and spent >= self.rungs[reached].level:
            self.rungs[reached].add(number, loss)
            reached += 1
        self._reached[number] = reached

    def reached(self, number: int) -> int:
        """How many rungs a trial got to."""
        return self._reached.get(number, 0)


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th …"""
    tail = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{tail}"
