"""Latin hypercube search: of every n trials, each nth part of each param's range is tried just once.

M. D. McKay, R. J. Beckman, W. J. Conover: A Comparison of Three Methods for Selecting Values of Input Variables in the
Analysis of Output from a Computer Code. Technometrics 21, 1979. The hypercube has as many rows as the study has trials,
or 100 again and again where their number is not known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.records import AnyRecord
from shoal.search.tried import Tried
from shoal.space import Params

MOST = 1_000_000  # rows of a hypercube


@dataclass
class Latin:
    """Settings: the rows of a hypercube; None for as many as the study has trials."""

    rows: int | None = None

    def __post_init__(self) -> None:
        if self.rows is not None and self.rows < 1:
            raise SpaceError(f"latin needs rows >= 1, got {self}")
        if self.rows is not None and self.rows > MOST:
            raise SpaceError(f"latin holds all rows in memory: it needs rows <= {MOST:,}, got {self.rows:,}")

    def begin(self, history: History) -> None:
        self._space, self._tried = history.space, Tried(history)
        plan = history.definition
        searched = None if plan.trials is None else plan.trials - len(plan.start)
        self._rows = self.rows or max(min(searched or 100, MOST), 1)
        self._seed = plan.seed % 2**64
        self._block = -1

    def tell(self, record: AnyRecord) -> None:
        if self._space.where or math.isfinite(self._tried.size):  # else it has no point twice
            self._tried.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        block, row = divmod(number, self._rows)
        if block != self._block:
            own = np.random.default_rng([self._seed, block])
            cells = own.permuted(np.tile(np.arange(self._rows), (len(self._space.names), 1)), axis=1)
            self._units = (cells.T + own.random(cells.T.shape)) / self._rows
            self._block = block
        proposed = [self._space.at(self._units[row].tolist())]

        def propose() -> Params:
            params = proposed.pop() if proposed else self._tried.sample(rng)
            return params if self._space.allows(params) else self._tried.sample(rng)

        return Proposal(self._tried.draw(propose, rng), f"row {row} of {self._rows} of a Latin hypercube")
