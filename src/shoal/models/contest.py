"""What a trial's learning curve, drawn on to its end, lets expect beside the best trial that is done.

A forecast is trusted as far as those of the best trials that are done have proved right at the same place.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

import numpy as np

from shoal.fold import FINISHED
from shoal.history import History
from shoal.models.curve import CurveEnsemble
from shoal.models.told import Told
from shoal.records import AnyRecord, Ended, Reported
from shoal.space.domain import Array
from shoal.trial import Report

COMPARED = 10  # trials of which the forecasts are looked back at: the best
MOST = 60  # reports that a curve is drawn through, the first and the last and an even choice between


class Contest:
    """Follows the curves of the trials that are not finished, report by report: a decision takes no longer the more
    there are. A study's rule tells it of each record."""

    def __init__(self, history: History) -> None:
        self._history, self._hindsight = history, Hindsight(history)
        self._curves: dict[int, Curve] = {}
        unfinished = np.flatnonzero(history.state[: history.length] < FINISHED).tolist()
        self._told = Told(history, self._add, self._drop, unfinished)

    def tell(self, record: AnyRecord) -> None:
        self._told.tell(record)
        if type(record) is Ended and self._history.finished(record.number):
            self._drop(record.number)

    def _add(self, number: int, report: Report | Reported) -> None:
        self._curves.setdefault(number, Curve(self._history)).add(report)

    def _drop(self, number: int) -> None:
        self._curves.pop(number, None)

    def entry(self, number: int, report: Report | Reported, least: int) -> tuple[CurveEnsemble, float] | None:
        """The forecast of a trial's curve, and the best loss that it is to beat; None where there is nothing to ask: no
        trial is done, the curve tells too little as yet, or has beaten the best already."""
        best, spent, horizon = self._history.best_value, self._history.spent(report), self._history.horizon
        curve = self._curves.get(number)
        if best is None or curve is None or spent >= horizon or len(curve) < least or curve.lowest <= best:
            return None
        return CurveEnsemble(*curve.thinned(len(curve)), horizon, self._hindsight.off(spent, least)), best


class Curve:
    """Budgets above 0 and losses of a trial so far, in the order of budgets; of two at one budget, the later."""

    def __init__(self, history: History, reports: Iterable[Report] = ()) -> None:
        self._history = history
        self.steps, self.losses = list[float](), list[float]()
        self.lowest = math.inf
        for report in reports:
            self.add(report)

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, report: Report | Reported) -> None:
        loss, spent = self._history.loss(report), self._history.spent(report)
        if loss is None or spent <= 0:
            return
        place = bisect_left(self.steps, spent)
        if place < len(self.steps) and self.steps[place] == spent:
            self.losses[place] = loss
            self.lowest = min(self.losses)
        else:
            self.steps.insert(place, spent)
            self.losses.insert(place, loss)
            self.lowest = min(self.lowest, loss)

    def thinned(self, count: int) -> tuple[Array, Array]:
        """Steps and losses of the first so many: the first and the last of these, and an even choice between."""
        kept = np.linspace(0, count - 1, min(count, MOST)).astype(int).tolist()
        return np.array([self.steps[k] for k in kept]), np.array([self.losses[k] for k in kept])


class Hindsight:
    """How far off the forecasts of trials that are done were, when they had come as far as a trial now.

    What no curve of the ensemble tells, as that losses fall only after some epochs, is seen there; of the best trials,
    since one like them is what must not be stopped.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._best: tuple[int, list[int]] = 0, []  # how many were done, and which were the best
        self._curves: dict[int, Curve] = {}
        self._squares: dict[tuple[int, int, float], float] = {}

    def off(self, spent: float, least: int) -> float:
        """The root of the mean square of what forecasts were off after so much of the budget; 0 where none was made."""
        done = self._history.counts["done"]
        if self._best[0] != done:
            self._best = done, self._history.ranked(COMPARED)
        found = []
        for number in self._best[1]:
            if number not in self._curves:
                self._curves[number] = Curve(self._history, self._history.reports(number))
            curve = self._curves[number]
            count = bisect_right(curve.steps, spent)
            if least <= count < len(curve):
                found.append(self._square(number, curve, count))
        found = [square for square in found if square < math.inf]  # what diverged says nothing of the others
        return math.sqrt(sum(found) / len(found)) if found else 0.0

    def _square(self, number: int, curve: Curve, count: int) -> float:
        key = number, count, self._history.horizon
        if key not in self._squares:
            ensemble = CurveEnsemble(*curve.thinned(count), self._history.horizon)
            off = ensemble.mean - float(self._history.value[number])
            self._squares[key] = off * off
        return self._squares[key]
