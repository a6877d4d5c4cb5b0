"""Random search: every proposal is drawn from the domains' distributions.

J. Bergstra, Y. Bengio: Random Search for Hyper-Parameter Optimization. JMLR 13, 2012. The baseline that any other
search must beat, and hard to beat with many peers and few trials. A finite space is drawn without repetition.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.contracts import Proposal
from shoal.draws import Draws
from shoal.errors import Exhausted
from shoal.history import History
from shoal.records import AnyRecord
from shoal.search.tried import DRAWS, point_key
from shoal.space import Params
from shoal.space.space import LISTED


class Random:
    learns = False  # what others found does not matter

    def begin(self, history: History) -> None:
        self._space, plan = history.space, history.definition
        size = math.prod(domain.size for domain in self._space.searched.values())
        self._deck = None
        if size < math.inf:
            draws = Draws(plan.seed)
            start = [self._space.complete(point, draws.at(place)) for place, point in enumerate(plan.start)]
            self._deck = Deck(history, start, draws)

    def tell(self, record: AnyRecord) -> None:
        """Random search does not learn."""

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        params = self._space.sample(rng) if self._deck is None else self._deck.card(number)
        return Proposal(params, "random")


class Deck:
    """The points of a finite space in the order in which they are drawn: every peer deals the same cards.

    Card k is drawn with the generator of trial k, again and again until it differs from all before it.
    """

    def __init__(self, history: History, start: list[Params], draws: Draws) -> None:
        self._space, self._draws, self._first = history.space, draws, len(start)
        self._seen = {point_key(self._space, params) for params in start}
        self._cards: list[Params] = []
        self._rest: list[Params] | None = None

    def card(self, number: int) -> Params:
        while len(self._cards) <= number:
            self._cards.append(self._draw(self._draws.at(self._first + len(self._cards))))
            self._seen.add(point_key(self._space, self._cards[-1]))
        return dict(self._cards[number])

    def _draw(self, rng: np.random.Generator) -> Params:
        for _ in range(DRAWS):
            params = self._space.sample(rng)
            if point_key(self._space, params) not in self._seen:
                return params
        if self._rest is None:
            if math.prod(domain.size for domain in self._space.searched.values()) > LISTED:
                return params
            self._rest = list(self._space.points())
        self._rest = [params for params in self._rest if point_key(self._space, params) not in self._seen]
        if not self._rest:
            raise Exhausted(f"all {len(self._seen):,} points of the space have been tried")
        return self._rest[int(rng.integers(len(self._rest)))]
