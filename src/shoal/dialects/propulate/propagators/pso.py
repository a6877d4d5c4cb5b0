"""Particle swarms of five kinds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shoal.dialects.propulate.limits import Limits
from shoal.dialects.propulate.propagators.base import InitUniform, Rng, Whole
from shoal.errors import SpaceError


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
