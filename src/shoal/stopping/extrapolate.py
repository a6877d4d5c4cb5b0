"""Stops trials whose learning curve, drawn on to its end, is unlikely to beat the best.

T. Domhan, J. T. Springenberg, F. Hutter: Speeding Up Automatic Hyperparameter Optimization of Deep Neural Networks by
Extrapolation of Learning Curves. IJCAI 2015, section 3.3. `shoal.models.curve` says how curves are drawn on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoal.contracts import GO, Decision
from shoal.errors import StudyError
from shoal.history import History
from shoal.models.curve import CurveEnsemble
from shoal.records import Reported
from shoal.trial import Report

MOST = 60  # reports that a curve is drawn through, the first and the last and an even choice between


@dataclass
class Extrapolate:
    """Settings: the least probability to beat the best, and how many reports must be in."""

    chance: float = 0.05
    reports: int = 4

    def __post_init__(self) -> None:
        if not 0 < self.chance < 1 or self.reports < 3:
            raise StudyError(f"extrapolate needs chance in (0, 1) and reports >= 3, got {self}")

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        open_one = contest(number, report, history, self.reports)
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


def contest(number: int, report: Report | Reported, history: History, least: int) -> tuple[CurveEnsemble, float] | None:
    """The forecast of a trial's curve, and the best loss that it is to beat; None where there is nothing to ask: no
    trial is done, the curve tells too little as yet, or has beaten the best already."""
    best = history.best_value
    curve = None if best is None else curve_of(number, report, history, least)
    if best is None or curve is None or curve[1].min() <= best:
        return None
    return CurveEnsemble(*curve, history.horizon), best


def curve_of(
    number: int, report: Report | Reported, history: History, least: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Budgets and losses of a trial so far; None while there are too few, or at its end."""
    if history.spent(report) >= history.horizon or history.count_reports(number) < least:
        return None
    found = [(history.spent(r), loss) for r in history.reports(number) if (loss := history.loss(r)) is not None]
    found = sorted({spent: loss for spent, loss in found if spent > 0}.items())
    if len(found) < least:
        return None
    if len(found) > MOST:
        found = [found[k] for k in np.linspace(0, len(found) - 1, MOST).astype(int)]
    spent, losses = np.array(found).T
    return spent, losses
