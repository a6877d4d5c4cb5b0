"""What the BBOB functions do to the plain ones: oscillation, asymmetry, conditioning, rotation, penalty.

N. Hansen, S. Finck, R. Ros, A. Auger: Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless Functions
Definitions. INRIA RR-6829, 2009, whose symbols are used.
"""

from __future__ import annotations

import numpy as np

from shoal.space.domain import Array


def ramp(dimensions: int) -> Array:
    """(i - 1) / (d - 1) for i = 1 … d: how far each dimension is from the first."""
    return np.linspace(0.0, 1.0, dimensions)


def conditioning(alpha: float, steps: Array) -> Array:
    """The diagonal of Λ^α over a `ramp`: from 1 to √α."""
    return np.asarray(alpha ** (0.5 * steps))


def oscillate(x: Array) -> Array:
    """T_osz: smooth, small ripples on a log scale; keeps order, signs and 0."""
    size = np.abs(x)
    hat = np.log(np.where(size > 0, size, 1.0))
    c1, c2 = np.where(x > 0, 10.0, 5.5), np.where(x > 0, 7.9, 3.1)
    return np.asarray(np.sign(x) * np.exp(hat + 0.049 * (np.sin(c1 * hat) + np.sin(c2 * hat))))


def skew(beta: float, x: Array, steps: Array) -> Array:
    """T_asy^β: positive coordinates grow faster, the later the more."""
    positive = np.maximum(x, 0.0)
    return np.where(x > 0, positive ** (1 + beta * steps * np.sqrt(positive)), x)


def penalty(x: Array) -> float:
    """f_pen: the squared distance to [-5, 5]^d."""
    return float((np.maximum(np.abs(x) - 5.0, 0.0) ** 2).sum())


def rotation(rng: np.random.Generator, dimensions: int) -> Array:
    """A random orthogonal matrix [d, d], uniform over all of them.

    F. Mezzadri: How to Generate Random Matrices from the Classical Compact Groups. Notices of the AMS 54, 2007.
    """
    orthogonal, triangular = np.linalg.qr(rng.standard_normal((dimensions, dimensions)))
    return np.asarray(orthogonal * np.where(np.diagonal(triangular) < 0, -1.0, 1.0))
