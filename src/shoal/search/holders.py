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
        self.held: dict[int, tuple[float, int, Array]] = {}
        self._challengers: dict[int, dict[int, None]] = {}  # place -> all that ever counted there
        for number in arrivals.numbers:
            self.tell(number)

    def tell(self, number: int) -> None:
        """A trial that now counts, or that no longer does: it is run again, or has left the island."""
        place = number % self._population
        challengers = self._challengers.setdefault(place, {})
        challengers[number] = None
        if self.held.get(place, (0.0, -1))[1] == number:
            del self.held[place]  # who held before does so once more
            for challenger in challengers:
                self._challenge(place, challenger)
        else:
            self._challenge(place, number)

    def _challenge(self, place: int, number: int) -> None:
        rank = (self._arrivals.loss(number), number)
        if number not in self._history.absent and rank < self.held.get(place, (math.inf, -1))[:2]:
            self.held[place] = (*rank, self._history.space.encode(self._history.params(number)))
