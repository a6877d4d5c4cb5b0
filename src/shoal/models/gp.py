"""A Gaussian process with a Matérn-5/2 kernel and one lengthscale a param, in numpy and scipy alone.

C. E. Rasmussen, C. K. I. Williams: Gaussian Processes for Machine Learning. MIT Press 2006, algorithm 2.1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from shoal.models.acquisition import log_expected_improvement
from shoal.models.evidence import Theta
from shoal.models.kernel import JITTER, matern, squared_distances
from shoal.space.domain import Array


class GaussianProcess:
    """The posterior of a function at given hyperparameters.

    ``x`` are coordinates [n, c], ``group`` [c] names the param of each, ``y`` [n] are standardised outputs. Places [p,
    c] in ``running`` count as told, with what is expected there (the kriging believer of Ginsbourger et al. 2010).
    ``ends`` are where told points are compared, by default their own coordinates.
    """

    def __init__(
        self, x: Array, y: Array, group: NDArray[np.int_], theta: Theta, running: Array | None = None,
        ends: Array | None = None,
    ) -> None:  # fmt: skip
        self.scale = np.exp(-theta.lengths)[group]
        self.signal, self._noise = math.exp(theta.signal), math.exp(theta.noise)
        self.x = x * self.scale
        self._tell(y)
        self.best = float(self.predict(x if ends is None else ends)[0].min())  # the least expected loss
        if running is not None and len(running):
            y = np.concatenate([y, self.predict(running)[0]])
            self.x = np.concatenate([self.x, running * self.scale])
            self._tell(y)

    def _tell(self, y: Array) -> None:
        covariance = self.signal * matern(squared_distances(self.x, self.x))
        diagonal = covariance.diagonal() + self._noise
        for jitter in (JITTER, 1e4 * JITTER, 1.0):  # coordinates that nearly agree can need more
            covariance.flat[:: len(y) + 1] = diagonal + jitter
            factor, failed = lapack.dpotrf(covariance, lower=1, clean=1)
            if not failed:
                break
        self.alpha, _ = lapack.dpotrs(factor, y, lower=1)
        self.whiten, _ = lapack.dtrtri(factor, lower=1)

    def squares(self, x: Array) -> Array:
        """Squared distances [m, n] in lengthscales from coordinates [m, c] to all that was told or is running."""
        return squared_distances(x * self.scale, self.x)

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
        white = cross @ self.whiten.T
        variance = self.signal - np.einsum("ij,ij->i", white, white)
        return cross @ self.alpha, np.sqrt(np.maximum(variance, 1e-12))
