"""Points of the cube as coordinates in which distance means unlikeness: what the Gaussian process sees.

A number is one coordinate. A choice of K is K coordinates of which one is 1/√2, so that any two choices are 1 apart. An
inactive number stands off the cube: at 0.5, and half an edge away from where it would be active; an inactive choice has
all its coordinates at 0.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.space.cube import Cube
from shoal.space.domain import Array

HALF_ROOT = 0.5**0.5
FEW: Final = 8  # choices that trees part one by one
ORDERS: Final = 4  # in which more of them stand


class Features:
    """Turns points [n, d] of a cube into coordinates [n, c]; ``group`` [c] names the param that each belongs to."""

    def __init__(self, cube: Cube) -> None:
        self._cube = cube
        self._absent = np.flatnonzero(~cube.categorical & cube.conditional)
        choices = (np.full(cube.choices[column], column) for column in np.flatnonzero(cube.categorical))
        parts = [cube.numbers, self._absent, *choices]
        self.group: NDArray[np.int_] = np.concatenate(parts).astype(int)

    def __call__(self, points: Array) -> Array:
        hots = (HALF_ROOT * hot for hot in self._cube.hot(points))
        return np.concatenate([*self.numbers(points), *hots], axis=1)

    def numbers(self, points: Array) -> list[Array]:
        """The coordinates of the numbers, and where those with conditions are active."""
        numbers = points[:, self._cube.numbers]
        return [np.where(np.isnan(numbers), 0.5, numbers), 0.5 * ~np.isnan(points[:, self._absent])]


class Cuts:
    """The same for trees, which part a choice of many into two random halves instead of one from all the others.

    It is some coordinates, in each of which the choices stand in a random order; -0.5 where it is inactive. As many as
    there are choices would cost a forest minutes.
    """

    def __init__(self, cube: Cube, rng: np.random.Generator) -> None:
        self._cube, self._features = cube, Features(cube)
        self._columns = np.flatnonzero(cube.categorical)
        self._tables = [_table(count, rng) for count in cube.choices[self._columns].tolist()]

    def __call__(self, points: Array) -> Array:
        chosen = points[:, self._columns] * self._cube.choices[self._columns]
        rows = np.where(np.isnan(chosen), -1, chosen).astype(int)  # the last row: inactive
        parts = [table[rows[:, place]] for place, table in enumerate(self._tables)]
        return np.concatenate([*self._features.numbers(points), *parts], axis=1)


def _table(count: int, rng: np.random.Generator) -> Array:
    """The coordinates of each of some choices, and at the end those of none: [count + 1, c]."""
    if count <= FEW:
        return np.concatenate([HALF_ROOT * np.eye(count), np.zeros((1, count))])
    orders = rng.permuted(np.tile(np.arange(count), (ORDERS, 1)), axis=1).T / (count - 1)
    return np.concatenate([orders, np.full((1, ORDERS), -0.5)])
