"""Points that can be added and subtracted, choices too: a coordinate for each number and one for each choice."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from shoal.space.cube import Cube
from shoal.space.domain import Array


class Positions:
    """From places in the cube [d] to points [m] and back: a choice is 1 in its own coordinate and 0 in those of the
    others, and of any coordinates the greatest wins. ``freedom``: in how many directions points differ."""

    def __init__(self, cube: Cube) -> None:
        self._cube = cube
        widths = [domain.width for domain in cube.domains]
        starts = np.cumsum([0, *widths])
        self._width = int(starts[-1])
        self.numbers = starts[:-1][cube.numbers]  # the coordinates of numbers
        self._groups = [
            (column, slice(int(starts[column]), int(starts[column + 1])))
            for column in np.flatnonzero(cube.categorical).tolist()
        ]
        self.freedom = len(self.numbers) + sum(widths[column] - 1 for column, _ in self._groups)
        self._mixed = bool(self._groups or cube.conditional.any())

    def lift(self, place: Array) -> Array:
        """The point of a place in the cube; what is inactive stands in the middle."""
        point = np.zeros(self._width)
        told = np.where(np.isnan(place), 0.5, place)
        point[self.numbers] = told[self._cube.numbers]
        for column, group in self._groups:
            point[group.start + int(told[column] * (group.stop - group.start))] = 1.0
        return point

    def units(self, point: Array) -> Array:
        """Where in the cube a point lies, [d]."""
        units = np.empty(self._cube.dimensions)
        units[self._cube.numbers] = np.minimum(np.maximum(point[self.numbers], 0.0), 1.0)
        for column, group in self._groups:
            units[column] = (int(point[group].argmax()) + 0.5) / (group.stop - group.start)
        return units

    def back(self, point: Array) -> Array:
        """The place in the cube of the values that are at a point; NaN where inactive."""
        return np.asarray(self._cube.snap(self.units(point)[None])[0])

    def apart(self, one: Array, other: Array) -> float:
        """How far two places of the cube are from each other, along the axis where they are furthest; 1 where one
        has a param, or a choice, that the other has not."""
        gaps = np.abs(one - other)
        if self._mixed:
            gaps[self._cube.categorical & (gaps > 0)] = 1.0
            gaps[np.isnan(one) != np.isnan(other)] = 1.0
            gaps[np.isnan(gaps)] = 0.0
        return float(gaps.max(initial=0.0))

    @cached_property
    def _edges(self) -> dict[int, Array | None]:
        """The edges of the cells of each number's coordinate, for those who begin simplices: there may be many."""
        columns = zip(self.numbers.tolist(), self._cube.numbers.tolist(), strict=True)
        return {coordinate: self._cube.edges(column) for coordinate, column in columns}

    def beside(self, point: Array, scale: float, rng: np.random.Generator) -> list[Array]:
        """A point beside another along the axis of each number, and one with each other choice: with it a simplex. None
        has the values that the other has: where a step of ``scale`` is too short for that, the next value is taken."""
        found = []
        for coordinate in self.numbers.tolist():
            here = point[coordinate]
            up = rng.random() < 0.5 if scale <= here <= 1 - scale else here < 0.5
            found.append(point.copy())
            there = min(max(here + (scale if up else -scale), 0.0), 1.0)
            found[-1][coordinate] = _elsewhere(self._edges[coordinate], here, there)
        for _, group in self._groups:
            chosen = int(point[group].argmax())
            for choice in range(group.stop - group.start):
                if choice != chosen:
                    found.append(point.copy())
                    found[-1][group] = 0.0
                    found[-1][group.start + choice] = 1.0
        return found


def _elsewhere(edges: Array | None, here: float, there: float) -> float:
    """Where a step leads; from within a cell of a discrete number to the middle of the next one at least."""
    if edges is None or not len(edges):
        return there
    cell, reached = np.searchsorted(edges, [here, there]).tolist()
    if cell != reached:
        return there
    following = cell + 1 if (there >= here and cell < len(edges)) or cell == 0 else cell - 1
    low = edges[following - 1] if following else 0.0
    high = edges[following] if following < len(edges) else 1.0
    return float(low + high) / 2
