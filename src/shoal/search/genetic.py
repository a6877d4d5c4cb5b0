"""A genetic algorithm without generations: any trial that has ended can be a parent at once.

O. Taubert et al.: Massively Parallel Genetic Optimization Through Asynchronous Propagation of Populations (Propulate).
ISC High Performance 2023; the probabilities are those of its default propagator, whose interval mutation is joined by
steps of all scales and by steps along the differences of others. Proposals cost microseconds, whatever the number of
trials: for many cheap trials and many peers.

Log domains are varied in log space: all operators work on the unit cube. Other compositions of operators are to be had
from `shoal.search.propagators`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.records import AnyRecord
from shoal.search.propagation import Propagation
from shoal.search.propagators import (
    Compose,
    Conditional,
    DifferentialMutation,
    Either,
    IntervalMutation,
    MultipleCrossover,
    PointMutation,
    Propagator,
    SelectMin,
    SelectUniform,
    SigmoidCrossover,
    UniformCrossover,
    UniformInit,
)


@dataclass
class Genetic:
    """Settings: the breeding population, and with which probability each operator is applied to a child."""

    pop_size: int = 20  # the best finished trials, from which parents are drawn
    crossover: float = 0.7  # each param from one of the parents, with even chances
    mutation: float = 0.4  # some params drawn anew
    random: float = 0.1  # all params drawn anew
    sigma: float = 0.1  # interval mutation: of a normal deviate, in shares of a number's range …
    finer: float = 16.0  # … at most; down to 2^-finer of that
    differential: float = 0.3  # along the difference of two others, in place of the mutations
    parents: int = 2
    points: int | tuple[int, int] = 1  # how many params a mutation draws anew, or (least, most)
    temperature: float | None = None  # in units of the loss: of two parents, the better one gives more

    def __post_init__(self) -> None:
        shares = {name: getattr(self, name) for name in ("crossover", "mutation", "random", "differential")}
        wrong = [f"{name}={share!r}" for name, share in shares.items() if not 0 <= share <= 1]
        if wrong or not 2 <= self.parents <= self.pop_size or not self.sigma >= 0 or not self.finer >= 0:
            raise SpaceError(
                f"genetic needs probabilities in [0, 1], 2 <= parents <= pop_size, sigma and finer >= 0; got {self}"
            )
        if self.temperature is not None and self.parents != 2:
            raise SpaceError(f"genetic needs parents=2 with a temperature, got {self.parents}")
        self._child = self.breeding()

    def breeding(self) -> Propagator:
        """What makes a child of a population."""
        mutation = Compose([
            PointMutation(self.points, self.mutation), IntervalMutation(self.sigma, points=(1, 2), finer=self.finer)
        ])  # fmt: skip
        return Compose([
            SelectMin(self.pop_size), SelectUniform(self.parents + 2), self._mate(),
            Either(DifferentialMutation(), mutation, self.differential), UniformInit(self.random),
        ])  # fmt: skip

    def _mate(self) -> Propagator:
        if self.temperature is not None:
            return SigmoidCrossover(self.temperature, self.crossover)
        return (
            UniformCrossover(self.crossover) if self.parents == 2 else MultipleCrossover(self.crossover, self.parents)
        )

    def begin(self, history: History) -> None:
        enough = min(self.pop_size, 2 + len(history.space.names))
        self._search = Propagation(Conditional(enough, self._child, UniformInit()))
        self._search.begin(history)

    def tell(self, record: AnyRecord) -> None:
        self._search.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        return self._search.ask(number, rng)
