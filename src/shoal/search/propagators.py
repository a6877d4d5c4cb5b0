"""What a genetic algorithm is made of: propagators take members of a population and give others, and they compose.

The set of operators is that of Propulate: O. Taubert et al.: Massively Parallel Genetic Optimization Through
Asynchronous Propagation of Populations. ISC High Performance 2023.

>>> import shoal
>>> from shoal.search.propagation import Propagation
>>> from shoal.search.propagators import *
>>> breed = Compose([SelectMin(10), SelectUniform(2), UniformCrossover(0.7), PointMutation(1, probability=0.4)])
>>> study = shoal.Study({"x": (0.0, 1.0), "n": (1, 8)}, search=Propagation(Conditional(10, breed, UniformInit())))
>>> sorted(study.ask().params)
['n', 'x']
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shoal.errors import SpaceError
from shoal.search.operators import reflect
from shoal.search.population import Member, Population, Scene

__all__ = [
    "Compose", "Conditional", "DifferentialMutation", "Either", "IntervalMutation", "MultipleCrossover",
    "PointMutation", "Propagator", "SelectMax", "SelectMin", "SelectUniform", "SigmoidCrossover",
    "UniformCrossover", "UniformInit",
]  # fmt: skip


class Propagator(ABC):
    """Gives members for members. Those of one's own subclass it."""

    @abstractmethod
    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        """``members`` may be the whole population, the best first; what comes out is for the next propagator, and the
        first of the last ones is proposed."""


def _check(propagator: Any) -> None:
    chance, points = propagator.probability, getattr(propagator, "points", 1)
    if not isinstance(chance, (int, float)) or not 0 <= chance <= 1:
        raise SpaceError(f"{type(propagator).__name__} needs a probability in [0, 1], got {chance!r}")
    least, most = (points, points) if isinstance(points, int) else points
    if not 0 < least <= most:
        raise SpaceError(f"{type(propagator).__name__} needs points of 1 or more, or (least, most), got {points!r}")


@dataclass(frozen=True)
class Compose(Propagator):
    """One after the other."""

    parts: Sequence[Propagator]

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        for part in self.parts:
            members = part(members, scene)
        return list(members)


@dataclass(frozen=True)
class Conditional(Propagator):
    """The first where the population has reached ``pop_size``, else the second."""

    pop_size: int
    grown: Propagator
    small: Propagator

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        return (self.grown if len(members) >= self.pop_size else self.small)(members, scene)


@dataclass(frozen=True)
class _Selection(Propagator):
    """All members where there are fewer than ``count``."""

    count: int

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, (int, np.integer)) or self.count < 1:
            raise SpaceError(f"{type(self).__name__} needs a count of 1 or more, got {self.count!r}")


class SelectMin(_Selection):
    """The members with the least losses, the best first."""

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        return _ordered(members)[: self.count]  # type: ignore[return-value]


class SelectMax(_Selection):
    """The members with the greatest losses, the worst first."""

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        return list(_ordered(members)[-self.count :][::-1])


class SelectUniform(_Selection):
    """Any members, without replacement."""

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        count = min(self.count, len(members))
        return [members[place] for place in scene.rng.choice(len(members), count, replace=False).tolist()]


def _ordered(members: Sequence[Member]) -> Sequence[Member]:
    if isinstance(members, Population):
        return members
    return sorted(members, key=lambda member: (member.loss != member.loss, member.loss))


@dataclass(frozen=True)
class Either(Propagator):
    """The first with a probability, else the second."""

    first: Propagator
    second: Propagator
    probability: float = 0.5

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        return (self.first if scene.rng.random() < self.probability else self.second)(members, scene)


# What follows changes the first member, and hands on those that it does not use.


@dataclass(frozen=True)
class UniformInit(Propagator):
    """A point drawn anew from the space, in place of the first member."""

    probability: float = 1.0

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        if len(members) and scene.rng.random() >= self.probability:
            return list(members)
        drawn = Member(scene.rng.random(len(scene.space.names)).tolist(), why="random")
        return [drawn, *members[1:]]


@dataclass(frozen=True)
class PointMutation(Propagator):
    """Some params drawn anew: ``points`` of them, or a number drawn from (least, most)."""

    points: int | tuple[int, int] = 1
    probability: float = 1.0

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        first, genes = members[0], list(range(scene.dimensions))
        if not genes or scene.rng.random() >= self.probability:
            return list(members)
        point, changed = list(first.point), _some(genes, self.points, scene.rng)
        for gene in changed:
            point[gene] = scene.rng.random()
        return [Member(point, why=f"{first.why}, {scene.names(changed)} drawn anew"), *members[1:]]


