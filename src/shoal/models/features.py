"""Points of the cube as coordinates in which distance means unlikeness: what the Gaussian process sees.

A number is one coordinate. A choice of K is K coordinates of which one is 1/√2, so that any two choices are 1 apart. An
inactive number stands off the cube: at 0.5, and half an edge away from where it would be active; an inactive choice has
all its coordinates at 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shoal.space.cube import Cube
from shoal.space.domain import Array

HALF_ROOT = 0.5**0.5


class Features:
    """Turns points [n, d] of a cube into coordinates [n, c]; ``group`` [c] names the param that each belongs to."""

    def __init__(self, cube: Cube) -> None:
        self._cube = cube
        self._absent = np.flatnonzero(~cube.categorical & cube.conditional)
        choices = (np.full(cube.choices[column], column) for column in np.flatnonzero(cube.categorical))
        parts = [cube.numbers, self._absent, *choices]
        self.group: NDArray[np.int_] = np.concatenate(parts).astype(int)

    def __call__(self, points: Array) -> Array:
        numbers = points[:, self._cube.numbers]
        parts = [np.where(np.isnan(numbers), 0.5, numbers), 0.5 * ~np.isnan(points[:, self._absent])]
        return np.concatenate([*parts, *(HALF_ROOT * hot for hot in self._cube.hot(points))], axis=1)
