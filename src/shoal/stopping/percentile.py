"""Stops trials that are not among the best share of those that got as far.

D. Golovin et al.: Google Vizier. KDD 2017, section 3.2.2 (the median of all that got as far); the share and
the warm-up are those of Optuna's PercentilePruner. A trial counts with its best loss so far.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from dataclasses import dataclass

from shoal.contracts import GO, Decision
from shoal.errors import StudyError
from shoal.history import History
from shoal.models.told import Told
from shoal.records import AnyRecord, Reported
from shoal.trial import Report


@dataclass
class Percentile:
    """Settings: the percentage that goes on, how many others must have got as far, the budget before the first look,
    and between two."""

    percentile: float = 25.0
    competitors: int = 5
    warmup: float = 0.0
    interval: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.percentile <= 100 or self.competitors < 1 or not self.warmup >= 0 or not self.interval > 0:
            raise StudyError(
                f"percentile needs percentile in (0, 100], competitors >= 1, warmup >= 0, interval > 0; got {self}"
            )

    def begin(self, history: History) -> None:
        self._history = history
        self._best: dict[int, float] = {}  # trial -> its best loss so far
        self._looked: dict[int, int] = {}  # trial -> the last interval in which it was looked at
        self._at: dict[int, list[float]] = {}  # interval -> the best losses so far of all that reported in it, sorted
        self._in: dict[int, dict[int, float]] = {}  # trial -> the same, of its own
        self._told = Told(history, self._add, self._drop)

    def tell(self, record: AnyRecord) -> None:
        self._told.tell(record)

    def _interval(self, report: Report | Reported) -> int:
        return int(max(self._history.spent(report) - self.warmup, -1.0) // self.interval)

    def _add(self, number: int, report: Report | Reported) -> None:
        loss, place = self._history.loss(report), self._interval(report)
        if loss is None:
            return
        self._best[number] = min(loss, self._best.get(number, math.inf))
        if place > self._looked.get(number, -1):
            self._looked[number] = place
            self._in.setdefault(number, {})[place] = self._best[number]
            insort(self._at.setdefault(place, []), self._best[number])

    def _drop(self, number: int) -> None:
        self._best.pop(number, None)
        self._looked.pop(number, None)
        for place, best in self._in.pop(number, {}).items():
            losses = self._at[place]
            del losses[bisect_left(losses, best)]

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        place = self._interval(report)
        losses = self._at.get(place, [])
        if place < 0 or self._looked.get(number) != place or len(losses) <= self.competitors:
            return GO
        best = self._best[number]
        kept = losses[max(math.ceil(len(losses) * self.percentile / 100.0) - 1, 0)]
        if best <= kept:
            return GO
        return Decision(
            stop=True,
            reason=f"{best * history.sign:.4g} by {history.amount(history.spent(report))} is not among the best "
            f"{self.percentile:g} % of {len(losses)}: {kept * history.sign:.4g}",
        )


@dataclass
class Median(Percentile):
    """The better half goes on."""

    percentile: float = 50.0
