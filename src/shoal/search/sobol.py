"""Sobol search: trial k tries point k of a scrambled Sobol sequence, which fills the space more evenly than chance.

I. M. Sobol: On the distribution of points in a cube. 1967; scrambled after Owen 1998. The sequence is
scipy.stats.qmc's. Points that violate a constraint are skipped, so that trial k tries the k-th of the others.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import Exhausted, SpaceError
from shoal.history import History
from shoal.records import AnyRecord
from shoal.search.tried import Deal, Tried, point_key, starting_points
from shoal.space import Params
from shoal.space.space import LISTED, TRIES

BLOCK = 128


class Sobol:
    learns = False  # what others found does not matter

    def begin(self, history: History) -> None:
        self._space, self._seed = history.space, history.definition.seed % 2**64
        self._size = self._space.most
        self._start = {point_key(self._space, params) for params in starting_points(history)}
        self._deal = Deal(history, self._point) if math.isfinite(self._size) else None
        self._tried = Tried(history) if self._space.where and self._deal is None else None
        self._end = math.inf  # of the sequence, where ever more points would have to be skipped
        self._rewind()

    def _rewind(self) -> None:
        from scipy.stats import qmc  # takes most of a second

        self._sequence = qmc.Sobol(max(len(self._space.names), 1), scramble=True, rng=self._seed)
        self._first, self._points = 0, list[Params]()
        self._seen = set(self._start)  # the points of a finite space that were dealt

    def tell(self, record: AnyRecord) -> None:
        """Sobol does not learn, but for what not to repeat."""
        book = self._deal or self._tried
        if book is not None:
            book.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        if self._deal is not None:
            params, own = self._deal.ask(number, rng)
            return Proposal(params, f"point {number} of the Sobol sequence" if own else "a point that was left over")
        tried = self._tried
        if number < self._end:
            try:
                return Proposal(dict(self._point(number)), f"point {number} of the Sobol sequence")
            except SpaceError:
                if tried is None:
                    raise
                self._end = self._first
        assert tried is not None
        params = tried.draw(lambda: tried.sample(rng), rng)
        return Proposal(params, "random: hardly a Sobol point meets the constraints")

    def _point(self, number: int) -> Params:
        if number < self._first:
            self._rewind()
        while number >= self._first + len(self._points):
            more = self._more()
            if self._deal is None:  # what is gone through is not asked for again
                self._first, self._points = self._first + len(self._points), more
            else:
                self._points += more
        return self._points[number - self._first]

    def _more(self) -> list[Params]:
        """The next points that meet the constraints and, in a finite space, differ from all before.

        Raises Exhausted where there is none, and SpaceError where none was found.
        """
        for _ in range(TRIES // BLOCK + 1):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # blocks need no power of two: the sequence goes on
                points = [self._space.at(row) for row in self._sequence.random(BLOCK).tolist()]
            if found := self._new(params for params in points if self._space.allows(params)):
                return found
        if self._size > LISTED:
            raise SpaceError(f"none of {TRIES:,} Sobol points meets the constraints and is new")
        if found := self._new(self._space.points()):
            return found
        raise Exhausted("the space has no more points")

    def _new(self, points: Iterable[Params]) -> list[Params]:
        if math.isinf(self._size):
            return list(points)
        fresh = {point_key(self._space, params): params for params in points}
        found = [params for point, params in fresh.items() if point not in self._seen]
        self._seen |= fresh.keys()
        return found
