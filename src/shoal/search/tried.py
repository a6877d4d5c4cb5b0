"""Not proposing twice: the points that were tried or are running, and draws that avoid them."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property

import numpy as np

from shoal.errors import Exhausted, SpaceError
from shoal.history import History
from shoal.records import AnyRecord, Started
from shoal.space import Params, Space
from shoal.space.space import LISTED

DRAWS = 30
RECENT = 100  # trials that a draw begins from where constraints are tight


class Tried:
    """The params of all trials of a history, kept as 64-bit hashes: 60 bytes a trial."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._space = history.space
        self._seen = {self._row(n) for n in range(history.length) if history.inside(n)}
        self._untried: list[Params] | None = None
        self.size = self._space.size

    def tell(self, record: AnyRecord) -> None:
        if type(record) is Started and self._history.inside(record.number):
            self._seen.add(self._row(record.number))

    def draw(self, propose: Callable[[], Params], rng: np.random.Generator) -> Params:
        """A new point: as proposed, if need be by further proposals; in a finite space any that is left.

        Raises Exhausted where none is left.
        """
        for _ in range(DRAWS):
            params = propose()
            if params not in self:
                return params
        if self.size > LISTED:
            return params
        for _ in range(DRAWS):  # listing is dear: worth it only where little is left
            if (params := self.sample(rng)) not in self:
                return params
        return self._any_left(rng)

    def sample(self, rng: np.random.Generator) -> Params:
        """Params drawn from the domains' distributions; where the constraints are too tight, from a trial on."""
        if not self._tight:
            with suppress(SpaceError):
                return self._space.sample(rng)
        length = self._history.length
        known = [n for n in range(max(0, length - RECENT), length) if self._history.inside(n)]
        if not known:
            return self._space.sample(rng)
        return self._space.wander(self._history.params(known[int(rng.integers(len(known)))]), rng)

    @cached_property
    def _tight(self) -> bool:
        """Whether draws at random do not meet the constraints, by some that are the same for all peers."""
        try:
            self._space.sample(np.random.default_rng(0))
        except SpaceError:
            return True
        return False

    def __contains__(self, params: Params) -> bool:
        return point_key(self._space, params) in self._seen

    def _row(self, number: int) -> int:
        return hash(self._history.x[number].tobytes())

    def _any_left(self, rng: np.random.Generator) -> Params:
        if self._untried is None:
            self._untried = list(self._space.points())
        self._untried = [params for params in self._untried if params not in self]
        if not self._untried:
            raise Exhausted(f"all {int(self.size):,} points of the space have been tried")
        return self._untried[int(rng.integers(len(self._untried)))]


def point_key(space: Space, params: Params) -> int:
    """A 64-bit hash of params, the same as that of their row in the history."""
    row = [domain.code(params[name]) if name in params else math.nan for name, domain in space.searched.items()]
    return hash(np.array(row, dtype=np.float64).tobytes())
