"""Freeze and thaw: a free peer goes on with the paused trial that promises most, or begins a new one.

K. Swersky, J. Snoek, R. P. Adams: Freeze-Thaw Bayesian Optimization. 2014. A joint model over params and budget
foresees where every curve ends, and how sure that is. At each rung as many go on as in asynchronous successive halving
(L. Li et al. 2020), which bounds what a wrong model can cost, and more where the rung does not foresee the next: in
turn the trial that is expected to improve most on the best that came to its end, and the best there. The first passes
over trials that are like one whose end is known. A part of the budget goes to trials that are not paused: new ones, and
those of which the model expects most, from whichever rung.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from shoal.contracts import Decision, Proposal, Search
from shoal.history import History
from shoal.models.features import Features
from shoal.models.foreseen import Curves
from shoal.models.joint import Joint
from shoal.models.rungs import Rung, check_eta
from shoal.models.threads import one_thread
from shoal.records import AnyRecord, Reported
from shoal.space.cube import Cube
from shoal.space.domain import Array
from shoal.stopping.promotion import Promotion
from shoal.trial import Report

FEWEST = 8  # trials that have reported, before the model is trusted


@dataclass
class Freeze:
    """Settings: the reduction factor η."""

    needs_budget: ClassVar[bool] = True
    eta: float = 3.0

    def __post_init__(self) -> None:
        check_eta(self.eta)

    def around(self, search: Search) -> None:
        self._promotion = Promotion(self.eta, adapt=True)
        self._promotion.around(search)

    def begin(self, history: History) -> None:
        self._history = history
        self._promotion.begin(history)
        self._promotion.pick = self._pick
        self._promotion.favourite = self._favourite
        self._cube = Cube(history.space)
        self._features = Features(self._cube)
        self._joint = Joint(self._features.group, history.definition.seed % 2**63)
        self._told = np.empty(0)  # losses at rungs, as the model knows them

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
        favourite = None if gone % 2 else self._favourite([number for _, number in waiting])
        return waiting[0][1] if favourite is None else favourite

    def _favourite(self, numbers: list[int]) -> int | None:
        """The trial that is expected to improve most; None while the model is not trusted."""
        if len(self._promotion.ladder.rungs[0]) < FEWEST:
            return None
        with one_thread():
            self._learn()
            promise = self._joint.log_improvement(self._coordinates(numbers))
        return max(zip(promise.tolist(), (-number for number in numbers), numbers, strict=True))[2]

    def _learn(self) -> None:
        """Bring the model up to date: every rung that a trial got to is an observation."""
        history, ladder = self._history, self._promotion.ladder
        told = np.flatnonzero(history.usable & ~np.isnan(ladder.losses(history.length)).all(1))
        losses = ladder.losses(history.length)[told]
        if not np.array_equal(losses, self._told, equal_nan=True):
            self._told = losses
            self._joint.tell(self._coordinates(told), Curves(losses, ladder.times(history.length)[told]))

    def _coordinates(self, numbers: Sequence[int] | NDArray[np.int_]) -> Array:
        return self._features(self._cube.of_codes(self._history.x[numbers]))
