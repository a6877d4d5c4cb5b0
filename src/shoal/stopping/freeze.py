"""Freeze and thaw: a free peer goes on with the paused trial that promises most, or begins a new one.

K. Swersky, J. Snoek, R. P. Adams: Freeze-Thaw Bayesian Optimization. 2014. A joint model over params and budget
foresees where every curve ends; at each rung the best 1/η by that forecast go on, as in asynchronous successive halving
(L. Li et al. 2020), which bounds what a wrong model can cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shoal.contracts import Decision, Proposal, Search
from shoal.errors import StudyError
from shoal.history import History
from shoal.models.features import Features
from shoal.models.joint import Joint
from shoal.models.rungs import Rung, aligned, check_eta
from shoal.models.threads import one_thread
from shoal.records import AnyRecord, Reported
from shoal.space.cube import Cube
from shoal.space.domain import Array
from shoal.stopping.promotion import Promotion
from shoal.trial import Report

FEWEST = 8  # trials that have reported, before the model is trusted


@dataclass
class Freeze:
    """Settings: the reduction factor η, and how many deviations a forecast is taken below its mean."""

    needs_budget: ClassVar[bool] = True
    eta: float = 3.0
    optimism: float = 0.0

    def __post_init__(self) -> None:
        check_eta(self.eta)
        if not math.isfinite(self.optimism):
            raise StudyError(f"freeze needs a finite optimism, got {self.optimism!r}")

    def around(self, search: Search) -> None:
        self._search = search

    def begin(self, history: History) -> None:
        self._history = history
        self._promotion = Promotion(self.eta)
        self._promotion.around(self._search)
        self._promotion.begin(history)
        self._promotion.pick = self._pick
        self._cube = Cube(history.space)
        self._features = Features(self._cube)
        self._joint = Joint(self._features.group, history.definition.seed % 2**63)
        self._told = 0
        self._foreseen = np.empty(0)

    def tell(self, record: AnyRecord) -> None:
        self._promotion.tell(record)

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        return self._promotion.decide(number, report, history)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        return self._promotion.ask(number, rng)

    def _pick(self, rung: Rung, waiting: list[tuple[float, int]], allowed: int) -> int | None:
        """One of the trials that wait at a rung, in turn the one that is foreseen to end best and the best there;
        as many go on as are allowed to."""
        until = self._history.until
        gone = sum(until(number) > rung.level for number in rung.of)
        if gone >= allowed:
            return None
        if gone % 2 or len(self._promotion.ladder.rungs[0]) < FEWEST:
            return waiting[0][1]
        with one_thread():
            self._foresee()
        return min((number for _, number in waiting), key=lambda number: (self._foreseen[number], number))

    def _foresee(self) -> None:
        """Where the curves of all trials end, in the units of the model."""
        history, ladder = self._history, self._promotion.ladder
        n = history.length
        losses = aligned(ladder.losses(n))
        known = ~np.isnan(losses) & history.usable[:, None]
        count = int(np.count_nonzero(known))
        if count == self._told and len(self._foreseen) == n:
            return
        self._told = count
        rows, rungs = np.nonzero(known)
        x = self._features(self._cube.of_codes(history.x[:n]))
        top = max(len(ladder.rungs) - 1, 1)
        self._joint.tell(_with(x[rows], rungs / top), losses[rows, rungs])
        mean, deviation = self._joint.predict(_with(x, np.ones(n)))
        weights = self._joint.weights[:, None]
        self._foreseen = (weights * (mean - self.optimism * deviation)).sum(0)


def _with(x: Array, budget: Array) -> Array:
    return np.column_stack([x, budget])
