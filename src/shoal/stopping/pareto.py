"""Asynchronous successive halving by several metrics: at each rung only the best 1/η by Pareto front go on.

R. Schmucker, M. Donini, M. B. Zafar, D. Salinas, C. Archambeau: Multi-objective Asynchronous Successive Halving. arXiv
2106.12639, 2021; within a front the loneliest trials come first, as in NSGA-II (Deb et al. 2002), where they take an
epsilon net. The study's own metric is the first of them; what a report lacks of the others counts as the worst there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from shoal.contracts import GO, Decision
from shoal.history import History
from shoal.models.fronts import check_goals, check_told, known, order, others_of
from shoal.models.rungs import check_eta, levels, ordinal
from shoal.models.told import Told
from shoal.records import AnyRecord, Reported
from shoal.trial import Report

LATEST = 500  # rivals that a trial is compared with


@dataclass
class ParetoASHA:
    """Settings: the other metrics with their goals, "minimize" or "maximize"; the reduction factor η; and the budget
    before the first rung."""

    at_rungs: ClassVar[bool] = True
    others: dict[str, str] = field(default_factory=dict)
    eta: float = 3.0
    grace: float | None = None  # r; the least budget by default

    def __post_init__(self) -> None:
        check_goals(self.others)
        check_eta(self.eta, self.grace)

    def begin(self, history: History) -> None:
        budget = history.definition.budget
        least = self.grace or (budget.least if budget else 1.0)
        self._last = budget.most if budget else math.inf
        self._levels = levels(least, self._last, self.eta)
        self._rungs: list[dict[int, list[float]]] = [{} for _ in self._levels]  # trial -> its losses there
        self._when: dict[int, tuple[int, int]] = {}  # … -> rungs that it got to, and the step of the report that did
        self._history = history
        self._told = Told(history, self._add, self._drop, failures=False)

    def tell(self, record: AnyRecord) -> None:
        self._told.tell(record)

    def _add(self, number: int, report: Report | Reported) -> None:
        """A trial counts at a rung with its first report at or beyond it."""
        loss, spent = self._history.loss(report), self._history.spent(report)
        before = self._when[number][0] if number in self._when else 0
        reached = sum(level <= spent for level in self._levels)
        if loss is None or reached <= before:
            return
        for rung in self._rungs[before:reached]:
            rung[number] = [loss, *others_of(report.metrics, self.others)]
        self._when[number] = reached, report.step

    def _drop(self, number: int) -> None:
        self._when.pop(number, None)
        for rung in self._rungs:
            rung.pop(number, None)

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        reached, when = self._when.get(number, (0, -1))
        spent = history.spent(report)
        if when != report.step or spent >= self._last or len(self._rungs[reached - 1]) < self.eta:
            return GO  # it passed its rung before, or the rung holds too few to tell
        rung = self._rungs[reached - 1]
        rivals = [rival for rival in sorted(rung) if rival != number][-LATEST:]
        told = np.array([rung[rival] for rival in [*rivals, number]])
        check_told(told[:, 1:], self.others)
        losses = known(told)
        if losses[-1, 0] < losses[:-1, 0].min():
            return GO  # the leader of the study's own metric, however many others its front has
        alike = np.all(losses == losses[-1], axis=1)  # those that tie share the best of their places
        place, count = int(np.flatnonzero(alike[order(losses)])[0]), len(losses)
        if place < max(math.ceil(count / self.eta), 1):
            return GO
        metrics = ", ".join([history.definition.metric, *self.others])
        return Decision(
            stop=True,
            reason=f"at {self._history.amount(spent)} it is the {ordinal(place + 1)} of {count} by the Pareto front of "
            f"{metrics}, not among the best 1/{self.eta:.3g}",
        )
