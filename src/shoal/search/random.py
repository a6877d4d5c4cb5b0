"""Random search: every proposal is drawn from the domains' distributions.

J. Bergstra, Y. Bengio: Random Search for Hyper-Parameter Optimization. JMLR 13, 2012. The baseline that any other
search must beat, and hard to beat with many peers and few trials. A finite space is drawn without repetition.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.contracts import Proposal
from shoal.draws import Draws
from shoal.errors import Exhausted, SpaceError
from shoal.history import History
from shoal.records import AnyRecord
from shoal.search.tried import DRAWS, Deal, Tried, point_key, starting_points
from shoal.space import Params
from shoal.space.space import LISTED


class Random:
    learns = False  # what others found does not matter

    def begin(self, history: History) -> None:
        self._space = history.space
        finite = math.isfinite(self._space.most)
        self._deal = Deal(history, Deck(history).card) if finite else None
        self._tried = Tried(history) if self._space.where and not finite else None

    def tell(self, record: AnyRecord) -> None:
        """Random search does not learn, but for what not to repeat."""
        book = self._deal or self._tried
        if book is not None:
            book.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        return Proposal(self._point(number, rng), "random")

    def _point(self, number: int, rng: np.random.Generator) -> Params:
        if self._deal is not None:
            return self._deal.ask(number, rng)[0]
        tried = self._tried
        return self._space.sample(rng) if tried is None else tried.draw(lambda: tried.sample(rng), rng)


class Deck:
    """The points of a finite space in the order in which they are drawn: every peer deals the same cards.

    Card k is drawn with the generator of trial k, again and again until it differs from all before it, and from the
    starting points.
    """

    def __init__(self, history: History) -> None:
        start = starting_points(history)
        self._space, self._draws, self._first = history.space, Draws(history.definition.seed), len(start)
        self._seen = {point_key(self._space, params) for params in start}
        self._cards: list[Params] = []
        self._listed = self._space.most <= LISTED  # then the last ones are found among all
        self._rest: list[Params] | None = None

    def card(self, number: int) -> Params:
        while len(self._cards) <= number:
            self._cards.append(self._draw(self._draws.at(self._first + len(self._cards))))
            self._seen.add(point_key(self._space, self._cards[-1]))
        return self._cards[number]

    def _draw(self, rng: np.random.Generator) -> Params:
        try:
            for _ in range(DRAWS):
                params = self._space.sample(rng)
                if point_key(self._space, params) not in self._seen:
                    return params
        except SpaceError:
            if not self._listed:
                raise
        if not self._listed:
            return params
        if self._rest is None:
            self._rest = list(self._space.points())
        self._rest = [params for params in self._rest if point_key(self._space, params) not in self._seen]
        if not self._rest:
            raise Exhausted("the deck has no more cards")
        return self._rest[int(rng.integers(len(self._rest)))]
