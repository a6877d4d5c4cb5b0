"""Bounds of the cube in CMA-ES: the function goes on beyond them as in a mirror, and so does the distribution.

Where the optimum lies on a bound, half of the points that are drawn lie beyond it. Were they drawn again, those that
are left would all lie on one side of the mean: the step would not shrink, nor would any be left in many dimensions.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import expit

from shoal.models.cma import Normal
from shoal.space.domain import Array

FAR: Final = 5.0  # deviations from the mean, beyond which nothing was drawn


def unfolded(normal: Normal, points: Array, rng: np.random.Generator) -> Array:
    """Where points [m, n] that were mirrored at 0 or 1 may have been drawn: of the places that come to the same, each
    with its chance, coordinate by coordinate. What is NaN stands at the mean."""
    unknown = np.isnan(points)
    drawn = np.where(unknown, normal.mean, points)
    precision = normal.precision
    pull = (drawn - normal.mean) @ precision
    for edge in (0.0, 1.0):
        for j in np.flatnonzero(abs(normal.mean - edge) < FAR * normal.deviations):
            step = 2 * (edge - drawn[:, j])
            farther = 2 * step * pull[:, j] + step**2 * precision[j, j]  # in squared deviations
            step[(rng.random(len(points)) >= expit(-farther / 2)) | unknown[:, j]] = 0.0
            drawn[:, j] += step
            pull += step[:, None] * precision[j]
    return drawn
