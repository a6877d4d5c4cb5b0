"""Losses made fit for a Gaussian process: their heavy tails are drawn in by a logarithm whose strength is learned."""

from __future__ import annotations

import math

import numpy as np

from shoal.space.domain import Array


class LogWarp:
    """w(y) = log(1 + c·(y - min) / (median - min)), standardised; c -> 0 leaves the losses as they are.

    The strength c is a hyperparameter like any other: the likelihood is that of the raw losses, so the warp's Jacobian
    is in it (E. Snelson, C. E. Rasmussen, Z. Ghahramani: Warped Gaussian Processes. NeurIPS 2003, eq. 6).
    """

    prior = (0.0, 1.5)  # mean and deviation of log c: between 0.05 and 20 nineteen times in twenty

    def __init__(self, losses: Array) -> None:
        losses = losses / max(float(np.abs(losses).max()), 1e-300)  # differences of the largest floats would overflow
        low = losses.min()
        span = float(np.median(losses) - low)
        if not span > 0:
            span = float(losses.mean() - low) or 1.0
        self._u = np.minimum((losses - low) / span, 1e100)

    def __call__(self, log_strength: float) -> Array:
        return self.at(log_strength)[0]

    def at(self, log_strength: float) -> tuple[Array, float, Array, float]:
        """The standardised losses, the log of the Jacobian, and the derivatives of both by log c."""
        c, u, n = math.exp(log_strength), self._u, len(self._u)
        warped, slope = np.log1p(c * u), c * u / (1.0 + c * u)
        centred, slope_centred = warped - warped.mean(), slope - slope.mean()
        deviation = math.sqrt(float(centred @ centred) / n)
        if deviation < 1e-12:  # all are equal
            return np.zeros(n), 0.0, np.zeros(n), 0.0
        y = centred / deviation
        bend = float(y @ slope_centred) / n / deviation  # d log(deviation) / d log c
        log_jacobian = n * (log_strength - math.log(deviation)) - float(warped.sum())
        return y, log_jacobian, slope_centred / deviation - y * bend, n - n * bend - float(slope.sum())
