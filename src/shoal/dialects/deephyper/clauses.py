"""Conditions and forbidden clauses, by ConfigSpace's names: what each is in Shoal, and how it is printed.

A condition becomes a test of ``.when(parent=…)``, a forbidden clause a constraint of ``where``. What a hyperparameter
is, `configspace` says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from shoal.errors import SpaceError
from shoal.space.choices import Categorical
from shoal.space.conditions import Test, at_least, at_most, one_of
from shoal.space.numbers import Grid

if TYPE_CHECKING:
    from shoal.dialects.deephyper.configspace import Hyperparameter

LISTED = 1_000  # the most values of which all but one are listed


class _Condition:
    """``child`` is there only while ``parent`` is, and its value passes a test."""

    sign: ClassVar[str]
    child: Hyperparameter
    parent: Hyperparameter

    def _value(self) -> Any:
        return self.value  # type: ignore[attr-defined]

    def tests(self) -> list[tuple[str, Test]]:
        """What Shoal is to test: all of it must hold."""
        return [(self.parent.name, self._test())]

    def _test(self) -> Test:
        raise NotImplementedError

    def _checked(self, value: Any) -> Any:
        try:
            return self.parent.domain().check(value)
        except SpaceError as error:
            raise SpaceError(f"the condition {self}: {error}") from None

    def _among(self, wanted: Any) -> Test:
        """The values of the parent, in their order, that are wanted: a function of a value and its place."""
        domain = self.parent.domain()
        if domain.size > LISTED:
            raise SpaceError(f"the condition {self}: {self.parent.name} has too many values to list; use a range")
        values = [domain.nth(place) for place in range(int(domain.size))]
        found = [value for place, value in enumerate(values) if wanted(value, place)]
        if not found:
            raise SpaceError(f"the condition {self} never holds: {self.child.name} could not be searched")
        return one_of(*found)

    def __str__(self) -> str:
        return f"{self.child.name} | {self.parent.name} {self.sign} {self._value()!r}"


@dataclass(frozen=True)
class EqualsCondition(_Condition):
    child: Hyperparameter
    parent: Hyperparameter
    value: Any
    sign: ClassVar[str] = "=="

    def _test(self) -> Test:
        return Test("==", self._checked(self.value))

    __str__ = _Condition.__str__


@dataclass(frozen=True)
class NotEqualsCondition(_Condition):
    child: Hyperparameter
    parent: Hyperparameter
    value: Any
    sign: ClassVar[str] = "!="

    def _test(self) -> Test:
        unwanted = self._checked(self.value)
        return self._among(lambda value, place: value != unwanted)

    __str__ = _Condition.__str__


@dataclass(frozen=True)
class InCondition(_Condition):
    child: Hyperparameter
    parent: Hyperparameter
    values: Any
    sign: ClassVar[str] = "in"

    def _test(self) -> Test:
        return one_of(*[self._checked(value) for value in self.values])

    def __str__(self) -> str:
        return f"{self.child.name} | {self.parent.name} in {_set(self.values)}"


@dataclass(frozen=True)
class GreaterThanCondition(_Condition):
    child: Hyperparameter
    parent: Hyperparameter
    value: Any
    sign: ClassVar[str] = ">"

    def _test(self) -> Test:
        domain = self.parent.domain()
        if isinstance(domain, Categorical):
            first = domain.code(self._checked(self.value))
            return self._among(lambda value, place: place > first)
        return at_least(
            math.floor(self.value) + 1 if isinstance(domain, Grid) else math.nextafter(self.value, math.inf)
        )

    __str__ = _Condition.__str__


@dataclass(frozen=True)
class LessThanCondition(_Condition):
    child: Hyperparameter
    parent: Hyperparameter
    value: Any
    sign: ClassVar[str] = "<"

    def _test(self) -> Test:
        domain = self.parent.domain()
        if isinstance(domain, Categorical):
            last = domain.code(self._checked(self.value))
            return self._among(lambda value, place: place < last)
        return at_most(math.ceil(self.value) - 1 if isinstance(domain, Grid) else math.nextafter(self.value, -math.inf))

    __str__ = _Condition.__str__


class _Conjunction:
    word: ClassVar[str]

    def __init__(self, *parts: Any) -> None:
        names = {part.child.name for part in parts}
        if len(parts) < 2 or len(names) != 1:
            raise SpaceError(f"a conjunction joins two or more conditions of one hyperparameter, got those of {names}")
        self.parts, self.child = parts, parts[0].child

    def __str__(self) -> str:
        return f"({f' {self.word} '.join(map(str, self.parts))})"


class AndConjunction(_Conjunction):
    """All of the conditions hold."""

    word = "&&"

    def tests(self) -> list[tuple[str, Test]]:
        return [test for part in self.parts for test in part.tests()]


class OrConjunction(_Conjunction):
    """One of the conditions holds; in Shoal, they must all look at one hyperparameter whose values can be listed."""

    word = "||"

    def tests(self) -> list[tuple[str, Test]]:
        parts = [part for part in self.parts if isinstance(part, _Condition)]
        if len(parts) < len(self.parts) or len({part.parent.name for part in parts}) > 1:
            raise SpaceError(
                f"the condition {self}: in Shoal the conditions of a hyperparameter all have to hold, so that an 'or' "
                "can only be of the values of one parent; search it always, or add a hyperparameter for the choice"
            )
        tests = [part._test() for part in parts]
        return [(parts[0].parent.name, parts[0]._among(lambda value, place: any(test.holds(value) for test in tests)))]


class _Clause:
    """Params that are never tried."""

    def text(self) -> str:
        """The expression that is true of what is forbidden."""
        raise NotImplementedError


@dataclass(frozen=True)
class ForbiddenEqualsClause(_Clause):
    hyperparameter: Hyperparameter
    value: Any

    def text(self) -> str:
        return f"{self.hyperparameter.name} == {self.value!r}"

    def __str__(self) -> str:
        return f"Forbidden: {self.hyperparameter.name} == {self.value!r}"


@dataclass(frozen=True)
class ForbiddenInClause(_Clause):
    hyperparameter: Hyperparameter
    values: Any

    def text(self) -> str:
        return f"{self.hyperparameter.name} in {list(self.values)!r}"

    def __str__(self) -> str:
        return f"Forbidden: {self.hyperparameter.name} in {_set(self.values)}"


class ForbiddenAndConjunction(_Clause):
    """Forbidden where all of its clauses are true."""

    def __init__(self, *parts: _Clause) -> None:
        self.parts = parts

    def text(self) -> str:
        return " and ".join(f"({part.text()})" for part in self.parts)

    def __str__(self) -> str:
        return f"({' && '.join(map(str, self.parts))})"


@dataclass(frozen=True)
class _Relation(_Clause):
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


def _set(values: Any) -> str:
    return "{" + ", ".join(map(repr, values)) + "}"
