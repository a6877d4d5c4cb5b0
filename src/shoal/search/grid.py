"""Grid search: trial k tries point k of the grid of all values; the last param changes fastest.

For spaces of few points; a continuous domain needs a step (quniform, finrange) or a list of values.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import Exhausted, SpaceError
from shoal.history import History
from shoal.records import AnyRecord
from shoal.space import Params
from shoal.space.space import LISTED


class Grid:
    learns = False  # what others found does not matter

    def begin(self, history: History) -> None:
        self._space = history.space
        self._points: list[Params] | None = None
        self._size = math.prod(domain.size for domain in self._space.searched.values())
        if math.isinf(self._size):
            next(self._space.points())  # says which domain has no end
        if self._space.where or any(domain.extras.when for domain in self._space.domains.values()):
            if self._size > LISTED:
                raise SpaceError(
                    f"a grid with conditions or constraints may have {LISTED:,} points, not {self._size:,}"
                )
            self._points = list(self._space.points())
            self._size = len(self._points)

    def tell(self, record: AnyRecord) -> None:
        """A grid does not learn."""

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        if number >= self._size:
            raise Exhausted(f"all {int(self._size):,} points of the grid have been tried")
        params = self._nth(number) if self._points is None else dict(self._points[number])
        return Proposal(params, f"point {number} of the grid of {int(self._size):,}")

    def _nth(self, number: int) -> Params:
        digits: dict[str, int] = {}
        for name, domain in reversed(self._space.searched.items()):
            number, digits[name] = divmod(number, int(domain.size))
        return {name: domain.nth(digits.get(name, 0)) for name, domain in self._space.domains.items()}
