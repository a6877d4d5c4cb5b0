"""Differential evolution without generations: each trial challenges the holder of a place in the population.

R. Storn, K. Price: Differential Evolution. Journal of Global Optimization 11, 1997; rand/1 mutation, binomial crossover
and their settings as in DEHB: N. Awad, N. Mallik, F. Hutter. IJCAI 2021. Trial k challenges place k mod P, and holds it
if it is better than all that challenged before, so that the population does not depend on the order in which trials
end. For thousands of cheap trials of many numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.records import AnyRecord
from shoal.search.arrivals import Arrivals
from shoal.search.design import Design
from shoal.search.holders import Holders
from shoal.search.operators import reflect
from shoal.search.tried import Tried
from shoal.space import Params
from shoal.space.cube import Cube


@dataclass
class DE:
    """Settings: P, F and p of DEHB."""

    population: int = 20
    mutation: float = 0.5
    crossover: float = 0.5

    def __post_init__(self) -> None:
        if self.population < 4 or not 0 < self.mutation <= 2 or not 0 <= self.crossover <= 1:
            raise SpaceError(f"de needs population >= 4, mutation in (0, 2] and crossover in [0, 1], got {self}")

    def begin(self, history: History) -> None:
        self._history, self._space = history, history.space
        self._tried, self._arrivals = Tried(history), Arrivals(history)
        self._first = Design(Cube(history.space), self._tried, history.definition.seed)
        self._places = Holders(history, self._arrivals, self.population)

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        number = self._arrivals.tell(record)
        if number is not None:
            self._places.tell(number)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        holders = self._places.held
        if len(holders) < max(4, self.population // 2) or not self._space.names:
            return Proposal(self._first(number, rng), "exploring: the first population")
        places = sorted(holders)
        number += len(self._history.definition.start)
        _, target, base = holders.get(number % self.population) or holders[places[number % len(places)]]
        others = [place for place in places if holders[place][1] != target]
        parents: list[int] = []

        def propose() -> Params:
            nonlocal parents
            for _ in range(100):
                drawn = [holders[others[pick]] for pick in rng.choice(len(others), 3, replace=False).tolist()]
                parents = [holder[1] for holder in drawn]
                mutant = drawn[0][2] + self.mutation * (drawn[1][2] - drawn[2][2])
                taken = rng.random(len(base)) < self.crossover
                taken[rng.integers(len(base))] = True
                params = self._space.at([reflect(unit) for unit in np.where(taken, mutant, base).tolist()])
                if self._space.allows(params):
                    return params
            return self._tried.sample(rng)

        params = self._tried.draw(propose, rng)
        first, second, third, target = (self._history.called(number) for number in (*parents, target))
        return Proposal(params, f"trial {target} crossed with {first} + {self.mutation:g} · ({second} - {third})")
