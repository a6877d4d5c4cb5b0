"""Hyperparameters, by ConfigSpace's names: each prints itself as DeepHyper prints it, and knows the domain that it is
in Shoal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shoal.errors import SpaceError
from shoal.space import constructors as words
from shoal.space.domain import MISSING, Domain


class Hyperparameter:
    """What all have in common: a name, a domain of Shoal's, and a default that is shown."""

    name: str
    default_value: Any

    def domain(self) -> Domain:
        """The same in Shoal. Raises SpaceError for what makes no sense."""
        raise NotImplementedError

    @property
    def default(self) -> Any:
        """The default that was given, or what DeepHyper shows where none was."""
        return self.default_value

    @property
    def inactive(self) -> Any:
        """What DeepHyper hands to the run-function where the hyperparameter's condition does not hold."""
        return self.default

    def __str__(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class UniformIntegerHyperparameter(Hyperparameter):
    name: str
    lower: int
    upper: int
    default_value: int | None = None
    log: bool = False

    def domain(self) -> Domain:
        kind = words.lograndint if self.log else words.randint
        return kind(self.lower, self.upper, default=_given(self.default_value))

    @property
    def default(self) -> int:
        return round(_middle(self)) if self.default_value is None else self.default_value

    @property
    def inactive(self) -> int:
        return self.lower

    def __str__(self) -> str:
        tail = ", on log-scale" * self.log
        return f"{self.name}, Type: UniformInteger, Range: [{self.lower}, {self.upper}], Default: {self.default}{tail}"


@dataclass(frozen=True)
class UniformFloatHyperparameter(Hyperparameter):
    name: str
    lower: float
    upper: float
    default_value: float | None = None
    log: bool = False

    def domain(self) -> Domain:
        kind = words.loguniform if self.log else words.uniform
        return kind(self.lower, self.upper, default=_given(self.default_value))

    @property
    def default(self) -> float:
        return _middle(self) if self.default_value is None else self.default_value

    @property
    def inactive(self) -> float:
        return self.lower

    def __str__(self) -> str:
        ends = f"[{_shown(self.lower)}, {_shown(self.upper)}]"
        tail = ", on log-scale" * self.log
        return f"{self.name}, Type: UniformFloat, Range: {ends}, Default: {_shown(self.default)}{tail}"


@dataclass(frozen=True)
class NormalFloatHyperparameter(Hyperparameter):
    """A normal distribution, cut off where ``lower`` and ``upper`` are given."""

    name: str
    mu: float
    sigma: float
    lower: float | None = None
    upper: float | None = None
    default_value: float | None = None

    def domain(self) -> Domain:
        return words.normal(self.mu, self.sigma, self.lower, self.upper, default=_given(self.default_value))

    @property
    def default(self) -> float:
        return self.mu if self.default_value is None else self.default_value

    @property
    def inactive(self) -> float:
        return self.default if self.lower is None else self.lower

    def __str__(self) -> str:
        ends = "" if self.lower is None or self.upper is None else f", Range: [{self.lower}, {self.upper}]"
        return f"{self.name}, Type: NormalFloat, Mu: {self.mu}, Sigma: {self.sigma}{ends}, Default: {self.default}"


@dataclass(frozen=True)
class CategoricalHyperparameter(Hyperparameter):
    name: str
    choices: Sequence[Any]
    default_value: Any = None
    weights: None = None

    def domain(self) -> Domain:
        if self.weights is not None:
            raise SpaceError(f"{self.name}: choices are drawn evenly in Shoal; leave weights out")
        return words.choice(list(self.choices), default=_given(self.default_value))

    @property
    def default(self) -> Any:
        return self.choices[0] if self.default_value is None else self.default_value

    @property
    def inactive(self) -> Any:
        return self.choices[0]

    def __str__(self) -> str:
        return f"{self.name}, Type: Categorical, Choices: {_listed(self.choices)}, Default: {self.default}"


@dataclass(frozen=True)
class OrdinalHyperparameter(Hyperparameter):
    name: str
    sequence: Sequence[Any]
    default_value: Any = None

    def domain(self) -> Domain:
        return words.ordinal(list(self.sequence), default=_given(self.default_value))

    @property
    def default(self) -> Any:
        return self.sequence[0] if self.default_value is None else self.default_value

    @property
    def inactive(self) -> Any:
        return self.sequence[0]

    def __str__(self) -> str:
        return f"{self.name}, Type: Ordinal, Sequence: {_listed(self.sequence)}, Default: {self.default}"


@dataclass(frozen=True)
class Constant(Hyperparameter):
    name: str
    value: Any

    def domain(self) -> Domain:
        return words.constant(self.value)

    @property
    def default(self) -> Any:
        return self.value

    def __str__(self) -> str:
        return f"{self.name}, Type: Constant, Value: {self.value}"


def _given(default: Any) -> Any:
    return MISSING if default is None else default


def _middle(range_: UniformIntegerHyperparameter | UniformFloatHyperparameter) -> float:
    low, high = range_.lower, range_.upper
    return math.sqrt(low) * math.sqrt(high) if range_.log and min(low, high) > 0 else (low + high) / 2


def _shown(value: float) -> float:
    return round(float(value), 13)


def _listed(values: Sequence[Any]) -> str:
    return "{" + ", ".join(map(str, values)) + "}"
