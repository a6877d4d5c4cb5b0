"""Several losses at once: which points are beaten by none, and how alone each is among its equals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shoal.space.domain import Array


def ranks(losses: Array) -> NDArray[np.int_]:
    """The front that each of some points [n, m] is on: 0 those that no other beats, 1 those beaten by these alone, …

    A point beats another that is nowhere better and somewhere worse (K. Deb, A. Pratap, S. Agarwal, T. Meyarivan: A
    Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II. IEEE TEC 6, 2002, section III.A).

    >>> ranks(np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 2.0], [2.0, 0.0], [3.0, 3.0]])).tolist()
    [0, 0, 1, 0, 2]
    """
    found = np.full(len(losses), -1)
    left, front = np.arange(len(losses)), 0
    while len(left):
        some = losses[left]
        beaten = np.array([bool((np.all(some <= point, 1) & np.any(some < point, 1)).any()) for point in some])
        found[left[~beaten]] = front
        left, front = left[beaten], front + 1
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
