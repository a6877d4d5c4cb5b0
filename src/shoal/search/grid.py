"""Grid search: trial k tries point k of the grid of all values; the last param changes fastest.

Starting points are left out, and what other searches have tried.
For spaces of few points; a continuous domain needs a step (quniform, finrange) or a list of values.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import Exhausted, SpaceError
from shoal.history import History
from shoal.records import AnyRecord
from shoal.search.tried import Deal, point_key, starting_points
from shoal.space import Params
from shoal.space.choices import Categorical
from shoal.space.domain import Domain
from shoal.space.space import LISTED


class Grid:
    learns = False  # what others found does not matter

    def begin(self, history: History) -> None:
        self._space = history.space
        self._points: list[Params] | None = None
        self._size = self._space.most
        if math.isinf(self._size):
            next(self._space.points())  # says which domain has no end
        if self._space.where or any(domain.extras.when for domain in self._space.domains.values()):
            if self._size > LISTED:
                raise SpaceError(
                    f"a grid with conditions or constraints may have {LISTED:,} points, not {self._size:,}"
                )
            self._points = list(self._space.points())
            self._size = len(self._points)
        self._start = sorted(self._places(starting_points(history)))
        self._deal = Deal(history, self._card, "grid")

    def tell(self, record: AnyRecord) -> None:
        self._deal.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        params, own = self._deal.ask(number, rng)
        which = f"point {self._skip(number)}" if own else "a point that was left over"
        return Proposal(params, f"{which} of the grid of {int(self._size):,}")

    def _skip(self, number: int) -> int:
        """Where in the grid the k-th point lies that is no starting point."""
        for index in self._start:
            number += index <= number
        return number

    def _card(self, number: int) -> Params:
        number = self._skip(number)
        if number >= self._size:
            raise Exhausted("the grid has no more points")
        return self._nth(number) if self._points is None else self._points[number]

    def _nth(self, number: int) -> Params:
        digits: dict[str, int] = {}
        for name, domain in reversed(self._space.searched.items()):
            number, digits[name] = divmod(number, int(domain.size))
        return {name: domain.nth(digits.get(name, 0)) for name, domain in self._space.domains.items()}

    def _places(self, points: list[Params]) -> set[int]:
        """Where in the grid some points lie."""
        if self._points is None or not points:
            return {self._index(params) for params in points}
        wanted = {point_key(self._space, params) for params in points}
        return {place for place, point in enumerate(self._points) if point_key(self._space, point) in wanted}

    def _index(self, params: Params) -> int:
        """The way back from `_nth`."""
        index = 0
        for name, domain in self._space.searched.items():
            index = index * int(domain.size) + _digit(domain, params[name])
        return index


def _digit(domain: Domain, value: Any) -> int:
    """The way back from `Domain.nth`."""
    code = domain.code(value)
    if isinstance(domain, Categorical):
        return int(code)
    return bisect_left(range(int(domain.size)), code, key=lambda index: domain.code(domain.nth(index)))