@dataclass(frozen=True)
class IntervalMutation(Propagator):
    """Some numbers shifted by normal deviates of ``sigma``, in shares of their ranges.

    With ``finer`` the deviation is drawn for each: sigma · 2^(-finer · u³), u uniform in [0, 1], so that any scale down
    to that can be met, as in H. Mühlenbein, D. Schlierkamp-Voosen: Predictive Models for the Breeder Genetic Algorithm.
    Evolutionary Computation 1, 1993.
    """

    sigma: float = 0.05
    probability: float = 1.0
    points: int | tuple[int, int] = 1
    finer: float = 0.0

    def __post_init__(self) -> None:
        _check(self)
        if not self.sigma >= 0 or not self.finer >= 0:
            raise SpaceError(f"IntervalMutation needs sigma >= 0 and finer >= 0, got {self}")

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        first, genes, rng = members[0], scene.numbers, scene.rng
        if not genes or rng.random() >= self.probability:
            return list(members)
        point, changed = list(first.point), _some(genes, self.points, rng)
        for gene in changed:
            sigma = self.sigma * 2.0 ** (-self.finer * rng.random() ** 3)
            point[gene] = reflect(point[gene] + sigma * rng.standard_normal())
        return [Member(point, why=f"{first.why}, {scene.names(changed)} shifted"), *members[1:]]


@dataclass(frozen=True)
class DifferentialMutation(Propagator):
    """All numbers shifted along the difference of the two last members by a normal deviate of ``factor``: steps follow
    the population, down to its extent and along its valleys (R. Storn, K. Price: Differential Evolution. 1997)."""

    factor: float = 1.0
    probability: float = 1.0

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        if len(members) < 3 or scene.rng.random() >= self.probability:
            return list(members)
        first, (ahead, behind) = members[0], members[-2:]
        point, step = list(first.point), self.factor * scene.rng.standard_normal()
        for gene in scene.numbers:
            point[gene] = reflect(point[gene] + step * (ahead.point[gene] - behind.point[gene]))
        why = f"{first.why} + {step:.2g} · ({ahead.number} - {behind.number})"
        return [Member(point, why=why), *members[1:-2]]


@dataclass(frozen=True)
class UniformCrossover(Propagator):
    """Each param from the second member with chance ``mix``, else from the first."""

    probability: float = 1.0
    mix: float = 0.5

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        if len(members) < 2:
            return list(members)
        if scene.rng.random() >= self.probability:
            return [members[0], *members[2:]]
        return [_mixed(members[0], members[1], self.mix, scene), *members[2:]]


@dataclass(frozen=True)
class MultipleCrossover(Propagator):
    """Each param from any of the first ``parents`` members, or of all, with even chances."""

    probability: float = 1.0
    parents: int | None = None

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        count = len(members) if self.parents is None else min(self.parents, len(members))
        parents, rest = members[:count], members[count:]
        if scene.rng.random() >= self.probability:
            return [members[0], *rest]
        picks = scene.rng.integers(count, size=scene.dimensions).tolist()
        point = [parents[pick].point[gene] for gene, pick in enumerate(picks)]
        return [Member(point, why=f"trials {_numbers(parents)} crossed"), *rest]


@dataclass(frozen=True)
class SigmoidCrossover(Propagator):
    """Each param from the second of two members with a chance of 1 / (1 + exp((loss₂ - loss₁) / T)), else from the
    first: the better parent gives more, and the more so the lower the ``temperature`` T (Boltzmann selection)."""

    temperature: float = 1.0
    probability: float = 1.0

    def __post_init__(self) -> None:
        _check(self)
        if not self.temperature > 0:
            raise SpaceError(f"SigmoidCrossover needs a temperature above 0, got {self.temperature!r}")

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        if len(members) < 2:
            return list(members)
        first, second = members[0], members[1]
        if scene.rng.random() >= self.probability:
            return [first, *members[2:]]
        chance = sigmoid((first.loss - second.loss) / self.temperature)
        return [_mixed(first, second, chance, scene), *members[2:]]


def sigmoid(x: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * x))


def _mixed(first: Member, second: Member, chance: float, scene: Scene) -> Member:
    taken = (scene.rng.random(scene.dimensions) < chance).tolist()
    point = [b if other else a for a, b, other in zip(first.point, second.point, taken, strict=True)]
    return Member(point, why=f"trials {_numbers((first, second))} crossed")


def _numbers(members: Sequence[Member]) -> str:
    return " and ".join(member.number for member in members)


def _some(genes: list[int], points: int | tuple[int, int], rng: np.random.Generator) -> list[int]:
    """So many of some params, or as many as there are."""
    least, most = (points, points) if isinstance(points, int) else points
    count = min(least if least == most else int(rng.integers(least, most + 1)), len(genes))
    if count == 1:
        return [genes[int(rng.integers(len(genes)))]]
    return [genes[place] for place in sorted(rng.choice(len(genes), count, replace=False).tolist())]
