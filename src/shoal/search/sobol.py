"""Sobol search: trial k tries point k of a scrambled Sobol sequence, which fills the space more evenly than chance.

I. M. Sobol: On the distribution of points in a cube. 1967; scrambled after Owen 1998. The sequence is
scipy.stats.qmc's. Points that violate a constraint are skipped, so that trial k tries the k-th of the others.
"""

from __future__ import annotations

import warnings

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.records import AnyRecord
from shoal.space import Params
from shoal.space.space import TRIES

BLOCK = 128


class Sobol:
    learns = False  # what others found does not matter

    def begin(self, history: History) -> None:
        self._space, self._seed = history.space, history.definition.seed
        self._rewind()

    def _rewind(self) -> None:
        from scipy.stats import qmc  # takes most of a second

        self._sequence = qmc.Sobol(max(len(self._space.names), 1), scramble=True, rng=self._seed)
        self._first, self._points = 0, list[Params]()

    def tell(self, record: AnyRecord) -> None:
        """Sobol does not learn."""

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        if number < self._first:
            self._rewind()
        skipped = 0
        while number >= self._first + len(self._points):
            self._first += len(self._points)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # blocks need no power of two: the sequence goes on
                points = [self._space.at(row) for row in self._sequence.random(BLOCK).tolist()]
            self._points = [params for params in points if self._space.allows(params)]
            skipped = 0 if self._points else skipped + BLOCK
            if skipped > TRIES:
                raise SpaceError(f"none of {skipped:,} Sobol points meets the constraints: are they too tight?")
        return Proposal(dict(self._points[number - self._first]), f"point {number} of the Sobol sequence")
