"""ConfigSpace's names: use this module in the place of that package, as in ``configspace as cs``.

Hyperparameters are in `hyperparameters`, conditions in `conditions`, forbidden clauses in `clauses`.
"""

from __future__ import annotations

from shoal.dialects.deephyper.clauses import (
    ForbiddenAndConjunction,
    ForbiddenEqualsClause,
    ForbiddenEqualsRelation,
    ForbiddenGreaterThanRelation,
    ForbiddenInClause,
    ForbiddenLessThanRelation,
)
from shoal.dialects.deephyper.conditions import (
    AndConjunction,
    EqualsCondition,
    GreaterThanCondition,
    InCondition,
    LessThanCondition,
    NotEqualsCondition,
    OrConjunction,
)
from shoal.dialects.deephyper.hyperparameters import (
    CategoricalHyperparameter,
    Constant,
    Hyperparameter,
    NormalFloatHyperparameter,
    OrdinalHyperparameter,
    UniformFloatHyperparameter,
    UniformIntegerHyperparameter,
)

__all__ = [
    "AndConjunction", "CategoricalHyperparameter", "Constant", "EqualsCondition", "ForbiddenAndConjunction",
    "ForbiddenEqualsClause", "ForbiddenEqualsRelation", "ForbiddenGreaterThanRelation", "ForbiddenInClause",
    "ForbiddenLessThanRelation", "GreaterThanCondition", "Hyperparameter", "InCondition", "LessThanCondition",
    "NormalFloatHyperparameter", "NotEqualsCondition", "OrConjunction", "OrdinalHyperparameter",
    "UniformFloatHyperparameter", "UniformIntegerHyperparameter",
]  # fmt: skip
