"""What every domain of a space has in common."""

from __future__ import annotations

import keyword
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from shoal.errors import SpaceError
from shoal.space.conditions import Condition, Test, as_test
from shoal.space.plain import own

T = TypeVar("T", bound="Domain")
Array: TypeAlias = NDArray[np.float64]
EXACT = 2**53  # integers up to here are exact as float64, which the history's arrays hold


class _Missing:
    """No value, where None would be one; copied and pickled it is the very same."""

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()


@dataclass(frozen=True)
class Extras:
    """What any domain may be given besides its range: when it is active, and a default."""

    when: tuple[Condition, ...] = ()
    default: Any = MISSING


@dataclass(frozen=True)
class Domain(ABC):
    """The values that one param may take.

    Three views of a value, each with its way back: the value itself, its *code* (one float that the history keeps:
    a number is its own code, a choice is coded by its index) and its *unit* (a place in [0, 1], for searches).
    """

    numeric: ClassVar[bool] = True
    extras: Extras = field(default=Extras(), kw_only=True)

    @abstractmethod
    def at(self, unit: float) -> Any:
        """The value at a place in [0, 1]; places drawn uniformly give the domain's distribution."""

    @abstractmethod
    def unit(self, value: Any) -> float:
        """The place in [0, 1] of a value that the domain contains."""

    @abstractmethod
    def check(self, value: Any) -> Any:
        """The value in the domain's own type, or a SpaceError that says why it is none of the domain's."""

    @abstractmethod
    def spell(self) -> str:
        """The domain without its extras as it is written: ``loguniform(1e-06, 1.0)``."""

    @property
    def size(self) -> float:
        """How many values there are; infinity for a continuous domain."""
        return math.inf

    @property
    def width(self) -> int:
        """Columns in a one-hot encoding: 1, or one for each choice."""
        return 1

    def passes(self, test: Test) -> bool:
        """Whether any value passes a test; of a finite domain of up to a thousand values, or of numbers."""
        if test.op in ("==", "in"):
            return any(map(self.contains, test.value if test.op == "in" else [test.value]))
        if self.size <= 1_000:
            return any(test.holds(self.nth(index)) for index in range(int(self.size)))
        return test.holds(self.at(0.0)) or test.holds(self.at(1.0))

    def contains(self, value: Any) -> bool:
        try:
            self.check(value)
        except SpaceError:
            return False
        return True

    def places(self, codes: Array) -> Array:
        """The `unit` of many codes at once."""
        return np.array([self.unit(self.value(code)) for code in codes.tolist()])

    def snap(self, units: Array) -> Array:
        """For many places at once: the place of the value that lies there."""
        return np.array([self.unit(self.at(unit)) for unit in units.tolist()])

    def nth(self, index: int) -> Any:
        """Value number ``index`` of a finite domain, from 0."""
        raise SpaceError(f"{self} has infinitely many values")

    def code(self, value: Any) -> float:
        return float(value)

    def value(self, code: float) -> Any:
        return code

    def __str__(self) -> str:
        default = "" if self.extras.default is MISSING else f", default={self.extras.default!r}"
        text = f"{self.spell()[:-1]}{default})"
        for condition in self.extras.when:
            text += f".when({_keyword(condition.name, condition.test)})"
        return text

    def when(self: T, /, **conditions: Any) -> T:
        """The same domain, active only while every named param has the value (or one of a list, or passes a test).

        >>> import shoal
        >>> shoal.uniform(0.0, 0.99).when(optimizer="sgd")
        uniform(0.0, 0.99).when(optimizer='sgd')
        """
        added = tuple(Condition(name, as_test(test)) for name, test in conditions.items())
        return replace(self, extras=replace(self.extras, when=self.extras.when + added))

    def __repr__(self) -> str:
        return str(self)


def _keyword(name: str, test: object) -> str:
    """An argument of ``when``; a name that Python would not take as one, such as XGBoost's lambda, in the long form."""
    plain = name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and not name.startswith("_")
    return f"{name}={test!r}" if plain else f"**{{{name!r}: {test!r}}}"


def finished(domain: T) -> T:
    """The domain with its default checked; every constructor ends with it."""
    default = domain.extras.default
    if default is MISSING:
        return domain
    try:
        return replace(domain, extras=replace(domain.extras, default=domain.check(own(default))))
    except SpaceError as error:
        raise SpaceError(f"the default of {domain.spell()}: {error}") from None


def real(where: str, value: object) -> float:
    """A finite number as a plain one, or a SpaceError that names the place and the value."""
    number = own(value)
    if not is_finite_number(number):
        raise SpaceError(f"{where:.200} needs finite numbers, got {value!r:.200}")
    return number  # type: ignore[no-any-return]


def is_finite_number(value: object) -> bool:
    """Whether a value is an int or a float, finite, and within what a float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
