"""Conditions, by ConfigSpace's names: what each is in Shoal, and how it is printed.

A condition becomes a test of ``.when(parent=…)``. What a hyperparameter is, `hyperparameters` says.
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
    from shoal.dialects.deephyper.hyperparameters import Hyperparameter

LISTED = 1_000  # the most values of which all but one are listed


def braced(values: Any) -> str:
    """Values as ConfigSpace prints a set."""
    return "{" + ", ".join(map(repr, values)) + "}"


class Condition:
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
class EqualsCondition(Condition):
    child: Hyperparameter
    parent: Hyperparameter
    value: Any
    sign: ClassVar[str] = "=="

    def _test(self) -> Test:
        return Test("==", self._checked(self.value))

    __str__ = Condition.__str__


@dataclass(frozen=True)
class NotEqualsCondition(Condition):
    child: Hyperparameter
    parent: Hyperparameter
    value: Any
    sign: ClassVar[str] = "!="

    def _test(self) -> Test:
        unwanted = self._checked(self.value)
        return self._among(lambda value, place: value != unwanted)

    __str__ = Condition.__str__


@dataclass(frozen=True)
class InCondition(Condition):
    child: Hyperparameter
    parent: Hyperparameter
    values: Any
    sign: ClassVar[str] = "in"

    def _test(self) -> Test:
        return one_of(*[self._checked(value) for value in self.values])

    def __str__(self) -> str:
        return f"{self.child.name} | {self.parent.name} in {braced(self.values)}"


@dataclass(frozen=True)
class GreaterThanCondition(Condition):
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

    __str__ = Condition.__str__


@dataclass(frozen=True)
class LessThanCondition(Condition):
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

    __str__ = Condition.__str__


class Conjunction:
    word: ClassVar[str]

    def __init__(self, *parts: Any) -> None:
        names = {part.child.name for part in parts}
        if len(parts) < 2 or len(names) != 1:
            raise SpaceError(f"a conjunction joins two or more conditions of one hyperparameter, got those of {names}")
        self.parts, self.child = parts, parts[0].child

    def __str__(self) -> str:
        return f"({f' {self.word} '.join(map(str, self.parts))})"


class AndConjunction(Conjunction):
    """All of the conditions hold."""

    word = "&&"

    def tests(self) -> list[tuple[str, Test]]:
        return [test for part in self.parts for test in part.tests()]


class OrConjunction(Conjunction):
    """One of the conditions holds; in Shoal, they must all look at one hyperparameter whose values can be listed."""

    word = "||"

    def tests(self) -> list[tuple[str, Test]]:
        parts = [part for part in self.parts if isinstance(part, Condition)]
        if len(parts) < len(self.parts) or len({part.parent.name for part in parts}) > 1:
            raise SpaceError(
                f"the condition {self}: in Shoal the conditions of a hyperparameter all have to hold, so that an 'or' "
                "can only be of the values of one parent; search it always, or add a hyperparameter for the choice"
            )
        tests = [part._test() for part in parts]
        return [(parts[0].parent.name, parts[0]._among(lambda value, place: any(test.holds(value) for test in tests)))]
