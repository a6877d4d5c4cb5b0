"""A genetic algorithm without generations: any trial that has ended can be a parent at once.

O. Taubert et al.: Massively Parallel Genetic Optimization Through Asynchronous Propagation of Populations (Propulate).
ISC High Performance 2023; the operators and probabilities are those of its default propagator. Proposals cost
microseconds,
whatever the number of trials: for many cheap trials and many peers.

Log domains are varied in log space: all operators work on the unit cube.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.records import AnyRecord, Ended, Started
from shoal.search.operators import reflect
from shoal.search.tried import Tried
from shoal.space import Params


@dataclass
class Genetic:
    """Settings: the breeding population, and with which probability each operator is applied to a child."""

    pop_size: int = 20  # the best finished trials, from which two parents are drawn
    crossover: float = 0.7  # each param from either parent, with even chances
    mutation: float = 0.4  # one param drawn anew
    random: float = 0.1  # all params drawn anew
    sigma: float = 0.05  # interval mutation of one number: normal, in shares of its range

    def __post_init__(self) -> None:
        shares = {"crossover": self.crossover, "mutation": self.mutation, "random": self.random}
        wrong = [f"{name}={share!r}" for name, share in shares.items() if not 0 <= share <= 1]
        if wrong or self.pop_size < 2 or not self.sigma >= 0:
            raise SpaceError(f"genetic needs probabilities in [0, 1], pop_size >= 2, sigma >= 0; got {self}")

    def begin(self, history: History) -> None:
        self._history, self._space = history, history.space
        self._tried = Tried(history)
        self._numbers = [i for i, domain in enumerate(self._space.searched.values()) if domain.numeric]
        self._best: list[tuple[float, int, list[float]]] = []  # loss, number, unit point; the best first
        self._recruit()

    def _recruit(self) -> None:
        """Make up the population from the whole history."""
        self._best = []
        for number in self._history.ranked():
            if len(self._best) < self.pop_size:
                self._admit(number)

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        if type(record) is Started:
            if any(number == record.number for _, number, _ in self._best):
                self._recruit()  # a parent is run again: it is none for now
            else:
                self._admit(record.number)  # its end may have been told before its start
        elif type(record) is Ended:
            self._admit(record.number)

    def _admit(self, number: int) -> None:
        loss = float(self._history.value[number])
        if loss != loss or (len(self._best) >= self.pop_size and (loss, number) >= self._best[-1][:2]):
            return
        if self._history.inside(number) and all(member[1] != number for member in self._best):
            insort(self._best, (loss, number, self._space.encode(self._history.params(number)).tolist()))
            del self._best[self.pop_size :]

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        why = ""

        def propose() -> Params:
            nonlocal why
            for _ in range(100):
                params, why = self._child(rng)
                if self._space.allows(params):
                    return params
            why = "random"
            return self._space.sample(rng)

        return Proposal(self._tried.draw(propose, rng), why)

    def _child(self, rng: np.random.Generator) -> tuple[Params, str]:
        dimensions = len(self._space.names)
        if not dimensions or len(self._best) < min(self.pop_size, 2 + dimensions) or rng.random() < self.random:
            return self._space.sample(rng), "random"
        first, second = rng.choice(len(self._best), 2, replace=False).tolist()
        (_, mother, child), (_, father, other) = self._best[first], self._best[second]
        child, why = list(child), f"trial {mother}"
        if rng.random() < self.crossover:
            child = [
                b if other_one else a
                for a, b, other_one in zip(child, other, rng.random(dimensions) < 0.5, strict=True)
            ]
            why = f"trials {mother} and {father} crossed"
        if rng.random() < self.mutation:
            gene = int(rng.integers(dimensions))
            child[gene] = rng.random()
            why += f", {self._space.names[gene]} drawn anew"
        if self._numbers:
            gene = self._numbers[int(rng.integers(len(self._numbers)))]
            child[gene] = reflect(child[gene] + self.sigma * rng.standard_normal())
            why += f", {self._space.names[gene]} shifted"
        return self._space.at(child), why
