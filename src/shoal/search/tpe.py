"""The tree-structured Parzen estimator: proposes where good trials are dense and others are not.

J. Bergstra, R. Bardenet, Y. Bengio, B. Kégl: Algorithms for Hyper-Parameter Optimization. NeurIPS 2011; all params at
once as in S. Watanabe, arXiv:2304.11127, 2023. Running trials count among the others. A proposal costs a millisecond or
so, for ten thousand trials as for a hundred: for trials that last seconds, many peers, and spaces with many conditions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.models.parzen import Parzen
from shoal.models.success import log_success
from shoal.models.threads import one_thread
from shoal.records import AnyRecord
from shoal.search.design import Design
from shoal.search.observed import Observed, Watch
from shoal.search.tried import Tried
from shoal.space.cube import Cube
from shoal.space.domain import Array

MOST: Final = 32  # times as many candidates are drawn at once, where few meet the constraints


@dataclass
class TPE:
    """Settings: trials before the estimate is asked, which share counts as good, and how many places are compared."""

    design: int = 10
    gamma: float = 0.1  # γ, of the trials that are good …
    good: int = 25  # … but never more than so many
    candidates: int = 24  # drawn from the density of the good
    others: int = 500  # at most so many trials make up the other density, evenly chosen

    def __post_init__(self) -> None:
        if not 0 < self.gamma < 1 or min(self.design, self.good, self.candidates, self.others) < 1:
            raise SpaceError(f"tpe needs gamma in (0, 1), design, good, candidates and others >= 1; got {self}")

    def begin(self, history: History) -> None:
        self._cube = Cube(history.space)
        self._watch = Watch(history, self._cube)
        self._tried = Tried(history)
        self._first = Design(self._cube, self._tried, history.definition.seed)

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        self._watch.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        return self.propose(number, self._watch.look(), rng)

    def propose(self, number: int, seen: Observed, rng: np.random.Generator) -> Proposal:
        """As `ask`, with losses as given."""
        n = len(seen.losses)
        if n < self.design or not self._cube.dimensions:
            return Proposal(self._first(number, rng), "exploring: a first look")
        count = min(math.ceil(self.gamma * n), self.good)
        best = _least(seen.losses, count)
        good, rest = np.flatnonzero(best), np.flatnonzero(~best)
        if len(rest) > self.others:
            rest = rest[np.linspace(0, len(rest) - 1, self.others).astype(int)]
        with one_thread():
            good_ones, others = (
                Parzen(points, self._cube)
                for points in (seen.points[good], np.concatenate([seen.points[rest], seen.running]))
            )
            places = self._candidates(good_ones, rng)
            gain = good_ones.log_density(places) - others.log_density(places)
            if seen.failed.any():
                told = np.concatenate([good, rest])
                gain += log_success(places, seen.points[told], seen.failed[told], self._cube)
        for place in np.argsort(-gain, kind="stable"):
            params = self._cube.params(places[place])
            if params not in self._tried:
                return Proposal(
                    params, f"{math.exp(min(gain[place], 700.0)):.3g} times as likely among the best {count} trials"
                )
        why = "random: all else was tried" if len(places) else "random: nothing else met the constraints"
        return Proposal(self._tried.draw(lambda: self._tried.sample(rng), rng), why)

    def _candidates(self, good: Parzen, rng: np.random.Generator) -> Array:
        """Places where the good are dense that meet the constraints; where few do, more are drawn."""
        count, found = self.candidates, np.empty((0, self._cube.dimensions))
        while len(found) < self.candidates and count <= MOST * self.candidates:
            places = self._cube.snap(good.sample(count, rng))
            found, count = np.concatenate([found, places[self._cube.allows(places)]]), 2 * count
        return found[: self.candidates]


def _least(losses: Array, count: int) -> NDArray[np.bool_]:
    """Which are the least so many; of those that tie the first ones, on any processor."""
    last = np.partition(losses, count - 1)[count - 1]
    least: NDArray[np.bool_] = losses < last
    least[np.flatnonzero(losses == last)[: count - int(least.sum())]] = True
    return least
