"""What models learn from: the trials of a history as points of the unit cube, kept as they come in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.fold import CODE
from shoal.history import History
from shoal.models.foreseen import Curves, aligned, latest, worse
from shoal.models.rungs import Ladder, spaced_levels
from shoal.records import AnyRecord
from shoal.search.places import Places
from shoal.space.cube import Cube
from shoal.space.domain import Array


@dataclass(frozen=True)
class Observed:
    """Trials in the order of their numbers. A failed trial counts as the worst loss of all that are done, and
    as worse where they tie.

    With a budget, trials that were stopped or paused, or that still run, count by what their reports let expect.
    Without one, or where no rung was reached, a trial that was stopped counts by its last report, and as the median of
    those that are done at least: it fell behind, and an early loss may be low.
    """

    numbers: NDArray[np.int_]  # [n] of the trials that ended
    points: Array  # [n, d]
    losses: Array  # [n], finite
    failed: NDArray[np.bool_]  # [n]
    running: Array  # [r, d]; lost ones too, which will be run again
    curves: Curves | None = None  # of those that ended, with a budget


class Watch:
    """Translates the codes of each trial once, when it begins."""

    def __init__(self, history: History, cube: Cube) -> None:
        self._history, self._cube = history, cube
        self._places = Places(history, cube)
        budget = history.definition.budget
        self._last: dict[int, float] = {}  # a trial that was stopped -> the loss that it reported last
        self._ladder = None if budget is None else Ladder(history, spaced_levels(budget.least, budget.most, 3.0))

    def tell(self, record: AnyRecord) -> None:
        if self._ladder is not None:
            self._ladder.tell(record)
        self._places.tell(record)

    def look(self) -> Observed:
        history, points = self._history, self._places.look()
        n = history.length
        state, value, usable = history.state[:n], history.value[:n], history.usable
        if self._ladder is not None:
            last = latest(aligned(self._ladder.losses(n)))
            value = np.where(np.isnan(last), value, last)
            value[state == CODE["failed"]] = np.nan
        silent = np.flatnonzero(usable & np.isnan(value) & (state == CODE["stopped"]))
        if len(silent) and (known := value[usable & ~np.isnan(value)]).size:
            value = value.copy()
            value[silent] = np.fmax(self._last_losses(silent.tolist()), np.median(known))
        done = usable & ~np.isnan(value)
        failed = usable & (state == CODE["failed"]) & bool(done.any())
        running = usable & ~done & ((state == CODE["running"]) | (state == CODE["lost"]))
        told = np.flatnonzero(done | failed)
        losses = value[told]
        if failed.any():
            losses[failed[told]] = worse(value[done])
        curves = None if self._ladder is None else self._curves(self._ladder, told, np.where(failed, np.inf, value))
        return Observed(told, points[told], losses, failed[told], points[:n][running], curves)

    def _last_losses(self, numbers: list[int]) -> list[float]:
        """What trials that were stopped lost when they last reported; NaN where they never did."""
        for number in numbers:
            if number not in self._last:
                reports = self._history.reports(number)
                loss = self._history.loss(reports[-1]) if reports else None
                self._last[number] = np.nan if loss is None else loss
        return [self._last[number] for number in numbers]

    def _curves(self, ladder: Ladder, told: NDArray[np.int_], value: Array) -> Curves:
        """Those of the trials; what failed, or reached no rung, counts at its end."""
        n = self._history.length
        losses, times = ladder.losses(n)[told], ladder.times(n)[told]
        silent = np.isnan(losses).all(1)
        losses[silent, -1] = value[told][silent]
        times[silent, -1] = self._history.begun_at[told][silent]
        return Curves(losses, times)
