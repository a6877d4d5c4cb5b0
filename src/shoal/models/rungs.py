"""Rungs: budgets at which trials are compared, r·η^k from the least to the most."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from shoal.errors import StudyError
from shoal.history import CODE, History
from shoal.records import AnyRecord, Ended, Reported
from shoal.space.domain import Array

FEW = 3  # trials at a rung, from which on it can stand for the end


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
    """The losses of all trials that got as far as a level, and did not fail later."""

    level: float
    of: dict[int, float] = field(default_factory=dict)  # trial -> loss
    order: list[tuple[float, int]] = field(default_factory=list)  # (loss, trial), the best first

    def add(self, number: int, loss: float) -> None:
        self.of[number] = loss
        insort(self.order, (loss, number))

    def drop(self, number: int) -> None:
        if number in self.of:
            del self.order[bisect_left(self.order, (self.of.pop(number), number))]

    def rank(self, loss: float) -> int:
        """How many are better."""
        return bisect_left(self.order, (loss, -1))

    def place(self, number: int) -> int:
        """How many are before a trial at this rung; of those that tie, the first."""
        return bisect_left(self.order, (self.of[number], number))

    def __len__(self) -> int:
        return len(self.order)


class Ladder:
    """The rungs of a study, filled as records come in.

    A trial counts at a rung with its first report at or beyond it: steps may be missing, or jump over rungs.
    """

    def __init__(self, history: History, at: list[float], trials: Iterable[int] | None = None) -> None:
        self._history = history
        self.rungs = [Rung(level) for level in at]
        self._reached: dict[int, int] = {}  # trial -> rungs that it got to
        self._when: dict[int, float] = {}  # … and what it had spent when it got to the last of them
        self._losses = np.full((64, len(at)), np.nan)
        for number in range(history.length) if trials is None else trials:
            for report in history.reports(number):
                self.add(number, history.spent(report), history.loss(report))

            if history.state[number] == CODE["failed"]:
                self.drop(number)

    def tell(self, record: AnyRecord) -> None:
        if type(record) is Reported:
            self.add(record.number, self._history.spent(record), self._history.loss(record))
        elif type(record) is Ended and record.outcome == "failed":
            self.drop(record.number)

    def add(self, number: int, spent: float, loss: float | None) -> None:
        reached = self._reached.get(number, 0)
        if loss is None or reached == len(self.rungs) or spent < self.rungs[reached].level:
            return
        self._when[number] = spent
        while reached < len(self.rungs) and spent >= self.rungs[reached].level:
            self.rungs[reached].add(number, loss)
            self._row(number)[reached] = loss
            reached += 1
        self._reached[number] = reached

    def drop(self, number: int) -> None:
        """Forget a trial that failed."""
        for rung in self.rungs[: self._reached.pop(number, 0)]:
            rung.drop(number)
        self._row(number)[:] = np.nan

    def _row(self, number: int) -> Array:
        if number >= len(self._losses):
            more = np.full((max(number + 1, 2 * len(self._losses)) - len(self._losses), len(self.rungs)), np.nan)
            self._losses = np.concatenate([self._losses, more])
        row: Array = self._losses[number]
        return row

    def losses(self, count: int) -> Array:
        """Losses [count, rungs] of the first trials, NaN where they did not get to."""
        self._row(max(count - 1, 0))
        return self._losses[:count]

    def reached(self, number: int) -> int:
        """How many rungs a trial got to."""
        return self._reached.get(number, 0)

    def entered(self, number: int, spent: float) -> Rung | None:
        """The highest rung that a trial got to, if it did so with its report after ``spent``."""
        reached = self._reached.get(number, 0)
        return self.rungs[reached - 1] if reached and self._when[number] == spent else None


def expected(losses: Array) -> Array:
    """What trials are expected to lose at the highest rung that a few of them got to, [n]; NaN where nothing is known.

    ``losses`` are [n, rungs]. From a lower rung, a trial is expected to change as the median of those that got to both.
    """
    counts = np.count_nonzero(~np.isnan(losses), axis=0)
    enough = np.flatnonzero(counts >= FEW)
    top = int(enough[-1]) if len(enough) else 0
    found: Array = losses[:, top].copy()
    for k in range(top - 1, -1, -1):
        both = ~np.isnan(losses[:, top]) & ~np.isnan(losses[:, k])
        open_ones = np.isnan(found) & ~np.isnan(losses[:, k])
        found[open_ones] = losses[open_ones, k] + np.median(losses[both, top] - losses[both, k])
    return found


def even_levels(least: float, most: float, eta: float) -> list[float]:
    """Budgets from the least to the most, each about η times the one before; whole numbers where both ends are."""
    count = max(round(math.log(most / least) / math.log(eta)), 1) + 1 if most > least else 1
    found: list[float] = np.geomspace(least, most, count).tolist()
    if least == int(least) and most == int(most):
        found = sorted({float(round(level)) for level in found})
    return found


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th …"""
    tail = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{tail}"
