"""The operators of genetic algorithms: mutations and crossovers."""

from __future__ import annotations

from shoal.dialects.propulate.limits import Limits, genes_of
from shoal.dialects.propulate.propagators.base import Operator, Propagator, Rng
from shoal.search import propagators as native


class PointMutation(Operator):
    def __init__(self, limits: Limits, points: int = 1, probability: float = 1.0, rng: Rng = None) -> None:
        _fits(self, points, genes_of(limits)[0])
        super().__init__(native.PointMutation(points, probability), limits, rng)


class RandomPointMutation(Operator):
    def __init__(
        self, limits: Limits, min_points: int = 1, max_points: int = 1, probability: float = 1.0, rng: Rng = None
    ) -> None:
        _fits(self, max_points, genes_of(limits)[0])
        super().__init__(native.PointMutation((min_points, max_points), probability), limits, rng)


class IntervalMutationNormal(Operator):
    def __init__(
        self, limits: Limits, sigma_factor: float = 0.1, points: int = 1, probability: float = 1.0, rng: Rng = None
    ) -> None:
        _fits(self, points, genes_of(limits)[1])
        super().__init__(native.IntervalMutation(sigma_factor, probability, points), limits, rng)


class CrossoverUniform(Operator):
    def __init__(self, relative_parent_contribution: float = 0.5, probability: float = 1.0, rng: Rng = None) -> None:
        super().__init__(native.UniformCrossover(probability, 1.0 - relative_parent_contribution), rng=rng)


class CrossoverMultiple(Operator):
    def __init__(self, parents: int = -1, probability: float = 1.0, rng: Rng = None) -> None:
        super().__init__(native.MultipleCrossover(probability), rng=rng)


class CrossoverSigmoid(Operator):
    def __init__(self, temperature: float = 1.0, probability: float = 1.0, rng: Rng = None) -> None:
        super().__init__(native.SigmoidCrossover(temperature, probability), rng=rng)


def _fits(propagator: Propagator, points: int, genes: int) -> None:
    if points > genes:
        raise ValueError(f"{type(propagator).__name__}: {points} points cannot be changed where there are {genes}")
