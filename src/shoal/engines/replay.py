"""What a simulation tunes: a finished study, with a forest between its trials, or a function with made-up curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from shoal.engines.simulated import Curve
from shoal.errors import StudyError
from shoal.history import History
from shoal.models.features import Features
from shoal.models.forest import Forest
from shoal.records import Budget
from shoal.space import Params, Space
from shoal.space.cube import Cube
from shoal.space.domain import Array
from shoal.trial import Report, Trial

STEPS = 200  # points of a curve, at most
TREES = 50
RETRIES = 8  # splits that are tried for each coordinate until one tells trials apart
LEAST = 0.01  # of the time that a step takes on average, where reports came at the same instant


class Replay:
    """A study as a problem: recorded trials report what they reported, when they did.

    Params between them get the mean of the trials in the same leaves of a forest, that is what it predicts, at every
    step; so do seconds. A trial that ended early is drawn on as the others changed from there. Params whose
    neighbours mostly failed fail too. Raises StudyError where fewer than two trials have a result.
    """

    def __init__(self, history: History) -> None:
        metric = history.definition.metric
        trials = [history.trial(n) for n in range(history.length) if history.inside(n)]
        ended = [trial for trial in trials if trial.outcome in ("done", "stopped", "paused")]
        spent = _counted(history, ended)
        points = [(trial, found) for trial in ended if (found := _points(trial, metric, spent))]
        told, curves = [trial for trial, _ in points], [found for _, found in points]
        failed = [trial for trial in trials if trial.outcome == "failed"]
        if len(told) < 2:
            raise StudyError(
                f"study {history.definition.name!r} has {len(told)} trials with a result; a simulation needs 2 or more"
            )
        self._metric, self._known = metric, {}  # type: ignore[var-annotated]
        self.steps = _thinned(sorted({step for curve in curves for step, _, _ in curve}))
        self._losses, self._seconds = (np.stack(rows) for rows in zip(*(self._row(c) for c in curves), strict=True))
        _draw_on(self._losses, np.array([curve[-1][0] for curve in curves]), self.steps)
        for row, trial in enumerate(told):
            if trial.value is not None:
                self._losses[row, -1] = trial.value
        self._failed = np.array([False] * len(told) + [True] * len(failed))
        self._fail_seconds = float(np.mean([trial.seconds or 0.0 for trial in failed])) if failed else 0.0
        self._cube = Cube(history.space)
        self._features = Features(self._cube)
        x = self._features(self._cube.of_codes(history.x[[trial.number for trial in (*told, *failed)]]))
        ends = history.sign * self._losses[:, -1]
        y = np.concatenate([ends, np.full(len(failed), ends.max())])
        self._forest = Forest(x, y, np.random.default_rng(0), TREES, retries=RETRIES * x.shape[1])
        self._leaves = self._forest.leaves(x)
        self._rows = {str(trial.params): row for row, trial in enumerate(told)}

    @property
    def budget(self) -> Budget | None:
        """The budget that the trials' own steps suggest."""
        return Budget("step", max(float(self.steps[0]), 1.0), float(self.steps[-1])) if len(self.steps) > 1 else None

    def _row(self, curve: Sequence[tuple[float, float, float]]) -> tuple[Array, Array]:
        """Losses and seconds at all steps; seconds go on as fast as they went, and no step takes none."""
        at, losses, seconds = (np.array(column, float) for column in zip(*curve, strict=True))
        first = min(float(self.steps[0]), 1.0) - 1.0  # steps that are counted from 0, or from below
        steps, at = self.steps - first, at - first
        found = np.interp(steps, at, seconds)
        beyond, before = steps > at[-1], steps < at[0]
        found[beyond] = seconds[-1] * steps[beyond] / at[-1]
        found[before] = seconds[0] * steps[before] / at[0]
        found = np.maximum(found, 1e-6)
        slow = LEAST * found.max() / len(found) * np.arange(len(found))
        least = np.maximum.accumulate(found - slow) + slow
        return np.interp(steps, at, losses), np.where(least > found * (1.0 + 1e-9), least, found)

    def curve(self, params: Params) -> Curve:
        weights = self._weights(params)
        if weights[self._failed].sum() > 0.5:
            return [(int(self.steps[0]), {self._metric: math.nan}, max(self._fail_seconds, 1e-6))]
        weights = weights[~self._failed] / weights[~self._failed].sum()
        losses, seconds = weights @ self._losses, weights @ self._seconds
        return [
            (int(step), {self._metric: loss}, spent)
            for step, loss, spent in zip(self.steps, losses.tolist(), seconds.tolist(), strict=True)
        ]

    def _weights(self, params: Params) -> Array:
        """How much each recorded trial counts."""
        known = self._rows.get(str(params))
        if known is not None:
            weights = np.zeros(len(self._failed))
            weights[known] = 1.0
            return weights
        leaves = self._forest.leaves(self._features(self._cube.of_params(params)))
        same = self._leaves == leaves
        return np.asarray((same / same.sum(0)).mean(1))


