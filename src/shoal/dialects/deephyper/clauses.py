"""Forbidden clauses, by ConfigSpace's names: each becomes a constraint of ``where``, and prints as in DeepHyper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from shoal.dialects.deephyper.conditions import braced

if TYPE_CHECKING:
    from shoal.dialects.deephyper.hyperparameters import Hyperparameter


class Clause:
    """Params that are never tried."""

    def text(self) -> str:
        """The expression that is true of what is forbidden."""
        raise NotImplementedError


@dataclass(frozen=True)
class ForbiddenEqualsClause(Clause):
    hyperparameter: Hyperparameter
    value: Any

    def text(self) -> str:
        return f"{self.hyperparameter.name} == {self.value!r}"

    def __str__(self) -> str:
        return f"Forbidden: {self.hyperparameter.name} == {self.value!r}"


@dataclass(frozen=True)
class ForbiddenInClause(Clause):
    hyperparameter: Hyperparameter
    values: Any

    def text(self) -> str:
        return f"{self.hyperparameter.name} in {list(self.values)!r}"

    def __str__(self) -> str:
        return f"Forbidden: {self.hyperparameter.name} in {braced(self.values)}"


class ForbiddenAndConjunction(Clause):
    """Forbidden where all of its clauses are true."""

    def __init__(self, *parts: Clause) -> None:
        self.parts = parts

    def text(self) -> str:
        return " and ".join(f"({part.text()})" for part in self.parts)

    def __str__(self) -> str:
        return f"({' && '.join(map(str, self.parts))})"


@dataclass(frozen=True)
class _Relation(Clause):
    left: Hyperparameter
    right: Hyperparameter
    sign: ClassVar[str]

    def text(self) -> str:
        return f"{self.left.name} {self.sign} {self.right.name}"

    def __str__(self) -> str:
        return f"Forbidden: {self.text()}"


class ForbiddenLessThanRelation(_Relation):
    sign = "<"


class ForbiddenEqualsRelation(_Relation):
    sign = "=="


class ForbiddenGreaterThanRelation(_Relation):
    sign = ">"
