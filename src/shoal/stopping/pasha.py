"""Progressive asynchronous successive halving: the largest budget grows only while the ranking of the top two rungs is
unsettled.

O. Bohdal, L. Balles, M. Wistuba, B. Ermis, C. Archambeau, G. Zappella: PASHA: Efficient HPO and NAS with Progressive
Resource Allocation. ICLR 2023. The soft ranking's ε comes from trials whose curves cross and cross back (section 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from shoal.contracts import Decision, Proposal, Search
from shoal.history import History
from shoal.models.rungs import check_eta
from shoal.records import AnyRecord, Ended, Reported, Started
from shoal.space.domain import Array
from shoal.stopping.promotion import Promotion
from shoal.trial import Report

PERCENTILE = 90  # of the differences between trials whose order changes back and forth
PAIRED = 30  # trials of the top rung whose curves are compared, the best of them


@dataclass
class PASHA:
    """Settings: the reduction factor η, and the budget of the first rung."""

    needs_budget: ClassVar[bool] = True
    eta: float = 3.0
    grace: float | None = None

    def __post_init__(self) -> None:
        check_eta(self.eta, self.grace)

    def around(self, search: Search) -> None:
        self._promotion = Promotion(self.eta, self.grace)
        self._promotion.around(search)

    def begin(self, history: History) -> None:
        self._history = history
        self._promotion.begin(history)
        self._stale = True

    def tell(self, record: AnyRecord) -> None:
        compared = self._compared(record)  # it may leave, as one that fails, or join
        self._promotion.tell(record)
        self._stale = self._stale or compared or self._compared(record)

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        return self._promotion.decide(number, report, history)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        if number >= 0:
            if self._stale:
                self._grow()
            return self._promotion.ask(number, rng)
        used, self._promotion.top = self._promotion.top, len(self._promotion.levels)
        try:
            return self._promotion.ask(number, rng)  # the best is to see the whole budget
        finally:
            self._promotion.top = used

    def _compared(self, record: AnyRecord) -> bool:
        """Whether a record's trial is among the best of a rung in use, by which is found how many are."""
        if not isinstance(record, Started | Reported | Ended):
            return False
        number, used = record.number, self._promotion.ladder.rungs[1 : self._promotion.top]
        return any(number in rung.of and rung.place(number) < PAIRED for rung in used)

    def _grow(self) -> None:
        """Find the rung up to which trials go, as all that is known says, in whatever order it came."""
        self._promotion.top = min(2, len(self._promotion.levels))
        while self._promotion.top < len(self._promotion.levels) and not self._settled():
            self._promotion.top += 1
        self._stale = False

    def _settled(self) -> bool:
        """Whether the top two rungs rank their trials alike, but for differences below ε. One that began from another's
        checkpoint, under another rule, may be at the upper alone."""
        upper, lower = (self._promotion.ladder.rungs[self._promotion.top - k] for k in (1, 2))
        trials = list(islice((trial for _, trial in upper.order if trial in lower.of), PAIRED))
        before = np.array([lower.of[trial] for trial in trials])
        worst = np.maximum.accumulate(before)  # of those that come before, at the upper rung
        off = float((worst[:-1] - before[1:]).max(initial=0.0))
        return off == 0.0 or off <= self._noise(trials)

    def _noise(self, trials: list[int]) -> float:
        """How much two trials differ whose order changes to and fro while they train."""
        curves = [self._curve(number) for number in trials]
        at = {step: k for k, step in enumerate(sorted(set().union(*curves)))}
        losses = np.full((len(trials), len(at)), np.nan)
        for row, curve in enumerate(curves):
            losses[row, [at[step] for step in curve]] = list(curve.values())
        first, second = np.triu_indices(len(trials), 1)
        gaps = losses[first] - losses[second]
        gaps = gaps[_crossings(gaps) >= 2]
        if not len(gaps):
            return 0.0
        last = gaps.shape[1] - 1 - np.argmax(~np.isnan(gaps[:, ::-1]), axis=1)  # the step that both told
        return float(np.percentile(np.abs(gaps[np.arange(len(gaps)), last]), PERCENTILE))

    def _curve(self, number: int) -> dict[float, float]:
        told = ((report.step, self._history.loss(report)) for report in self._history.reports(number))
        return {step: loss for step, loss in told if loss is not None}


def _crossings(gaps: Array) -> NDArray[np.intp]:
    """How often each row changes its sign; zero and NaN have none."""
    signs = np.where(np.isnan(gaps), 0.0, np.sign(gaps))
    latest = np.maximum.accumulate(np.where(signs != 0, np.arange(signs.shape[1]), 0), axis=1)
    held = np.take_along_axis(signs, latest, axis=1)  # the sign of the step, or that of the last which had one
    found: NDArray[np.intp] = np.sum(held[:, 1:] * held[:, :-1] < 0, axis=1)
    return found
