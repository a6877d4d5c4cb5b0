"""Stops trials that fall behind the curve of the best finished one.

What Propulate's static surrogate is for (O. Taubert et al.: Massively Parallel Genetic Optimization through
Asynchronous Propagation of Populations. ISC 2023; its StaticSurrogate), for losses of any sign: a trial may be behind
by a share of the baseline's own loss there; where the curve has losses of both signs, or of 0, by a share of their mean
size.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from shoal.contracts import GO, Decision
from shoal.errors import StudyError
from shoal.fold import DONE
from shoal.history import History
from shoal.records import AnyRecord, Ended, Reported
from shoal.trial import Report


@dataclass
class Baseline:
    """Settings: the margin. 0.8 lets a trial's loss be a quarter worse, 1 / 0.8, than the baseline at the same step."""

    margin: float = 0.8

    def __post_init__(self) -> None:
        if not 0 < self.margin <= 1:
            raise StudyError(f"baseline needs a margin in (0, 1], got {self.margin!r}")

    def begin(self, history: History) -> None:
        self._history = history
        self._of: int | None = None
        self._look()

    def tell(self, record: AnyRecord) -> None:
        if type(record) is Ended:
            self._look()

    def _look(self) -> None:
        """Follow the best finished trial, whichever peer ran it; one that was stopped never is."""
        history, best = self._history, self._history.best
        if best is None or best == self._of or history.state[best] != DONE:
            return
        self._of = best
        found = [(history.spent(r), loss) for r in history.reports(best) if (loss := history.loss(r)) is not None]
        self._spent = [spent for spent, _ in found]
        self._losses = [loss for _, loss in found]
        alike = all(loss > 0 for loss in self._losses) or all(loss < 0 for loss in self._losses)
        self._unit = None if alike else sum(map(abs, self._losses)) / len(found)

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        loss, spent = history.loss(report), history.spent(report)
        if self._of is None or loss is None or not self._losses:
            return GO
        place = bisect_right(self._spent, spent) - 1
        if place < 0:
            return GO
        baseline = self._losses[place]
        unit = abs(baseline) if self._unit is None else self._unit
        allowed = baseline + unit * (1.0 / self.margin - 1.0)
        if loss <= allowed or loss <= min(self._losses):
            return GO
        return Decision(
            stop=True,
            reason=f"{loss * history.sign:.4g} at {history.amount(spent)} is worse than "
            f"{baseline * history.sign + 0.0:.4g} of trial {self._of} there, by more than the margin {self.margin:g}",
        )
