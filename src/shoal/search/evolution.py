"""Regularised evolution: the oldest die, not the worst, so that luck is forgotten.

E. Real, A. Aggarwal, Y. Huang, Q. V. Le: Regularized Evolution for Image Classifier Architecture Search. AAAI 2019,
algorithm 1. The population is the trials with the highest numbers that have ended; a child is the best of a sample of
it with one param changed. For noisy trials, and for spaces of many choices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.records import AnyRecord
from shoal.search.arrivals import Arrivals
from shoal.search.design import Design
from shoal.search.operators import reflect
from shoal.search.tried import Tried
from shoal.space import Params
from shoal.space.cube import Cube

MUTATED: Final = (1,) * 100 + (2,) * 100 + (3,) * 100  # params changed in each try to meet the constraints


@dataclass
class Evolution:
    """Settings: P and S of the paper; how far a number moves, in shares of its range."""

    population: int = 100
    sample: int = 10
    sigma: float = 0.2

    def __post_init__(self) -> None:
        if not 1 <= self.sample <= self.population or not self.sigma > 0:
            raise SpaceError(f"evolution needs 1 <= sample <= population and sigma > 0, got {self}")

    def begin(self, history: History) -> None:
        self._history, self._space = history, history.space
        self._tried, self._arrivals = Tried(history), Arrivals(history)
        self._numeric = [domain.numeric for domain in self._space.searched.values()]
        self._first = Design(Cube(history.space), self._tried, history.definition.seed)

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        self._arrivals.tell(record)

    def _alive(self) -> list[int]:
        """The youngest that are there."""
        absent, alive = self._history.absent, list[int]()
        for number in reversed(self._arrivals.numbers):
            if len(alive) == self.population:
                break
            if number not in absent:
                alive.append(number)
        return alive[::-1]

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        alive = self._alive()
        if len(alive) < self.population or not self._space.names:
            return Proposal(self._first(number, rng), "exploring: the first population")
        sample = [alive[place] for place in rng.choice(len(alive), self.sample, replace=False).tolist()]
        parent = min(sample, key=lambda number: (self._arrivals.loss(number), number))
        point = self._space.encode(self._history.params(parent)).tolist()
        why = ""

        def propose() -> Params:
            nonlocal why
            for count in MUTATED:
                child = list(point)
                genes = rng.choice(len(point), min(count, len(point)), replace=False).tolist()
                for gene in genes:
                    step = child[gene] + self.sigma * rng.standard_normal()
                    child[gene] = reflect(step) if self._numeric[gene] else rng.random()
                params = self._space.at(child)
                if self._space.allows(params):
                    changed = " and ".join(self._space.names[gene] for gene in genes)
                    why = f"trial {self._history.called(parent)} with another {changed}"
                    return params
            why = "random: no change of a good trial met the constraints"
            return self._tried.sample(rng)

        return Proposal(self._tried.draw(propose, rng), why)
