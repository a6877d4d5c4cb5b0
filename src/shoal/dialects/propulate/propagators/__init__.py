"""Propulate's propagators, each a way to name one of Shoal's; called on individuals, they do as there.

Those of one's own are subclasses of `Propagator` with ``__call__(inds)``, and compose with all others. They are in
modules of the same names as Propulate's.
"""

from shoal.dialects.propulate.propagators.base import (
    Compose,
    Conditional,
    InitUniform,
    Operator,
    Propagator,
    SelectMax,
    SelectMin,
    SelectUniform,
    Stochastic,
    Whole,
)
from shoal.dialects.propulate.propagators.cmaes import ActiveCMA, BasicCMA, CMAAdapter, CMAPropagator
from shoal.dialects.propulate.propagators.ga import (
    CrossoverMultiple,
    CrossoverSigmoid,
    CrossoverUniform,
    IntervalMutationNormal,
    PointMutation,
    RandomPointMutation,
)
from shoal.dialects.propulate.propagators.nm import ParallelNelderMead
from shoal.dialects.propulate.propagators.pso import (
    BasicPSO,
    CanonicalPSO,
    ConstrictionPSO,
    InitUniformPSO,
    StatelessPSO,
    VelocityClampingPSO,
)

__all__ = [
    "ActiveCMA", "BasicCMA", "BasicPSO", "CMAAdapter", "CMAPropagator", "CanonicalPSO", "Compose", "Conditional",
    "ConstrictionPSO", "CrossoverMultiple", "CrossoverSigmoid", "CrossoverUniform", "InitUniform", "InitUniformPSO",
    "IntervalMutationNormal", "Operator", "ParallelNelderMead", "PointMutation", "Propagator", "RandomPointMutation",
    "SelectMax", "SelectMin", "SelectUniform", "StatelessPSO", "Stochastic", "VelocityClampingPSO", "Whole",
]  # fmt: skip
