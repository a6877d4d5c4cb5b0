"""Where learning curves let expect that they end, from what trials lost at rungs."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from shoal.models.outputs import EARLY, MOST, span_of
from shoal.space.domain import Array

HUGE = 1e150  # a loss whose square is no infinity; what lies beyond counts as if it lay there
FEW = 3.0  # trials: as much as the slope of 1 from rung to rung weighs


class Curves:
    """What trials lost at rungs, a row for each rung of each trial, in the order of time.

    ``losses`` and ``times`` are [n, rungs], NaN where trials did not get to; a loss of infinity stands for a failure.
    Rows are of the ``trial[k]``-th, at a ``place`` between 0 (the first rung) and 1 (the last); ``top`` says of each
    whether its trial got no further.
    """

    def __init__(self, losses: Array, times: Array) -> None:
        trial, rung = np.nonzero(~np.isnan(losses))
        order = np.argsort(times[trial, rung], kind="stable")
        self._losses, self._at = losses, (trial[order], rung[order])
        self.trial: NDArray[np.int_] = self._at[0]
        self.place: Array = (self._at[1] + 1 - losses.shape[1]) / max(losses.shape[1] - 1, 1) + 1.0
        reached = np.where(np.isnan(losses), -1, np.arange(losses.shape[1])).max(1)
        self.top: NDArray[np.bool_] = self._at[1] == reached[self.trial]

    def __len__(self) -> int:
        return len(self.trial)

    def foreseen(self, count: int) -> Array:
        """What the losses of the first rows let expect at the highest rung that any of them is at, [count]; a failure
        counts as the worst of them."""
        at = self._at[0][:count], self._at[1][:count]
        told = np.full_like(self._losses, np.nan)
        told[at] = np.where(np.isinf(self._losses[at]), np.nan, self._losses[at])
        found: Array = aligned(told)[at]
        known = ~np.isnan(found)
        found[~known] = worse(found[known]) if known.any() else 0.0
        return found


def aligned(losses: Array) -> Array:
    """What losses at rungs, [n, k], let expect at the highest rung that a few got to; NaN stays NaN.

    From one rung to the next a line is fitted through the trials that got to both, with a slope near 1 while these are
    few: where early losses say nothing about later ones, all of them come to mean the same. Trials that are off by
    orders of magnitude, as where training diverged, are left out of that: they say nothing of the others.
    """
    losses = np.clip(losses, -HUGE, HUGE)
    found = losses.copy()
    shift, slope = 0.0, 1.0
    for k in range(losses.shape[1] - 2, -1, -1):
        both = ~np.isnan(losses[:, k]) & ~np.isnan(losses[:, k + 1])
        if both.any():
            both[both] = _near(losses[both, k]) & _near(losses[both, k + 1])
        if np.count_nonzero(both) >= 2:
            low, high = losses[both, k], losses[both, k + 1]
            away, spread = low - low.mean(), max(float(low.var()), 1e-300)
            bend = max((float(away @ high) + FEW * spread) / (float(away @ away) + FEW * spread), 0.0)
            shift, slope = shift + slope * float(high.mean() - bend * low.mean()), slope * bend
        found[:, k] = shift + slope * losses[:, k]
    return found


def _near(losses: Array) -> NDArray[np.bool_]:
    """Which losses are not off by orders of magnitude, as in `LogWarp`."""
    least = float(losses.min())
    return losses <= least + MOST * span_of(losses, losses[:EARLY], least)


def latest(losses: Array) -> Array:
    """What each trial lost at the highest rung it got to, [n]; NaN where there is none."""
    found = np.full(len(losses), np.nan)
    for column in losses.T:
        found = np.where(np.isnan(column), found, column)
    return found


def worse(losses: Array) -> float:
    """The greatest loss; where all tie, as at a level that nothing has left yet, a greater one."""
    worst = float(losses.max())
    return worst if losses.min() < worst else min(worst + 0.1 * (abs(worst) or 1.0), sys.float_info.max)
