"""Where acquisition functions are looked at: points spread over the cube, neighbours of good ones, and
hill-climbing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from shoal.space.cube import Cube
from shoal.space.domain import Array

Score = Callable[[Array], Array]  # points [m, d] -> how good each is [m]; more is better


def spread(cube: Cube, count: int, rng: np.random.Generator) -> Array:
    """Points drawn from the domains' distributions."""
    return cube.snap(rng.random((count, cube.dimensions)))


def neighbours(cube: Cube, points: Array, count: int, width: Array | float, rng: np.random.Generator) -> Array:
    """``count`` points around each of some: a few params moved, numbers by a normal step and choices drawn anew.

    ``width`` is the deviation of a step, in edges of the cube. An inactive param of a point is drawn when it moves and
    stands in the middle when it does not.
    """
    d = cube.dimensions
    centres = np.repeat(np.where(np.isnan(points), 0.5, points), count, axis=0)
    moved = rng.random(centres.shape) < min(1.0, 2.0 / d)
    moved[np.arange(len(centres)), rng.integers(d, size=len(centres))] = True
    steps = centres + width * rng.standard_normal(centres.shape)
    steps = np.abs(np.mod(steps + 1.0, 2.0) - 1.0)  # mirrored at the faces of the cube
    drawn = cube.categorical | (np.isnan(np.repeat(points, count, axis=0)))
    return cube.snap(np.where(moved, np.where(drawn, rng.random(centres.shape), steps), centres))


def climb(
    cube: Cube, points: Array, score: Score, rng: np.random.Generator, rounds: int = 10, count: int = 12
) -> tuple[Array, Array]:
    """Points that meet the constraints, and their scores, after rounds of looking around each, ever closer."""
    scores = score(points)
    width = 0.2
    for _ in range(rounds):
        around = neighbours(cube, points, count, width, rng)
        found = np.where(cube.allows(around), score(around), -np.inf).reshape(len(points), count)
        best = found.argmax(1)
        rows = np.arange(len(points))
        better = found[rows, best] > scores
        points = np.where(better[:, None], around.reshape(len(points), count, -1)[rows, best], points)
        scores = np.where(better, found[rows, best], scores)
        width *= 0.65
    return points, scores
