"""Losses made fit for a Gaussian process: their heavy tails are drawn in by a logarithm whose strength is learned."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from shoal.space.domain import Array

MOST: Final = 100.0  # spans between the least loss and the greatest
FEW: Final = 30.0  # lower quartiles that a span is long at most
ROUNDING: Final = 1e-14  # of a loss
EARLY: Final = 20  # losses that are spread as the space has them, before a search gathers around its best


class LogWarp:
    """w(y) = log(1 + c·(y - min) / (median - min)), standardised; c -> 0 leaves the losses as they are.

    The span median - min is that of the losses or of the first that were told, `EARLY` of all in the order of time,
    whichever is longer: else what many trials near the best one have in common would come to be all that is seen, and
    no place could be imagined that is much better.

    The strength c is a hyperparameter like any other: the likelihood is that of the raw losses, so the warp's Jacobian
    is in it (E. Snelson, C. E. Rasmussen, Z. Ghahramani: Warped Gaussian Processes. NeurIPS 2003, eq. 6). Losses that
    tie are known no better than to the next loss above: there the Jacobian is the slope between the two. With the slope
    at the loss itself, ties at the minimum would make any strength too weak.

    A loss that is off by orders of magnitude, as where training diverged, says no more than that it is bad: what lies
    beyond `MOST` spans counts as if it lay there, and where half of all are such losses, the span is `FEW` times the
    lower quartile. Else a single loss of 1e30 would leave the others no difference that a model could see.
    """

    prior = (0.0, 1.5)  # mean and deviation of log c: between 0.05 and 20 nineteen times in twenty

    def __init__(self, losses: Array, told: Array | None = None) -> None:
        early = losses[:0] if told is None else told[:EARLY]
        if np.abs(losses).max() > 1e300:
            losses, early = 0.25 * losses, 0.25 * early  # differences of the largest floats would overflow
        low = float(losses.min())
        span = span_of(losses, early, low)
        with np.errstate(over="ignore"):
            self._u = np.round(np.minimum((losses - low) / span, MOST), 12)  # what differs less is tied
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


def span_of(losses: Array, early: Array, low: float) -> float:
    """How far losses are spread above the least: as far as all or as the first ones, whichever is more; 1 where none
    is."""
    return max(_span(losses, low), _span(early, low)) or 1.0


def _span(losses: Array, low: float) -> float:
    """How far the median lies above the least loss; 0 where nothing does."""
    above = np.maximum(losses - low, 0.0)
    known = above[above > ROUNDING * abs(low)]  # not by rounding alone
    if not len(known):
        return 0.0
    quarter = float(np.quantile(known, 0.25, method="lower"))
    return min(float(np.median(above)) or float((above / len(above)).sum()), FEW * quarter)
