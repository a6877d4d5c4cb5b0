"""Stops trials whose learning curve, drawn on to its end, is unlikely to beat the best.

T. Domhan, J. T. Springenberg, F. Hutter: Speeding Up Automatic Hyperparameter Optimization of Deep Neural Networks by
Extrapolation of Learning Curves. IJCAI 2015, section 3.3. `shoal.models.curve` says how curves are drawn on.
"""

from __future__ import annotations

from dataclasses import dataclass

from shoal.contracts import GO, Decision
from shoal.errors import StudyError
from shoal.history import History
from shoal.models.contest import Contest
from shoal.records import AnyRecord, Reported
from shoal.trial import Report


@dataclass
class Extrapolate:
    """Settings: the least probability to beat the best, and how many reports must be in."""

    chance: float = 0.05
    reports: int = 4

    def __post_init__(self) -> None:
        if not 0 < self.chance < 1 or self.reports < 3:
            raise StudyError(f"extrapolate needs chance in (0, 1) and reports >= 3, got {self}")

    def begin(self, history: History) -> None:
        self._contest = Contest(history)

    def tell(self, record: AnyRecord) -> None:
        self._contest.tell(record)

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        entry = self._contest.entry(number, report, self.reports)
        if entry is None:
            return GO
        ensemble, best = entry
        chance = ensemble.chance_below(best)
        if chance >= self.chance:
            return GO
        return Decision(
            stop=True,
            reason=f"expected to end at {ensemble.mean * history.sign:.4g} ± {ensemble.deviation:.2g}: "
            f"{chance:.1%} chance to beat {best * history.sign:.4g}",
        )
