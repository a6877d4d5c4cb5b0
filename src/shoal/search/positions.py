"""Where trials are, for searches that add and subtract points: in a coordinate for each number and for each choice."""

from __future__ import annotations

import numpy as np

from shoal.history import History
from shoal.search.design import Design
from shoal.space.cube import Cube
from shoal.space.domain import Array


class Positions:
    """Points [m]; of the coordinates of a choice, the greatest wins. ``freedom``: in how many directions they differ.

    A discrete value stands for its cell, a choice for all coordinates with which it wins, and a param that is inactive
    for its whole range. A trial lies anywhere in there, by its number; so no two coincide, nor do many lie in a plane.
    """

    def __init__(self, history: History, cube: Cube) -> None:
        self._history, self._cube = history, cube
        self._seed = history.definition.seed % 2**64
        widths = [domain.width for domain in cube.domains]
        starts = np.cumsum([0, *widths])
        self.width = int(starts[-1])
        self.numbers = starts[:-1][cube.numbers]  # the coordinates of numbers
        self.groups = [
            (column, slice(int(starts[column]), int(starts[column + 1])))
            for column in np.flatnonzero(cube.categorical).tolist()
        ]
        self.freedom = len(self.numbers) + sum(widths[column] - 1 for column, _ in self.groups)
        self._mixed = bool(self.groups or cube.conditional.any())
        self._edges = [(place, cube.edges(column)) for place, column in enumerate(cube.numbers.tolist())]
        self._vague = self._mixed or any(edges is not None for _, edges in self._edges)

    def place(self, number: int) -> Array:
        """A trial in the cube, [d]; NaN where inactive."""
        return np.asarray(self._cube.of_codes(self._history.x[[number]])[0])

    def of(self, number: int, place: Array) -> Array:
        """Where a trial is, given its place in the cube."""
        return self.lift(place, np.random.default_rng([self._seed, number])) if self._vague else place

    def lift(self, place: Array, rng: np.random.Generator) -> Array:
        """A position of what is at a place of the cube."""
        point = rng.random(self.width)
        told = place[self._cube.numbers]
        for index, edges in self._edges:
            if edges is not None and told[index] == told[index]:
                ends = np.concatenate([[0.0], edges, [1.0]])
                cell = int(np.searchsorted(edges, told[index]))
                told[index] = ends[cell] + rng.random() * (ends[cell + 1] - ends[cell])
        point[self.numbers] = np.where(np.isnan(told), point[self.numbers], told)
        for column, group in self.groups:
            if place[column] == place[column]:
                scores = point[group]
                chosen, highest = int(place[column] * len(scores)), int(scores.argmax())
                scores[[chosen, highest]] = scores[[highest, chosen]]
        return point

    def bounded(self, point: Array) -> Array:
        """The nearest point whose numbers are within their bounds."""
        bounded = point.copy()
        bounded[self.numbers] = np.clip(point[self.numbers], 0.0, 1.0)
        return bounded

    def back(self, point: Array) -> Array:
        """The place in the cube of the values that are at a position."""
        place = np.empty(self._cube.dimensions)
        place[self._cube.numbers] = np.clip(point[self.numbers], 0.0, 1.0)
        for column, group in self.groups:
            place[column] = (int(point[group].argmax()) + 0.5) / (group.stop - group.start)
        return np.asarray(self._cube.snap(place[None])[0])

    def apart(self, one: Array, other: Array) -> float:
        """How far two places of the cube are from each other, along the axis where they are furthest; 1 where one
        has a param, or a choice, that the other has not."""
        gaps = np.abs(one - other)
        if self._mixed:
            gaps[self._cube.categorical & (gaps > 0)] = 1.0
            gaps[np.isnan(one) != np.isnan(other)] = 1.0
            gaps[np.isnan(gaps)] = 0.0
        return float(gaps.max(initial=0.0))

    def corners(self, begin: Array, run: int, scale: float) -> list[Array]:
        """Places of the cube: the first, one beside it along the axis of each number, and one for each other choice."""
        rng = np.random.default_rng([self._seed, run])
        begin = np.where(np.isnan(begin), 0.5, begin)
        corners = [begin]
        for column in self._cube.numbers.tolist():
            up = rng.random() < 0.5 if scale <= begin[column] <= 1 - scale else begin[column] < 0.5
            corners.append(begin.copy())
            corners[-1][column] = min(max(begin[column] + (scale if up else -scale), 0.0), 1.0)
        for column, group in self.groups:
            count = group.stop - group.start
            for choice in range(count):
                if choice != int(begin[column] * count):
                    corners.append(begin.copy())
                    corners[-1][column] = (choice + 0.5) / count
        return corners


def beginning(design: Design, cube: Cube, run: int, seed: int) -> Array:
    """The place in the cube where a run begins: a point of the design, or any where the constraints forbid that."""
    place = np.asarray(cube.snap(design.unit(run - 1)[None])[0])
    if cube.space.allows(cube.params(place)):
        return place
    return np.asarray(cube.of_params(cube.space.sample(np.random.default_rng([seed % 2**64, run])))[0])
