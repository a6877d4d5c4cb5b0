"""How much is to be gained at a point where a model predicts a mean and a deviation."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erfcx, ndtr

from shoal.space.domain import Array

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
HALF_LOG_HALF_PI = 0.5 * math.log(0.5 * math.pi)


def log_expected_improvement(mean: Array, deviation: Array, best: float | Array) -> Array:
    """log E[max(best - f, 0)] for f normal, finite however far from improving.

    S. Ament et al.: Unexpected Improvements to Expected Improvement for Bayesian Optimization. NeurIPS 2023, eq. 9 and
    14.

    >>> log_expected_improvement(np.array([0.0, 100.0]), np.array([1.0, 1.0]), 0.0).round(2).tolist()
    [-0.92, -5010.13]
    """
    return log_h((best - mean) / deviation) + np.log(deviation)


def log_h(z: Array) -> Array:
    """log(φ(z) + z·Φ(z))."""
    near = np.maximum(z, -1.0)
    direct = np.log(np.exp(-0.5 * near * near - HALF_LOG_2PI) + near * ndtr(near))
    far = np.minimum(z, -1.0)
    ratio = np.log(erfcx(-far * math.sqrt(0.5)) * -far) + HALF_LOG_HALF_PI
    with np.errstate(divide="ignore"):
        tail = np.where(far < -1e5, -2.0 * np.log(-far), np.log(-np.expm1(np.minimum(ratio, -1e-15))))
    return np.where(z > -1.0, direct, -0.5 * far * far - HALF_LOG_2PI + tail)
