"""Random search: every proposal is drawn from the domains' distributions.

J. Bergstra, Y. Bengio: Random Search for Hyper-Parameter Optimization. JMLR 13, 2012. The baseline that any other
search must beat, and hard to beat with many peers and few trials. A finite space is drawn without repetition.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.contracts import Proposal
from shoal.history import History
from shoal.records import AnyRecord
from shoal.search.tried import Tried


class Random:
    learns = False  # what others found does not matter, but in a finite space

    def begin(self, history: History) -> None:
        self._space = history.space
        finite = math.prod(domain.size for domain in self._space.searched.values()) < math.inf
        self._tried = Tried(history) if finite else None
        self.learns = finite

    def tell(self, record: AnyRecord) -> None:
        if self._tried is not None:
            self._tried.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        if self._tried is None:
            return Proposal(self._space.sample(rng), "random")
        return Proposal(self._tried.draw(lambda: self._space.sample(rng), rng), "random")
