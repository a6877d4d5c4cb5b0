"""A function to minimise whose least value is known, over a box of floats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shoal.errors import SpaceError
from shoal.space import Space
from shoal.space.constructors import uniform
from shoal.space.domain import Array


@dataclass(frozen=True, eq=False)
class Problem:
    """An objective with a known optimum: call it with params, as a study does, or its ``function`` with a point.

    ``space`` holds floats x0 … x{d-1}; ``function`` takes a point [d] in their order; ``minimum`` is the least value in
    the space, and ``argmin`` [d], which cannot be written to, a point of the space where it is reached.

    >>> from shoal.problems import problem
    >>> sphere = problem("sphere", dimensions=3)
    >>> sphere({"x0": 1.0, "x1": 2.0, "x2": 0.0})
    5.0
    >>> sphere.regret(5.0), sphere.function(sphere.argmin)
    (5.0, 0.0)
    """

    name: str
    space: Space
    function: Callable[[Array], float]
    minimum: float
    argmin: Array

    def __post_init__(self) -> None:
        self.argmin.setflags(write=False)

    def __call__(self, params: Mapping[str, Any]) -> float:
        """The value at params that hold every name of the space."""
        return self.function(np.array([params[name] for name in self.space.names], dtype=float))

    def regret(self, value: float) -> float:
        """How far a value lies above the minimum."""
        return value - self.minimum


def box(bounds: Sequence[tuple[float, float]]) -> Space:
    """The space of floats x0, x1, … between bounds (low, high), one pair for each."""
    return Space({f"x{index}": uniform(low, high) for index, (low, high) in enumerate(bounds)})


def check_dimensions(name: str, dimensions: Any, least: int) -> int:
    """The dimensions as they are; SpaceError where they are no whole number of at least ``least``."""
    if isinstance(dimensions, bool) or not isinstance(dimensions, int) or dimensions < least:
        raise SpaceError(f"{name} needs a whole number of dimensions, {least} or more; got {dimensions!r}")
    return dimensions
