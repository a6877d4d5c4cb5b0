"""When a param is active: tests on other params, written with ``.when(...)``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shoal.errors import SpaceError
from shoal.space.plain import own


@dataclass(frozen=True)
class Test:
    """A test on one value: ``op`` is one of ``==``, ``in``, ``>=``, ``<=``."""

    op: str
    value: Any

    def holds(self, value: Any) -> bool:
        if self.op == "==":
            return same(value, self.value)
        if self.op == "in":
            return any(same(value, choice) for choice in self.value)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return bool(value >= self.value if self.op == ">=" else value <= self.value)

    def __repr__(self) -> str:
        if self.op == "==":
            return repr(self.value)
        if self.op == "in":
            return f"one_of({', '.join(map(repr, self.value))})"
        return f"{'at_least' if self.op == '>=' else 'at_most'}({self.value!r})"


@dataclass(frozen=True)
class Condition:
    """The param it belongs to is active only while ``name`` is active and its value passes ``test``."""

    name: str
    test: Test

    def holds(self, params: Mapping[str, Any]) -> bool:
        return self.name in params and self.test.holds(params[self.name])


def same(a: Any, b: Any) -> bool:
    """Equality of JSON values: ``1 == 1.0``, but ``True`` is no number."""
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def at_least(value: float) -> Test:
    """For ``.when(layers=shoal.at_least(2))``: active while the other param is ``value`` or more."""
    return Test(">=", _number("at_least", value))


def at_most(value: float) -> Test:
    """For ``.when(layers=shoal.at_most(2))``: active while the other param is ``value`` or less."""
    return Test("<=", _number("at_most", value))


def one_of(*values: Any) -> Test:
    """For ``.when(optimizer=shoal.one_of("sgd", "rmsprop"))``: active while the other param is one of them."""
    if not values:
        raise SpaceError("one_of() needs at least one value, as in one_of('sgd', 'rmsprop')")
    return Test("in", tuple(own(value) for value in values))


def as_test(wanted: Any) -> Test:
    """A test as given, a list or tuple as "one of", any other value as "equal to"."""
    if isinstance(wanted, Test):
        return wanted
    wanted = own(wanted)
    return one_of(*wanted) if isinstance(wanted, (list, tuple)) else Test("==", wanted)


def _number(word: str, value: Any) -> float:
    value = own(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
        raise SpaceError(f"{word}({value!r:.200}): give a number, as in {word}(2)")
    return value
