"""Domains of numbers: floats and ints, on a linear, log or reversed log scale, free or on a grid; and normals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np

from shoal.errors import SpaceError
from shoal.space.domain import EXACT, Array, Domain, is_finite_number

LARGEST = 709.0  # the largest whole number whose exponential is finite


def forward(scale: str, value: float) -> float:
    """A value on its scale: itself, log(v), or -log(1 - v)."""
    if scale == "log":
        return math.log(value)
    return -math.log1p(-value) if scale == "reverselog" else value


def backward(scale: str, place: float) -> float:
    if scale == "log":
        return math.exp(place)
    return -math.expm1(-place) if scale == "reverselog" else place


def forward_all(scale: str, values: Array) -> Array:
    if scale == "log":
        return np.log(values)
    return -np.log1p(-values) if scale == "reverselog" else values


def backward_all(scale: str, places: Array) -> Array:
    if scale == "log":
        return np.exp(places)
    return -np.expm1(-places) if scale == "reverselog" else places


@dataclass(frozen=True, repr=False)
class Float(Domain):
    """A float between ``low`` and ``high``, both included."""

    low: float
    high: float
    scale: str = "linear"

    @cached_property
    def _ends(self) -> tuple[float, float]:
        start = forward(self.scale, self.low)
        return start, forward(self.scale, self.high) - start

    def at(self, unit: float) -> float:
        start, span = self._ends
        value = backward(self.scale, start + unit * span)
        return self.low if value < self.low else min(value, self.high)

    def unit(self, value: float) -> float:
        start, span = self._ends
        return (forward(self.scale, value) - start) / span if span else 0.5

    def places(self, codes: Array) -> Array:
        start, span = self._ends
        return (forward_all(self.scale, codes) - start) / span if span else np.full(len(codes), 0.5)

    def snap(self, units: Array) -> Array:
        return units if self._ends[1] else np.full(len(units), 0.5)

    def check(self, value: Any) -> float:
        return _within(self, value, self.low, self.high)

    @property
    def size(self) -> float:
        return 1 if self.low == self.high else math.inf

    def nth(self, index: int) -> float:
        return self.low if self.low == self.high else super().nth(index)

    def spell(self) -> str:
        name = {"linear": "uniform", "log": "loguniform", "reverselog": "reverseloguniform"}[self.scale]
        return f"{name}({self.low!r}, {self.high!r})"


@dataclass(frozen=True, repr=False)
class Grid(Domain):
    """The numbers ``low, low + step, …`` up to ``high``: ints, or floats on a grid.

    Number v stands for the cell [v - step/2, v + step/2], so that on a linear scale all are equally likely.
    """

    low: float
    high: float
    step: float = 1
    scale: str = "linear"
    integer: bool = True

    @cached_property
    def size(self) -> float:
        return math.floor((self.high - self.low) / self.step + 1e-9) + 1

    @cached_property
    def _digits(self) -> int:
        return 12 - math.floor(math.log10(self.step))

    @cached_property
    def _ends(self) -> tuple[float, float]:
        low, high = self.low - self.step / 2, self.nth(int(self.size) - 1) + self.step / 2
        if self.scale == "reverselog":
            high = min(high, (self.high + 1) / 2)  # below 1, where the scale ends
        start = forward(self.scale, max(low, self.low / 2) if self.scale == "log" else low)
        return start, forward(self.scale, high) - start

    def at(self, unit: float) -> float:
        start, span = self._ends
        index = round((backward(self.scale, start + unit * span) - self.low) / self.step)
        return self.nth(min(max(index, 0), int(self.size) - 1))

    def nth(self, index: int) -> float:
        value = self.low + index * self.step
        if self.integer:
            return int(value)
        return min(round(value, self._digits), self.high) if index else self.low  # 0.1 + 2 * 0.1 is to be 0.3

    def unit(self, value: float) -> float:
        start, span = self._ends
        return (forward(self.scale, value) - start) / span

    def places(self, codes: Array) -> Array:
        start, span = self._ends
        return (forward_all(self.scale, codes) - start) / span

    def snap(self, units: Array) -> Array:
        start, span = self._ends
        indices = np.round((backward_all(self.scale, start + units * span) - self.low) / self.step)
        return self.places(self.low + np.clip(indices, 0, self.size - 1) * self.step)

    def check(self, value: Any) -> float:
        number = _within(self, value, self.low, self.high)
        landed = self.nth(round((number - self.low) / self.step))
        if abs(number - landed) > (0 if self.integer else 1e-6 * self.step):
            grid = "a whole number" if self.integer and self.step == 1 else f"on the grid {self.low} + k·{self.step}"
            raise SpaceError(f"{value!r} is not {grid}, as {self.spell()} asks")
        return landed

    def value(self, code: float) -> float:
        return int(code) if self.integer else code

    def spell(self) -> str:
        name = "q" if self.step != 1 or not self.integer else ""
        name += {"linear": "", "log": "log", "reverselog": "reverselog"}[self.scale]
        name += "randint" if self.integer else "uniform"
        step = f", {self.step!r}" if name.startswith("q") else ""
        return f"{name}({self.low!r}, {self.high!r}{step})"


@dataclass(frozen=True, repr=False)
class Normal(Domain):
    """A float drawn from a normal distribution cut off at ``low`` and ``high``; with ``log``, of the logarithm."""

    mu: float
    sigma: float
    low: float
    high: float
    log: bool = False

    @cached_property
    def _ends(self) -> tuple[NormalDist, float, float]:
        curve = NormalDist(self.mu, self.sigma)
        start = 0.0 if self.low == self._floor else curve.cdf(self._place(self.low))
        return curve, start, (1.0 if math.isinf(self.high) else curve.cdf(self._place(self.high))) - start

    @property
    def _floor(self) -> float:
        return 0.0 if self.log else -math.inf

    def _place(self, value: float) -> float:
        return math.log(value) if self.log else value

    def at(self, unit: float) -> float:
        curve, start, span = self._ends
        place = curve.inv_cdf(min(max(start + unit * span, 1e-15), 1 - 1e-15))
        return min(max(math.exp(min(place, LARGEST)) if self.log else place, self.low), self.high)

    def unit(self, value: float) -> float:
        curve, start, span = self._ends
        return min(max((curve.cdf(self._place(value)) - start) / span, 0.0), 1.0)

    def check(self, value: Any) -> float:
        number = _within(self, value, self.low, self.high)
        if self.log and number <= 0:
            raise SpaceError(f"{value!r} is not above 0, as {self.spell()} asks")
        return number

    def spell(self) -> str:
        bounds = "" if math.isinf(self.high) and self.low == self._floor else f", {self._low}, {self._high}"
        return f"{'lognormal' if self.log else 'normal'}({self.mu!r}, {self.sigma!r}{bounds})"

    @property
    def _low(self) -> float | None:
        return None if math.isinf(self.low) else self.low

    @property
    def _high(self) -> float | None:
        return None if math.isinf(self.high) else self.high


def _within(domain: Domain, value: Any, low: float, high: float) -> float:
    if not is_finite_number(value):
        raise SpaceError(f"{value!r:.200} ({type(value).__name__}) is no finite number, as {domain.spell()} asks")
    if low <= value <= high:
        return float(value)
    slack = 1e-12 * max(abs(low), abs(high))
    if low - slack <= value <= high + slack and abs(value) < EXACT:
        return float(min(max(value, low), high))
    raise SpaceError(f"{value!r} lies outside of {domain.spell()}")
