"""The best trial of each place in a population: trial k is of place k mod P, whatever order the news came in."""

from __future__ import annotations

import math

from shoal.history import History
from shoal.search.arrivals import Arrivals
from shoal.space.domain import Array


class Holders:
    """``held``: place -> (loss, number, point [d] of the unit cube) of its best trial that is done."""

    def __init__(self, history: History, arrivals: Arrivals, population: int) -> None:
        self._history, self._arrivals, self._population = history, arrivals, population
        self._hold()

    def _hold(self) -> None:
        """Find the holder of each place in the whole history."""
        self.held: dict[int, tuple[float, int, Array]] = {}
        for number in self._arrivals.numbers:
            self._challenge(number)

    def tell(self, number: int) -> None:
        """A trial that now counts, or that no longer does: it is run again, or has left the island."""
        if self.held.get(number % self._population, (0.0, -1))[1] == number:
            self._hold()  # who held before it does so once more
        else:
            self._challenge(number)

    def _challenge(self, number: int) -> None:
        rank = (self._arrivals.loss(number), number)
        place = number % self._population
        if number in self._history.absent:
            return
        if rank[0] < math.inf and rank < self.held.get(place, (math.inf, 0))[:2]:
            self.held[place] = (*rank, self._history.space.encode(self._history.params(number)))