class Synthetic:
    """A function with learning curves: each falls to its value as a power of the step, one that the params decide.

    A step takes a second.
    """

    def __init__(self, function: Callable[[Params], float], space: Space, metric: str, steps: int) -> None:
        self._function, self._metric, self._steps = function, metric, np.arange(1.0, steps + 1.0)
        self._cube = Cube(space)
        rng = np.random.default_rng(0)
        drawn = [function(space.sample(rng)) for _ in range(100)]
        self._height = float(np.median(drawn) - np.min(drawn))

    def curve(self, params: Params) -> Curve:
        bend = 0.3 + 0.7 * float(np.nanmean(self._cube.of_params(params)))
        gone = (self._steps**-bend - self._steps[-1] ** -bend) / max(1.0 - self._steps[-1] ** -bend, 1e-12)
        values = self._function(params) + self._height * gone
        return [(k, {self._metric: value}, float(k)) for k, value in enumerate(values.tolist(), start=1)]


def _counted(history: History, trials: list[Trial]) -> Callable[[Report], float]:
    """What tells how far a trial was when it reported: its step, or what counts in the study's budget, where that is
    another metric of whole numbers."""
    plan = history.definition
    if plan.budget is None or plan.budget.name == "seconds":
        return lambda report: report.step
    whole = all(history.spent(report).is_integer() for trial in trials for report in trial.reports)
    return history.spent if whole else lambda report: report.step


def _points(trial: Trial, metric: str, spent: Callable[[Report], float]) -> list[tuple[float, float, float]]:
    """Step, loss and seconds of each report of a trial, of those at the same step the last; its result where it has
    none."""
    whole = trial.seconds or 0.0
    told = [report for report in trial.reports if _told(report.metrics.get(metric))]
    if told:
        last = {spent(report): report for report in told}
        return [(step, float(last[step].metrics[metric]), last[step].seconds) for step in sorted(last)]
    return [] if trial.value is None else [(1, trial.value, max(whole, 1e-6))]


def _told(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and math.isfinite(value)


def _thinned(steps: list[float]) -> NDArray[np.float64]:
    kept = np.linspace(0, len(steps) - 1, min(len(steps), STEPS)).round().astype(int)
    return np.array([steps[place] for place in kept], float)


def _draw_on(losses: Array, last: Array, steps: Array) -> None:
    """Fill in what trials that ended early would have reported: they change from there as the median of the others."""
    for row in np.flatnonzero(last < steps[-1]):
        place = int(np.searchsorted(steps, last[row], side="right")) - 1
        for column in range(place + 1, len(steps)):
            others = last >= steps[column]
            change = np.median(losses[others, column] - losses[others, place]) if others.any() else 0.0
            losses[row, column] = losses[row, place] + change
