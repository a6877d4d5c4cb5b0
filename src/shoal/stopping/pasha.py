"""Progressive asynchronous successive halving: the largest budget grows only while the ranking of the top two rungs is
unsettled.

O. Bohdal, L. Balles, M. Wistuba, B. Ermis, C. Archambeau, G. Zappella: PASHA: Efficient HPO and NAS with Progressive
Resource Allocation. ICLR 2023. The soft ranking's ε comes from trials whose curves cross and cross back (section 4.2).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shoal.contracts import Decision, Proposal, Search
from shoal.history import History
from shoal.models.rungs import check_eta
from shoal.records import AnyRecord, Ended, Reported
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
        self._grow()

    def tell(self, record: AnyRecord) -> None:
        self._promotion.tell(record)
        if isinstance(record, Reported | Ended) and self._promotion.ladder.reached(record.number) >= 3:
            self._grow()

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        return self._promotion.decide(number, report, history)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        if number >= 0:
            return self._promotion.ask(number, rng)
        used, self._promotion.top = self._promotion.top, len(self._promotion.levels)
        try:
            return self._promotion.ask(number, rng)  # the best is to see the whole budget
        finally:
            self._promotion.top = used

    def _grow(self) -> None:
        """Find the rung up to which trials go, as all that is known says, in whatever order it came."""
        self._promotion.top = min(3, len(self._promotion.levels))
        while self._promotion.top < len(self._promotion.levels) and not self._settled():
            self._promotion.top += 1

    def _settled(self) -> bool:
        """Whether the top two rungs rank their trials alike, but for differences below ε."""
        upper, lower = (self._promotion.ladder.rungs[self._promotion.top - k] for k in (1, 2))
        trials = [trial for _, trial in upper.order[:PAIRED]]
        if len(trials) < 2:
            return True
        epsilon = self._noise(trials)
        pairs = itertools.combinations(trials, 2)
        return all(lower.of[a] <= lower.of[b] + epsilon for a, b in pairs)

    def _noise(self, trials: list[int]) -> float:
        """How much two trials differ whose order changes to and fro while they train."""
        curves = {n: {r.step: v for r in self._history.reports(n) if (v := self._history.loss(r)) is not None}
                  for n in trials}  # fmt: skip
        found = []
        for a, b in itertools.combinations(trials, 2):
            steps = sorted(curves[a].keys() & curves[b].keys())
            gaps = np.array([curves[a][step] - curves[b][step] for step in steps])
            signs = np.sign(gaps[gaps != 0])
            if np.count_nonzero(np.diff(signs)) >= 2:
                found.append(abs(float(gaps[-1])))
        return float(np.percentile(found, PERCENTILE)) if found else 0.0
