"""The Matérn kernel of smoothness 5/2: functions that can be derived twice."""

from __future__ import annotations

import math

import numpy as np

from shoal.space.domain import Array

ROOT5 = math.sqrt(5.0)
JITTER = 1e-8  # added to variances, so that a covariance can be factored


def matern(squares: Array) -> Array:
    """The kernel at squared distances: (1 + √5 r + 5 r²/3) exp(-√5 r). Rasmussen and Williams 2006, eq. 4.17."""
    scaled = np.sqrt(squares)
    scaled *= ROOT5
    kernel = scaled / 3.0
    kernel += 1.0
    kernel *= scaled
    kernel += 1.0
    np.negative(scaled, out=scaled)
    kernel *= np.exp(scaled, out=scaled)
    return kernel


def matern_slope(squares: Array) -> Array:
    """The derivative of the kernel by the squared distance."""
    scaled = ROOT5 * np.sqrt(squares)
    slope: Array = (1.0 + scaled) * np.exp(-scaled)
    slope *= -5.0 / 6.0
    return slope


def squared_distances(a: Array, b: Array) -> Array:
    """|a_i - b_j|² for rows [n, c] and [m, c]."""
    squares: Array = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2.0 * (a @ b.T)
    np.maximum(squares, 0.0, out=squares)
    return squares
