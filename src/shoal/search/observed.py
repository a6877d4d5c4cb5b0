"""What models learn from: the trials of a history as points of the unit cube, kept as they come in."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.fold import CODE
from shoal.history import History
from shoal.models.rungs import Ladder, aligned, even_levels, latest
from shoal.records import AnyRecord
from shoal.search.places import Places
from shoal.space.cube import Cube
from shoal.space.domain import Array


@dataclass(frozen=True)
class Observed:
    """Trials in the order of their numbers. A failed trial counts as the worst loss of all that are done, and
    as worse where they tie.

    With a budget, trials that were stopped or paused, or that still run, count by what their reports let expect.
    """

    numbers: NDArray[np.int_]  # [n] of the trials that ended
    points: Array  # [n, d]
    losses: Array  # [n], finite
    failed: NDArray[np.bool_]  # [n]
    running: Array  # [r, d]; lost ones too, which will be run again
    curves: Curves | None = None  # of all of these, with a budget


@dataclass(frozen=True)
class Curves:
    """What trials lost at rungs: row k is of the ``trial[k]``-th, at a ``place`` between 0 (the least budget) and 1
    (the most), on a log scale. Losses at lower rungs are what they let expect at the highest."""

    trial: NDArray[np.int_]  # [c], into the n that are observed
    place: Array  # [c]
    losses: Array  # [c]


class Watch:
    """Translates the codes of each trial once, when it begins."""

    def __init__(self, history: History, cube: Cube) -> None:
        self._history, self._cube = history, cube
        self._places = Places(history, cube)
        budget = history.definition.budget
        self._ladder = None if budget is None else Ladder(history, even_levels(budget.least, budget.most, 3.0))

    def tell(self, record: AnyRecord) -> None:
        if self._ladder is not None:
            self._ladder.tell(record)
        self._places.tell(record)

    def look(self) -> Observed:
        history, points = self._history, self._places.look()
        n = history.length
        state, value, usable = history.state[:n], history.value[:n], history.usable
        foreseen: Array | None = None
        if self._ladder is not None:
            foreseen = aligned(self._ladder.losses(n))
            last = latest(foreseen)
            value = np.where(np.isnan(last), value, last)
            value[state == CODE["failed"]] = np.nan
        done = usable & ~np.isnan(value)
        failed = usable & (state == CODE["failed"]) & bool(done.any())
        running = usable & ~done & ((state == CODE["running"]) | (state == CODE["lost"]))
        told = np.flatnonzero(done | failed)
        losses = value[told]
        if failed.any():
            losses[failed[told]] = _worst(value[done])
        curves = None if foreseen is None else _curves(foreseen[told], losses, failed[told])
        return Observed(told, points[told], losses, failed[told], points[:n][running], curves)


def _worst(losses: Array) -> float:
    """The greatest loss; where all tie, as at a level that nothing has left yet, a greater one."""
    worst = float(losses.max())
    return worst if losses.min() < worst else min(worst + 0.1 * (abs(worst) or 1.0), sys.float_info.max)


def _curves(found: Array, losses: Array, failed: NDArray[np.bool_]) -> Curves:
    found[failed] = np.nan
    silent = np.isnan(found).all(1)  # they failed, or came to their end without a report
    found[silent, -1] = losses[silent]
    trial, rung = np.nonzero(~np.isnan(found))
    return Curves(trial, rung / max(found.shape[1] - 1, 1), found[trial, rung])
