"""Several metrics at once: a tree-structured Parzen estimator whose good trials are those that no other one beats.

Y. Ozaki, Y. Tanigaki, S. Watanabe, M. Nomura, M. Onishi: Multiobjective Tree-Structured Parzen Estimator. JAIR 73,
2022; within a front the loneliest trials come first, as in NSGA-II (Deb et al. 2002), where they take hypervolume.
The study's own metric is the first of them; a trial that lacks one of the others counts as the worst there.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field

import numpy as np

from shoal.contracts import Proposal
from shoal.history import History
from shoal.models.fronts import check_goals, check_told, known, order, others_of
from shoal.records import AnyRecord
from shoal.search.observed import Observed, Watch
from shoal.search.tpe import TPE
from shoal.space.cube import Cube
from shoal.space.domain import Array


@dataclass
class Pareto:
    """Settings: the other metrics with their goals, "minimize" or "maximize"; the rest are those of tpe."""

    others: dict[str, str] = field(default_factory=dict)
    design: int = 10
    gamma: float = 0.1
    good: int = 25
    candidates: int = 24

    def __post_init__(self) -> None:
        check_goals(self.others)
        self._tpe = TPE(self.design, self.gamma, self.good, self.candidates)

    def begin(self, history: History) -> None:
        self._history, self._watch = history, Watch(history, Cube(history.space))
        self._known: dict[int, list[float]] = {}  # trial -> its other losses
        self._tpe.begin(history)

    def tell(self, record: AnyRecord) -> None:
        self._watch.tell(record)
        self._tpe.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        seen = self._watch.look()
        place = np.empty(len(seen.losses))
        place[order(self._losses(seen))] = np.arange(len(place))
        proposal = self._tpe.propose(number, dataclasses.replace(seen, losses=place), rng)
        metrics = ", ".join([self._history.definition.metric, *self.others])
        return dataclasses.replace(proposal, why=f"{proposal.why} (by the Pareto front of {metrics})")

    def _losses(self, seen: Observed) -> Array:
        """All losses [n, m], smaller is better; what is not there counts as the worst that is."""
        rest = np.array([self._others(n, bool(f)) for n, f in zip(seen.numbers.tolist(), seen.failed, strict=True)])
        rest = rest.reshape(len(seen.losses), len(self.others))
        ended = np.array([self._history.finished(n) for n in seen.numbers.tolist()], dtype=bool)
        check_told(rest[ended & ~seen.failed], self.others)
        return known(np.column_stack([seen.losses, rest]))

    def _others(self, number: int, failed: bool) -> list[float]:
        if failed:
            return [math.nan] * len(self.others)
        if number in self._known:
            return self._known[number]
        told = self._history.metrics(number)
        if not told and (reports := self._history.reports(number)):
            told = reports[-1].metrics
        found = others_of(told, self.others)
        if self._history.finished(number):
            self._known[number] = found
        return found
