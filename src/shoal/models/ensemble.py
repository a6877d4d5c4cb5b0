"""Gaussian processes on the same data with different hyperparameters, asked together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from shoal.models.acquisition import log_expected_improvement
from shoal.models.gp import GaussianProcess, whitened
from shoal.models.kernel import matern
from shoal.space.domain import Array


class Ensemble:
    """Models [s] with the weight of each; what it says of coordinates [m, c] is averaged over them."""

    def __init__(self, models: Sequence[GaussianProcess], weights: Sequence[float]) -> None:
        self._scale = np.stack([model.scale for model in models])[:, None, :]
        self._x = np.stack([model.x for model in models]).transpose(0, 2, 1)  # [s, c, n]
        self._norms = (self._x * self._x).sum(1)[:, None, :]
        self._alpha = np.stack([model.alpha for model in models])[:, :, None]
        self._whiten = [model.whiten for model in models]
        self._signal = np.array([model.signal for model in models])[:, None]
        self._noise = np.array([model.noise for model in models])[:, None]
        self._best = np.array([model.best for model in models])[:, None]
        self._weights = np.array(weights)[:, None] / sum(weights)

    def squares(self, x: Array) -> Array:
        """Squared distances [s, m, n] in lengthscales of each model, to what was told or is running."""
        scaled = x * self._scale
        squares: Array = scaled @ self._x
        squares *= -2.0
        squares += (scaled * scaled).sum(2)[:, :, None]
        squares += self._norms
        np.maximum(squares, 0.0, out=squares)
        return squares

    def _predict(self, squares: Array) -> tuple[Array, Array]:
        """Means and deviations [s, m]."""
        cross = matern(squares)
        cross *= self._signal[:, :, None]
        mean = (cross @ self._alpha)[:, :, 0]
        white = map(whitened, self._whiten, cross)
        variance = self._signal - np.stack([np.einsum("ij,ij->j", part, part) for part in white])
        return mean, np.sqrt(np.maximum(variance, 1e-12))

    def log_improvement(self, squares: Array) -> Array:
        """The log of the expected improvement [m] on the least loss expected so far, at squared distances [s, m, n]."""
        mean, deviation = self._predict(squares)
        found = log_expected_improvement(mean, deviation, self._best) + np.log(self._weights)
        return np.asarray(np.logaddexp.reduce(found, axis=0))

    def chance(self, squares: Array, least: Array) -> Array:
        """The probability [m] of an outcome, noise and all, below the least so far, as each model has it [s]."""
        mean, deviation = self._predict(squares)
        off = (least[:, None] - mean) / np.sqrt(deviation**2 + self._noise)
        return np.asarray((self._weights * ndtr(off)).sum(0))
