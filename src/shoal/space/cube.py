"""The searched params of a space as points of the unit cube, many at once: what models and populations work on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from shoal.space.conditions import Condition
from shoal.space.domain import Array, Domain
from shoal.space.space import Params, Space

Mask: TypeAlias = NDArray[np.bool_]
MOST_CELLS: Final = 10_000  # a discrete number of more values is treated as continuous


class Cube:
    """Points are rows [n, d] of places in [0, 1], one column for each of ``space.names``; NaN where inactive.

    >>> import numpy as np, shoal
    >>> cube = Cube(shoal.Space({"n": (1, 4), "x": shoal.uniform(0.0, 1.0).when(n=4)}))
    >>> cube.snap(np.array([[0.1, 0.3], [0.9, 0.3]]))
    array([[0.125,   nan],
           [0.875, 0.3  ]])
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.domains = tuple(space.searched.values())
        self.dimensions = len(self.domains)
        self.categorical = np.array([domain.width > 1 for domain in self.domains], dtype=bool)
        self.choices = np.array([domain.width if domain.width > 1 else 0 for domain in self.domains], dtype=int)
        self.numbers = np.flatnonzero(~self.categorical)
        self.conditional = np.array([bool(domain.extras.when) for domain in self.domains], dtype=bool)
        self._conditions = [
            (column, _look(space, condition))
            for column, name in sorted(enumerate(space.names), key=lambda pair: _depth(space, pair[1]))
            for condition in space.domains[name].extras.when
        ]

    def of_codes(self, codes: Array) -> Array:
        """Points from rows of the history's ``x``."""
        points = np.full(codes.shape, np.nan)
        for column, domain in enumerate(self.domains):
            known = ~np.isnan(codes[:, column])
            if known.any():
                points[known, column] = domain.places(codes[known, column])
        return points

    def of_params(self, params: Params) -> Array:
        """The point of some params, [1, d]."""
        row = [domain.code(params[n]) if n in params else np.nan for n, domain in self.space.searched.items()]
        return self.of_codes(np.array([row], dtype=np.float64))

    def snap(self, units: Array) -> Array:
        """The points of the values that lie at these places."""
        points = np.empty(units.shape)
        for column, domain in enumerate(self.domains):
            points[:, column] = domain.snap(units[:, column])
        for column, active in self._conditions:
            points[~active(points), column] = np.nan
        return points

    def edges(self, column: int) -> Array | None:
        """The inner edges of the cells of a discrete number, in [0, 1]; None for a continuous one."""
        domain = self.domains[column]
        if not domain.size <= MOST_CELLS:
            return None
        places = np.array([domain.unit(domain.nth(index)) for index in range(int(domain.size))])
        return np.asarray((places[1:] + places[:-1]) / 2)

    def hot(self, points: Array) -> list[Mask]:
        """For each categorical param the choices [n, K] at some points: True at the chosen one alone."""
        columns = np.flatnonzero(self.categorical)
        counts = self.choices[columns]
        chosen = np.floor(points[:, columns] * counts)
        return [chosen[:, [place]] == np.arange(count) for place, count in enumerate(counts.tolist())]

    def params(self, point: Array) -> Params:
        """The params at one point."""
        return self.space.at(np.where(np.isnan(point), 0.5, point).tolist())

    def allows(self, points: Array) -> Mask:
        """Which of the points [m, d] meet the constraints."""
        if not self.space.where:
            return np.ones(len(points), dtype=bool)
        return np.array([self.space.allows(self.params(point)) for point in points], dtype=bool)


def _depth(space: Space, name: str) -> int:
    return 1 + max((_depth(space, condition.name) for condition in space.domains[name].extras.when), default=0)


def _look(space: Space, condition: Condition) -> Callable[[Array], Mask]:
    """Whether a condition holds at each of some points. Values are looked at once each."""
    if condition.name not in space.searched:  # a constant, which is active or not with its own conditions
        return _constant(space, condition)
    domain: Domain = space.searched[condition.name]
    parent = space.names.index(condition.name)

    def active(points: Array) -> Mask:
        units, where = np.unique(points[:, parent], return_inverse=True)
        holds = [unit == unit and condition.test.holds(domain.at(unit)) for unit in units.tolist()]
        return np.array(holds, dtype=bool)[where]

    return active


def _constant(space: Space, condition: Condition) -> Callable[[Array], Mask]:
    parent = space.domains[condition.name]
    looks = [_look(space, outer) for outer in parent.extras.when]
    holds = condition.test.holds(parent.value(0.0))
    return lambda points: np.logical_and.reduce([np.full(len(points), holds), *(look(points) for look in looks)])
