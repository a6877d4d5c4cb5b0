"""Trials that no other one beats in all metrics at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.errors import StudyError, unknown
from shoal.history import History
from shoal.models.fronts import ranks
from shoal.reports.importance import values_of
from shoal.space.domain import Array

GOALS = ("minimize", "maximize")


@dataclass(frozen=True)
class Front:
    """The done trials [n] that have all metrics, their values [n, m] as told, and which of them are on the front."""

    metrics: tuple[str, ...]
    goals: tuple[str, ...]
    numbers: NDArray[np.int_]
    values: Array
    best: NDArray[np.bool_]

    @property
    def trials(self) -> list[int]:
        """The numbers of the trials on the front, the best in the first metric first."""
        sign = -1.0 if self.goals[0] == "maximize" else 1.0
        chosen = np.flatnonzero(self.best)
        return [int(n) for n in self.numbers[chosen[np.argsort(sign * self.values[chosen, 0], kind="stable")]]]


def front(history: History, goals: Mapping[str, str]) -> Front:
    """The Pareto front over metrics with their goals, "minimize" or "maximize". Raises StudyError for other goals, and
    for a metric that no trial has."""
    for goal in goals.values():
        if goal not in GOALS:
            raise StudyError(unknown("goal", goal, GOALS))
    found = [dict(zip(*(part.tolist() for part in values_of(history, metric)), strict=True)) for metric in goals]
    for metric, told in zip(goals, found, strict=True):
        if not told and (done := history.numbers("done")):
            raise StudyError(unknown("metric", metric, sorted({name for n in done for name in history.metrics(n)})))
    numbers = sorted(set.intersection(*(set(told) for told in found)))
    values = np.array([[told[n] for told in found] for n in numbers], dtype=float).reshape(len(numbers), len(goals))
    signs = np.array([-1.0 if goal == "maximize" else 1.0 for goal in goals.values()])
    return Front(tuple(goals), tuple(goals.values()), np.array(numbers, dtype=int), values, ranks(values * signs) == 0)
