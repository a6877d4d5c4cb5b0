"""Stops trials whose learning curve, drawn on to its end, is unlikely to beat the best.

T. Domhan, J. T. Springenberg, F. Hutter: Speeding Up Automatic Hyperparameter Optimization of Deep Neural Networks by
Extrapolation of Learning Curves. IJCAI 2015, section 3.3. `shoal.models.curve` says how curves are drawn on. A forecast
is trusted as far as those of the best trials that are done have proved right at the same place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from shoal.contracts import GO, Decision
from shoal.errors import StudyError
from shoal.history import History
from shoal.models.curve import CurveEnsemble
from shoal.records import Reported
from shoal.space.domain import Array
from shoal.trial import Report

COMPARED = 10  # trials of which the forecasts are looked back at: the best
MOST = 60  # reports that a curve is drawn through, the first and the last and an even choice between


@dataclass
class Extrapolate:
    """Settings: the least probability to beat the best, and how many reports must be in."""

    chance: float = 0.05
    reports: int = 4

    def __post_init__(self) -> None:
        if not 0 < self.chance < 1 or self.reports < 3:
            raise StudyError(f"extrapolate needs chance in (0, 1) and reports >= 3, got {self}")

    def begin(self, history: History) -> None:
        self._hindsight = Hindsight()

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        open_one = contest(number, report, history, self.reports, self._hindsight)
        if open_one is None:
            return GO
        ensemble, best = open_one
        chance = ensemble.chance_below(best)
        if chance >= self.chance:
            return GO
        return Decision(
            stop=True,
            reason=f"expected to end at {ensemble.mean * history.sign:.4g} ± {ensemble.deviation:.2g}: "
            f"{chance:.1%} chance to beat {best * history.sign:.4g}",
        )


class Hindsight:
    """How far off the forecasts of trials that are done were, when they had come as far as a trial now.

    What no curve of the ensemble tells, as that losses fall only after some epochs, is seen there; of the best trials,
    since one like them is what must not be stopped.
    """

    def __init__(self) -> None:
        self._best: tuple[int, list[int]] = 0, []  # how many were done, and which were the best
        self._curves: dict[int, tuple[Array, Array]] = {}
        self._squares: dict[tuple[int, int, float], float] = {}

    def off(self, spent: float, history: History, least: int) -> float:
        """The root of the mean square of what forecasts were off after so much of the budget; 0 where none was made."""
        done = history.counts["done"]
        if self._best[0] != done:
            self._best = done, history.ranked(COMPARED)
        found = []
        for number in self._best[1]:
            if number not in self._curves:
                self._curves[number] = told_of(number, history)
            steps, losses = self._curves[number]
            count = int(np.searchsorted(steps, spent, side="right"))
            if least <= count < len(steps):
                found.append(self._square(number, steps[:count], losses[:count], history))
        found = [square for square in found if square < math.inf]  # what diverged says nothing of the others
        return math.sqrt(sum(found) / len(found)) if found else 0.0

    def _square(self, number: int, steps: Array, losses: Array, history: History) -> float:
        key = number, len(steps), history.horizon
        if key not in self._squares:
            ensemble = CurveEnsemble(*thinned(steps, losses), history.horizon)
            off = ensemble.mean - float(history.value[number])
            self._squares[key] = off * off
        return self._squares[key]


def contest(
    number: int, report: Report | Reported, history: History, least: int, hindsight: Hindsight
) -> tuple[CurveEnsemble, float] | None:
    """The forecast of a trial's curve, and the best loss that it is to beat; None where there is nothing to ask: no
    trial is done, the curve tells too little as yet, or has beaten the best already."""
    best, spent = history.best_value, history.spent(report)
    if best is None or spent >= history.horizon or history.count_reports(number) < least:
        return None
    steps, losses = told_of(number, history)
    if len(steps) < least or losses.min() <= best:
        return None
    off = hindsight.off(spent, history, least)
    return CurveEnsemble(*thinned(steps, losses), history.horizon, off), best


def told_of(number: int, history: History) -> tuple[Array, Array]:
    """Budgets above 0 and losses of a trial so far."""
    found = {history.spent(r): loss for r in history.reports(number) if (loss := history.loss(r)) is not None}
    told = np.array(sorted((spent, loss) for spent, loss in found.items() if spent > 0)).reshape(-1, 2)
    return told[:, 0], told[:, 1]


def thinned(steps: Array, losses: Array) -> tuple[Array, Array]:
    """The first and the last, and an even choice between."""
    kept = np.linspace(0, len(steps) - 1, min(len(steps), MOST)).astype(int)
    return steps[kept], losses[kept]
