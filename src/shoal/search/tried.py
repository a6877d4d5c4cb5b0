"""Not proposing twice: the points that were tried or are running, and draws that avoid them."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property

import numpy as np

from shoal.draws import Draws
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

    @cached_property
    def size(self) -> float:
        """How many points there are to try."""
        return self._space.size

    def __len__(self) -> int:
        return len(self._seen)

    def tell(self, record: AnyRecord) -> None:
        if type(record) is Started and self._history.inside(record.number):
            self._seen.add(self._row(record.number))

    def draw(self, propose: Callable[[], Params], rng: np.random.Generator) -> Params:
        """A new point: as proposed, if need be by further proposals, or at random; in a finite space any that is left.

        Raises Exhausted where none is left.
        """
        for _ in range(DRAWS):
            params = propose()
            if params not in self:
                return params
        for _ in range(DRAWS):  # listing is dear: worth it only where little is left
            if (params := self.sample(rng)) not in self:
                return params
        return params if self.size > LISTED else self._any_left(rng)

    def sample(self, rng: np.random.Generator) -> Params:
        """Params drawn from the domains' distributions; where the constraints are too tight, from a trial on."""
        if not self._tight:
            with suppress(SpaceError):
                return self._space.sample(rng)
        length = self._history.length
        known = [n for n in range(max(0, length - RECENT), length) if self._history.inside(n)]
        if known:
            return self._walk(self._history.params(known[int(rng.integers(len(known)))]), rng)
        start = self._history.definition.start  # that may be another peer's to run
        if start:
            return self._walk(self._space.complete(start[int(rng.integers(len(start)))], rng), rng)
        return self._space.sample(rng)

    def _walk(self, params: Params, rng: np.random.Generator) -> Params:
        """From params on; in an endless space until they are new, as a walk may stay where it began."""
        for _ in range(DRAWS):
            params = self._space.wander(params, rng)
            if params not in self or not math.isinf(self.size):
                break
        return params

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


class Deal:
    """The points of a finite space as cards, one a trial, so that peers need not read what the others try.

    Trial n takes card n. Where an earlier trial took another point, as the search or the space was another then, its
    card is left over, and a later trial finds its own card gone: the k-th of these takes the k-th that is left over.
    As soon as it has begun both lists are shorter by one, so peers agree on the rest, whoever joins when.

    ``card(k)`` is the k-th point that is no starting point. It raises Exhausted beyond the last one, and SpaceError
    where there may be more that cannot be found.
    """

    def __init__(self, history: History, card: Callable[[int], Params], what: str = "space") -> None:
        self._history, self._card, self._what = history, card, what
        self._tried = Tried(history)
        self._start = starting_points(history)
        self._end, self._whole = math.inf, True  # how many trials have a card, and whether that is every point
        self._new = [n for n in range(history.length) if history.attempt(n) >= 0]  # not looked at yet
        self._begun: set[int] = set()
        self._left: dict[int, Params] = {}  # by the trials whose cards they were
        self._bare: list[int] = []  # trials that have no card of their own, of those up to …
        self._next = len(self._start)  # … this one

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        if type(record) is Started:
            self._new.append(record.number)

    def ask(self, number: int, rng: np.random.Generator) -> tuple[Params, bool]:
        """The point for a trial, counted from the first after the starting points, and whether it is its own card."""
        trial = number + len(self._start)
        own = self._of(trial)
        if own is not None and own not in self._tried:
            return own, True
        left = self._left_over()
        place = self._place(trial) if left else 0
        if place < len(left):
            return left[place], False
        if own is None and self._whole:
            others = "" if len(self._tried) >= self._tried.size else " or are with other peers"
            raise Exhausted(f"all {int(self._tried.size):,} points of the {self._what} have been tried{others}")
        return self._tried.draw(lambda: self._tried.sample(rng), rng), False

    def _of(self, trial: int) -> Params | None:
        """The card of a trial; None where there are fewer."""
        if trial < len(self._start):
            return self._start[trial]
        if trial >= self._end:
            return None
        try:
            return dict(self._card(trial - len(self._start)))
        except (Exhausted, SpaceError) as end:
            self._end, self._whole = trial, isinstance(end, Exhausted)
            return None

    def _left_over(self) -> list[Params]:
        """The cards of trials that took another, in the order of these trials."""
        for trial in map(self._history.called, self._new):
            self._begun.add(trial)
            if (card := self._of(trial)) is not None:
                self._left[trial] = card
        self._new = []
        self._left = {trial: card for trial, card in sorted(self._left.items()) if card not in self._tried}
        return list({point_key(self._history.space, card): card for card in self._left.values()}.values())

    def _place(self, trial: int) -> int:
        """How many trials before this one are without a card and have not begun."""
        for other in range(self._next, trial):
            if other not in self._begun and ((card := self._of(other)) is None or card in self._tried):
                self._bare.append(other)
        self._next = max(self._next, trial)
        self._bare = [other for other in self._bare if other not in self._begun]
        return sum(other < trial for other in self._bare)


def starting_points(history: History) -> list[Params]:
    """The starting points as the trials that begin with them complete them."""
    plan, draws = history.definition, Draws(history.definition.seed)
    return [history.space.complete(point, draws.at(place)) for place, point in enumerate(plan.start)]


def point_key(space: Space, params: Params) -> int:
    """A 64-bit hash of params, the same as that of their row in the history."""
    row = [domain.code(params[name]) if name in params else math.nan for name, domain in space.searched.items()]
    return hash(np.array(row, dtype=np.float64).tobytes())
