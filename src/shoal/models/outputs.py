"""Losses made fit for a Gaussian process: their heavy tails are drawn in by a logarithm whose strength is learned."""

from __future__ import annotations

import math

import numpy as np

from shoal.space.domain import Array


class LogWarp:
    """w(y) = log(1 + c·(y - min) / (median - min)), standardised; c -> 0 leaves the losses as they are.

    The strength c is a hyperparameter like any other: the likelihood is that of the raw losses, so the warp's Jacobian
    is in it (E. Snelson, C. E. Rasmussen, Z. Ghahramani: Warped Gaussian Processes. NeurIPS 2003, eq. 6). Losses that
    tie are known no better than to the next loss above: there the Jacobian is the slope between the two. With the slope
    at the loss itself, ties at the minimum would make any strength too weak.
    """

    prior = (0.0, 1.5)  # mean and deviation of log c: between 0.05 and 20 nineteen times in twenty

    def __init__(self, losses: Array) -> None:
        losses = losses / max(float(np.abs(losses).max()), 1e-300)  # differences of the largest floats would overflow
        low = losses.min()
        span = float(np.median(losses) - low)
        if not span > 0:
            span = float(losses.mean() - low) or 1.0
        self._u = np.round(np.minimum((losses - low) / span, 1e100), 12)  # what differs less is tied
        values, where, counts = np.unique(self._u, return_inverse=True, return_counts=True)
        tied = (counts[where] > 1) & (where < len(values) - 1)
        self._tied = np.flatnonzero(tied)
        self._above = values[where[tied] + 1]

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
        slopes, bends = log_strength - warped, 1.0 - slope  # log dw/du, and its derivative by log c
        if len(self._tied):
            above, tied = self._above, self._tied
            rise = np.log1p(c * (above - u[tied]) / (1.0 + c * u[tied]))
            slopes[tied] = np.log(rise / (above - u[tied]))
            bends[tied] = (c * above / (1.0 + c * above) - slope[tied]) / rise
        log_jacobian = float(slopes.sum()) - n * math.log(deviation)
        return y, log_jacobian, slope_centred / deviation - y * bend, float(bends.sum()) - n * bend
