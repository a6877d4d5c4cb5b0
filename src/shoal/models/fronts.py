"""Several losses at once: which points are beaten by none, and how alone each is among its equals."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from shoal.errors import StudyError, unknown
from shoal.records import Metrics
from shoal.space.domain import Array

MANY = 10  # trials, one of which would have told a metric that there is
GOALS = ("minimize", "maximize")


def check_goals(others: Mapping[str, str]) -> None:
    """Raises StudyError for a goal that there is not."""
    for goal in others.values():
        if goal not in GOALS:
            raise StudyError(unknown("goal", goal, GOALS))


def others_of(metrics: Metrics, others: Mapping[str, str]) -> list[float]:
    """The losses that some metrics are, smaller is better; NaN where one is not there, or no number."""
    told = [(metrics.get(name), -1.0 if goal == "maximize" else 1.0) for name, goal in others.items()]
    return [
        sign * value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
        for value, sign in told
    ]


def check_told(losses: Array, others: Mapping[str, str]) -> None:
    """Raises StudyError where none of many trials, with other losses [n, m], has told one of them."""
    for name, column in zip(others, losses.T, strict=True):
        if len(column) >= MANY and np.isnan(column).all():
            raise StudyError(f"others: none of {len(column)} trials has reported {name!r}; is the name right?")


def known(losses: Array) -> Array:
    """Losses [n, m] in which NaN counts as the worst that there is of that metric.

    >>> known(np.array([[1.0, np.nan], [2.0, 5.0]])).tolist()
    [[1.0, 5.0], [2.0, 5.0]]
    """
    found = losses.copy()
    for column in found.T:
        gone = np.isnan(column)
        column[gone] = column[~gone].max() if not gone.all() else 0.0
    return found


def ranks(losses: Array) -> NDArray[np.int_]:
    """The front that each of some points [n, m] is on: 0 those that no other beats, 1 those beaten by these alone, …

    A point beats another that is nowhere better and somewhere worse (K. Deb, A. Pratap, S. Agarwal, T. Meyarivan: A
    Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II. IEEE TEC 6, 2002, section III.A).

    >>> ranks(np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 2.0], [2.0, 0.0], [3.0, 3.0]])).tolist()
    [0, 0, 1, 0, 2]
    """
    found = np.zeros(len(losses), dtype=int)
    sequence = np.lexsort(losses.T[::-1])  # whatever beats a point comes before it
    ordered = losses[sequence]
    if losses.shape[1] == 2:
        found[sequence] = _ranks_of_two(ordered.tolist())
        return found
    for place, point in enumerate(ordered):
        before = ordered[:place]
        beating = np.all(before <= point, 1) & np.any(before < point, 1)
        found[sequence[place]] = found[sequence[:place][beating]].max(initial=-1) + 1
    return found


def _ranks_of_two(ordered: list[list[float]]) -> list[int]:
    """The fronts of pairs, which are sorted: those fronts beat a pair whose last one is nowhere worse."""
    found, last, before = list[int](), list[float](), None
    for pair in ordered:
        front = found[-1] if pair == before else bisect_right(last, pair[1])
        last[front : front + 1] = [pair[1]]
        found.append(front)
        before = pair
    return found


def crowding(losses: Array) -> Array:
    """How far apart the neighbours of each point [n, m] of one front lie, summed over the losses [n]; infinite at the
    ends (the same paper, section III.B)."""
    found = np.zeros(len(losses))
    for column in losses.T:
        order = np.argsort(column, kind="stable")
        found[order[[0, -1]]] = np.inf
        span = column[order[-1]] - column[order[0]]
        if span > 0 and len(order) > 2:
            found[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return found


def order(losses: Array) -> NDArray[np.int_]:
    """Points [n, m] from the best to the worst: by front, and within one the loneliest first."""
    front, alone = ranks(losses), np.zeros(len(losses))
    for rank in np.unique(front):
        alone[front == rank] = crowding(losses[front == rank])
    return np.lexsort((-alone, front))
