"""Propulate's propagators, each a way to name one of Shoal's; called on individuals, they do as there.

Those of one's own are subclasses of `Propagator` with ``__call__(inds)``, and compose with all others.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from shoal.dialects.propulate.individual import Individual
from shoal.dialects.propulate.limits import Limits, from_position, genes_of, space_of
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


def _fits(propagator: Propagator, points: int, genes: int) -> None:
    if points > genes:
        raise ValueError(f"{type(propagator).__name__}: {points} points cannot be changed where there are {genes}")


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


class CMAAdapter:
    """A kind of CMA-ES."""


class BasicCMA(CMAAdapter):
    """Runs Shoal's ``cmaes``, which is active."""


class ActiveCMA(CMAAdapter):
    """Runs Shoal's ``cmaes``."""


class CMAPropagator(Whole):
    """Shoal's ``cmaes``: asynchronous, active, restarted with growing populations, within the bounds, for categoricals,
    too; the covariance matrix is decomposed every generation."""

    def __init__(
        self, adapter: CMAAdapter, limits: Limits, decompose_in_each_generation: bool = False,
        select_worst_all_time: bool = False, pop_size: int | None = None, pool_size: int = 3, rng: Rng = None,
    ) -> None:  # fmt: skip
        if not isinstance(adapter, CMAAdapter):
            raise TypeError(f"adapter must be BasicCMA() or ActiveCMA(), got {adapter!r}")
        if select_worst_all_time or pool_size != 3:
            raise SpaceError("CMAPropagator: select_worst_all_time and pool_size have no counterpart: leave them out")
        super().__init__("cmaes", {} if pop_size is None else {"population": max(pop_size, 4)}, limits, rng)


class BasicPSO(Whole):
    def __init__(
        self, inertia: float, c_cognitive: float, c_social: float, rank: int, limits: Limits, rng: Rng = None
    ) -> None:
        settings = {"kind": "basic", "inertia": inertia, "cognitive": c_cognitive, "social": c_social}
        super().__init__("pso", settings, limits, rng)


class VelocityClampingPSO(Whole):
    def __init__(
        self, inertia: float, c_cognitive: float, c_social: float, rank: int, limits: Limits, rng: Rng = None,
        v_limits: float | Sequence[float] = 0.6,
    ) -> None:  # fmt: skip
        shares = {float(share) for share in np.atleast_1d(np.asarray(v_limits))}
        if len(shares) != 1:
            raise SpaceError("VelocityClampingPSO: v_limits must be one share of all ranges here, such as 0.6")
        settings = {"kind": "clamping", "inertia": inertia, "cognitive": c_cognitive, "social": c_social,
                    "clamping": shares.pop()}  # fmt: skip
        super().__init__("pso", settings, limits, rng)


class ConstrictionPSO(Whole):
    _kind = "constriction"

    def __init__(self, c_cognitive: float, c_social: float, rank: int, limits: Limits, rng: Rng = None) -> None:
        super().__init__("pso", {"kind": self._kind, "cognitive": c_cognitive, "social": c_social}, limits, rng)


class CanonicalPSO(ConstrictionPSO):
    _kind = "canonical"


class StatelessPSO(ConstrictionPSO):
    _kind = "stateless"


class InitUniformPSO(InitUniform):
    """The first particles; Shoal's ``pso`` draws its own, at rest."""

    def __init__(
        self, limits: Limits, rank: int = 0, parents: int = 0, probability: float = 1.0, rng: Rng = None,
        v_init_limit: float = 0.1,
    ) -> None:  # fmt: skip
        super().__init__(limits, parents, probability, rng)


class ParallelNelderMead(Whole):
    """Shoal's ``nelder_mead``: no peer waits, bounds and categoricals are respected, a collapsed simplex begins anew.
    ``scale``, in units of the params, becomes a share of their ranges, of half of them at most."""

    def __init__(
        self, limits: Limits, rng: Rng, start: Any, alpha: float = 1.0, gamma: float = 2.0, rho: float = 0.5,
        sigma: float = 0.5, scale: float = 1.0,
    ) -> None:  # fmt: skip
        spans = [abs(float(ends[-1]) - float(ends[0])) for ends in limits.values() if not isinstance(ends[0], str)]
        settings = {"reflection": alpha, "expansion": gamma, "contraction": rho, "shrinkage": sigma}
        if spans and scale > 0:
            settings["scale"] = min(scale * len(spans) / sum(spans), 0.5)
        super().__init__("nelder_mead", settings, limits, rng)
        self.start = dict(start) if isinstance(start, dict) else from_position(np.asarray(start, dtype=float), limits)
