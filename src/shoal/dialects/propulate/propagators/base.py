"""What all propagators are, selections, initialisation, and what composes them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from shoal.dialects.propulate.limits import Limits, space_of
from shoal.dialects.propulate.population import Individual
from shoal.dialects.propulate.translation import individuals_of, members_of
from shoal.errors import SpaceError
from shoal.search import propagators as native
from shoal.search.population import Scene

Rng = random.Random | None


class Propagator:
    """Takes individuals and gives individuals. ``parents`` and ``offspring`` are for people to read."""

    limits: Limits | None = None
    native: native.Propagator | None = None  # its counterpart; None for one's own

    def __init__(self, parents: int = 0, offspring: int = 0, rng: Rng = None) -> None:
        self.parents, self.offspring, self.rng = parents, offspring, rng

    def __call__(self, inds: Any) -> Any:
        """Individuals made of individuals: a list of them, or one."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __call__(inds)")


class Stochastic(Propagator):
    """One that is applied with a probability."""

    def __init__(self, parents: int = 0, offspring: int = 0, probability: float = 1.0, rng: Rng = None) -> None:
        super().__init__(parents, offspring, rng)
        self.probability = probability


class Operator(Stochastic):
    """One of Shoal's."""

    def __init__(self, part: native.Propagator, limits: Limits | None = None, rng: Rng = None) -> None:
        super().__init__(rng=rng)
        self.native, self.limits = part, limits
        self.probability = getattr(part, "probability", 1.0)

    def __call__(self, inds: Any = (), *more: Individual) -> Any:
        given = [inds, *more] if isinstance(inds, Individual) else [*inds, *more]
        limits = self.limits or (given[0].limits if given else None)
        if limits is None:
            raise SpaceError(f"{type(self).__name__} was given no individuals")
        scene = Scene(space_of(limits), np.random.default_rng((self.rng or random).getrandbits(64)))
        assert self.native is not None
        return self._out(individuals_of(self.native(members_of(given), scene), scene, limits, given))

    def _out(self, found: list[Individual]) -> Any:
        return found[0]


class _Selection(Operator):
    def _out(self, found: list[Individual]) -> Any:
        return found


class SelectMin(_Selection):
    def __init__(self, offspring: int) -> None:
        super().__init__(native.SelectMin(offspring))


class SelectMax(_Selection):
    def __init__(self, offspring: int) -> None:
        super().__init__(native.SelectMax(offspring))


class SelectUniform(_Selection):
    def __init__(self, offspring: int, rng: Rng = None) -> None:
        super().__init__(native.SelectUniform(offspring), rng=rng)


class InitUniform(Operator):
    def __init__(self, limits: Limits, parents: int = 0, probability: float = 1.0, rng: Rng = None) -> None:
        super().__init__(native.UniformInit(probability), limits, rng)


class Compose(Propagator):
    """One after the other."""

    def __init__(self, propagators: Sequence[Propagator]) -> None:
        super().__init__()
        self.propagators = list(propagators)

    def __call__(self, inds: Any) -> Any:
        for part in self.propagators:
            inds = part(inds)
        return inds


class Conditional(Propagator):
    """The first where there are ``pop_size`` individuals, else the second."""

    def __init__(
        self, pop_size: int, true_prop: Propagator, false_prop: Propagator, parents: int = -1, offspring: int = -1
    ) -> None:
        super().__init__(parents, offspring)
        self.pop_size, self.true_prop, self.false_prop = pop_size, true_prop, false_prop

    def __call__(self, inds: Any) -> Any:
        return (self.true_prop if len(inds) >= self.pop_size else self.false_prop)(inds)


class Whole(Propagator):
    """One that is a search of its own, and is not applied to individuals by hand."""

    start: dict[str, Any] | None = None

    def __init__(self, search: str, settings: dict[str, Any], limits: Limits, rng: Rng = None) -> None:
        super().__init__(rng=rng)
        self.search, self.settings, self.limits = search, settings, limits

    def __call__(self, inds: Any) -> Any:
        raise SpaceError(
            f"{type(self).__name__} stands for Shoal's search {self.search!r}, which learns from a study and is not "
            "applied to individuals by hand: give it to Propulator or Islands"
        )
