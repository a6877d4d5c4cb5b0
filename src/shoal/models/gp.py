"""A Gaussian process with a Matérn-5/2 kernel and one lengthscale a param, in numpy and scipy alone.

C. E. Rasmussen, C. K. I. Williams: Gaussian Processes for Machine Learning. MIT Press 2006, algorithm 2.1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from shoal.models.acquisition import log_expected_improvement
from shoal.models.evidence import Theta
from shoal.models.kernel import JITTER, matern, squared_distances
from shoal.space.domain import Array


class GaussianProcess:
    """The posterior of a function at given hyperparameters.

    ``x`` are coordinates [n, c], ``group`` [c] names the param of each, ``y`` [n] are standardised outputs. Places [p,
    c] in ``running`` count as told, with what is expected there (the kriging believer of Ginsbourger et al. 2010).
    ``best`` is the least that is expected at ``ends``, by default where points were told.
    """

    def __init__(
        self, x: Array, y: Array, group: NDArray[np.int_], theta: Theta, running: Array | None = None,
        ends: Array | None = None,
    ) -> None:  # fmt: skip
        self.scale = np.exp(-theta.lengths)[group]
        self.signal = math.exp(theta.signal)
        self.x = x * self.scale
        factor, self.noise = _factor(self.signal * matern(squared_distances(self.x, self.x)), math.exp(theta.noise))
        self.alpha, _ = lapack.dpotrs(factor, y, lower=1)
        self.whiten, _ = lapack.dtrtri(factor, lower=1)
        self.best = float(self.mean(x if ends is None else ends).min())
        if running is not None and len(running):
            self._imagine(running)

    def _imagine(self, x: Array) -> None:
        """Count coordinates as told, with what is expected there: that changes no mean, but deviations."""
        white = whitened(self.whiten, self.signal * matern(self.squares(x)))
        x = x * self.scale
        factor, _ = _factor(self.signal * matern(squared_distances(x, x)) - white.T @ white, self.noise)
        known = len(self.x)
        whiten = np.zeros((known + len(x), known + len(x)), order="F")
        whiten[:known, :known] = self.whiten
        whiten[known:, known:], _ = lapack.dtrtri(factor, lower=1)
        whiten[known:, :known] = -whiten[known:, known:] @ white.T @ self.whiten
        self.whiten, self.alpha = whiten, np.concatenate([self.alpha, np.zeros(len(x))])
        self.x = np.concatenate([self.x, x])

    def squares(self, x: Array) -> Array:
        """Squared distances [m, n] in lengthscales from coordinates [m, c] to all that was told or is running."""
        return squared_distances(x * self.scale, self.x)

    def mean(self, x: Array) -> Array:
        """The mean [m] of the function at coordinates [m, c]. Eq. 2.25."""
        return np.asarray(self.signal * matern(self.squares(x)) @ self.alpha)

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and deviation of the noiseless function at coordinates [m, c]: two arrays [m]. Eq. 2.25 and 2.26."""
        return self.predict_at(self.squares(x))

    def log_improvement(self, squares: Array) -> Array:
        """The log of the expected improvement on `best`, at squared distances [m, n]."""
        return log_expected_improvement(*self.predict_at(squares), self.best)

    def predict_at(self, squares: Array) -> tuple[Array, Array]:
        """The same, from squared distances [m, n]."""
        cross = matern(squares)
        cross *= self.signal
        mean = cross @ self.alpha
        white = whitened(self.whiten, cross)
        variance = self.signal - np.einsum("ij,ij->j", white, white)
        return mean, np.sqrt(np.maximum(variance, 1e-12))


def whitened(whiten: Array, cross: Array) -> Array:
    """``whiten`` [n, n], which is lower triangular, times the transpose of ``cross`` [m, n], which is overwritten."""
    return np.asarray(blas.dtrmm(1.0, whiten, cross.T, lower=1, overwrite_b=1))


def _factor(covariance: Array, noise: float) -> tuple[Array, float]:
    """The Cholesky factor of a covariance [n, n] with noise, and all that was added to the diagonal."""
    diagonal = covariance.diagonal().copy()
    for jitter in (JITTER, 1e4 * JITTER, 1.0):  # coordinates that nearly agree can need more
        covariance.flat[:: len(covariance) + 1] = diagonal + (noise + jitter)
        factor, failed = lapack.dpotrf(covariance, lower=1, clean=1)
        if not failed:
            break
    return factor, noise + jitter
