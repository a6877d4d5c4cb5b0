"""The simplex method of Nelder and Mead for many peers at once, none of which waits.

J. Nelder, R. Mead: A Simplex Method for Function Minimization. The Computer Journal 7, 1965. Every descent wants to
know the loss at one point, and goes on as soon as any trial has told it, whoever ran that: so the simplex is a function
of the trials that have ended, in whatever order. While a point is being tried, other peers try what is likely to be
wanted next, as the outcomes of that trial may be; when there are more peers than that is worth, they begin descents
elsewhere. (D. Lee, M. Wiswall: A Parallel Implementation of the Simplex Function Minimization Routine. Computational
Economics 30, 2007, move several vertices at once; where no one waits for all of them, that flattens the simplex.)
For cheap trials of few numbers, with little noise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.models.simplex import Coefficients, Vertex
from shoal.records import AnyRecord, Ended, Started
from shoal.search.descent import Descent, Ground
from shoal.search.design import Design
from shoal.search.positions import Positions
from shoal.search.tried import Tried
from shoal.space import Params
from shoal.space.cube import Cube
from shoal.space.domain import Array

CLOSE: Final = 0.25  # of the usual edges: a first simplex around a trial of someone else
NEAR: Final = 3.0  # extents of a simplex: a trial of such a search that is further from its best is none of its own
WINDOW: Final = 4_096  # numbers beyond its own by which a peer tells how many others ask at the same time
OWN: Final = re.compile(r"(?:descent|around trial) \d+: ")  # what the words of a proposal begin with
AROUND: Final = re.compile(r"around trial (\d{1,18}): ")


@dataclass
class NelderMead:
    """Settings: α, β, γ and δ of Gao and Han (None: what suits the number of dimensions); the edges of the first
    simplex, and the extent of one that has collapsed, in shares of the ranges."""

    reflection: float = 1.0
    expansion: float | None = None
    contraction: float | None = None
    shrinkage: float | None = None
    scale: float = 0.4
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        usual = Coefficients.adaptive(2)
        beta = usual.expansion if self.expansion is None else self.expansion
        gamma = usual.contraction if self.contraction is None else self.contraction
        delta = usual.shrinkage if self.shrinkage is None else self.shrinkage
        if not 0 < self.reflection < math.inf or not 1 < beta < math.inf or not 0 < gamma < 1 or not 0 < delta < 1:
            raise SpaceError(
                f"nelder_mead needs reflection > 0, expansion > 1, contraction and shrinkage in (0, 1), got {self}"
            )
        if not 0 < self.scale <= 0.5 or not 1e-12 <= self.tolerance < self.scale:
            raise SpaceError(f"nelder_mead needs scale in (0, 0.5] and tolerance in [1e-12, scale), got {self}")

    def begin(self, history: History) -> None:
        self._history, self._space, self._cube = history, history.space, Cube(history.space)
        self._tried, self._positions = Tried(history), Positions(self._cube)
        self._design = Design(self._cube, self._tried, history.definition.seed)
        usual = Coefficients.adaptive(self._positions.freedom)
        self._coefficients = Coefficients(
            self.reflection,
            self.expansion or usual.expansion,
            self.contraction or usual.contraction,
            self.shrinkage or usual.shrinkage,
        )
        self._ground = Ground(
            self._cube, self._positions, self.tolerance, self._loss, lambda key: self._at.get(key, -1)
        )
        self._rows: dict[int, int] = {}  # trial -> the key of its params
        self._at: dict[int, int] = {}  # key of params -> the first trial of them
        self._around: set[int] = set()  # trials of others that descents began at
        self._forget()
        for number in np.flatnonzero(history.usable).tolist():
            self._take(number)

    def _forget(self) -> None:
        """Trace all descents anew."""
        self._descents: dict[int, Descent] = {}  # by the trial that it began at, or -1 - its place in the design
        self._over = 0  # so many of the design, the first, have come to their end …
        self._settled: set[int] = set()  # … and these are the points that they were at
        self._used: set[int] = set()  # keys of points that brought a descent on

    # ------------------------------------------------------------------ tell

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        if type(record) is Started:
            self._take(record.number)
        elif type(record) is Ended and record.number in self._rows:
            key = self._rows[record.number]
            if self._at[key] == record.number:
                self._heard(key)

    def _take(self, number: int) -> None:
        """A trial has begun, or begins anew."""
        old = self._rows.pop(number, None)
        if old is not None:
            if self._at[old] == number:
                del self._at[old]
                others = [other for other, key in self._rows.items() if key == old]
                self._at |= {old: min(others)} if others else {}
            self._heard(old)
        if not self._history.inside(number):
            return
        key = hash(self._history.x[number].tobytes())
        self._rows[number] = key
        if number < self._at.get(key, number + 1):
            self._at[key] = number
            self._heard(key)
        if found := AROUND.search(self._history.why(number)):
            self._around.add(int(found[1]))

    def _heard(self, key: int) -> None:
        """What is known at a point has changed."""
        if key in self._used:
            self._forget()
            return
        for descent in self._descents.values():
            if key in descent.listed:
                descent.relist()

    def _trial(self, key: int) -> int:
        return self._at.get(key, -1)

    def _loss(self, key: int) -> float | None:
        """The loss at a point, infinite for a trial that failed or was stopped; None before one has ended."""
        number = self._at.get(key)
        if number is None or not self._history.finished(number):
            return None
        loss = float(self._history.value[number])
        return math.inf if loss != loss else loss

    # ------------------------------------------------------------------ ask

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        ahead = self._ahead(number + len(self._history.definition.start))
        for params, why in self._wanted() if self._space.names else ():
            if not ahead:
                return Proposal(params, why)
            ahead -= 1  # someone else who asks now tries that
        params = self._tried.draw(lambda: self._tried.sample(rng), rng)
        return Proposal(params, "anywhere, as all that is wanted is being tried")

    def _wanted(self) -> Iterator[tuple[Params, str]]:
        """What is wanted and was not tried, the most promising first."""
        for descent in self._going():
            for key, params, why in descent.offers():
                if key not in self._at:
                    yield params, f"{descent.name}: {why}"

    def _going(self) -> Iterator[Descent]:
        """The descents that are not at their end: around trials of others, the last one first, then by the design."""
        first = self._first_going()
        around = [self._descent(number) for number in sorted(self._around, reverse=True) if self._known(number)]
        stranger = self._stranger([*around, first])
        if stranger is not None:
            around.insert(0, self._descent(stranger))
        yield from (descent for descent in around if not self._brought_on(descent).over)
        yield first
        for place in range(self._over + 1, self._history.length + 2):
            descent = self._brought_on(self._descent(-1 - place))
            if not descent.over:
                yield descent

    def _first_going(self) -> Descent:
        while True:
            descent = self._brought_on(self._descent(-1 - self._over))
            if not descent.over or self._over > self._history.length:
                return descent
            self._settled |= descent.used
            del self._descents[-1 - self._over]
            self._over += 1

    def _descent(self, origin: int) -> Descent:
        if origin not in self._descents:
            rng = np.random.default_rng([self._history.definition.seed % 2**64, abs(origin), int(origin < 0)])
            if origin >= 0:
                known = Vertex(self._positions.lift(self._place(origin)), float(self._history.value[origin]), origin)
                made = Descent(self._ground, f"around trial {origin}", self.scale, rng)
                given = origin < len(self._history.definition.start)
                made.begin(self._coefficients, known.point, known, self.scale if given else CLOSE * self.scale)
            else:
                made = Descent(self._ground, f"descent {-origin}", self.scale, rng)
                made.begin(self._coefficients, self._positions.lift(self._beginning(-1 - origin)))
            self._descents[origin] = made
        return self._descents[origin]

    def _brought_on(self, descent: Descent) -> Descent:
        descent.go_on()
        self._used |= descent.fresh
        descent.fresh.clear()
        return descent

    def _beginning(self, place: int) -> Array:
        """Where a descent begins: a point of the design, or any where the constraints forbid that."""
        begin = np.asarray(self._cube.snap(self._design.unit(place)[None])[0])
        if self._space.allows(self._cube.params(begin)):
            return begin
        rng = np.random.default_rng([self._history.definition.seed % 2**64, place])
        return np.asarray(self._cube.of_params(self._tried.sample(rng))[0])

    def _place(self, number: int) -> Array:
        return np.asarray(self._cube.of_codes(self._history.x[[number]])[0])

    def _known(self, number: int) -> bool:
        """Whether a trial is done, and its params lie in the space."""
        return number < self._history.length and number in self._rows and not np.isnan(self._history.value[number])

    def _stranger(self, mine: list[Descent]) -> int | None:
        """The best trial of all, if it is none of this search's."""
        best = self._history.best
        if best is None or best in self._around or best not in self._rows:
            return None
        key = self._rows[best]
        if key in self._settled or any(descent.knows(key) for descent in mine):
            return None
        if not OWN.search(self._history.why(best)):
            return best
        place = self._place(best)  # a point that was likely, but is not wanted any more, is no stranger
        return None if any(not descent.over and descent.far(place) <= NEAR for descent in mine) else best

    def _ahead(self, number: int) -> int:
        """How many others ask at the same time, and know as little of this trial as it does of theirs: peers with later
        numbers, and those with numbers between the last one that is known and this."""
        state, first = self._history.state[: self._history.length], max(number - WINDOW, 0)
        later = state[number + 1 : number + WINDOW] > 0
        beyond = int(np.count_nonzero(later[1:] & ~later[:-1])) + int(later[0]) if len(later) else 0
        known = first + np.flatnonzero(state[first:number])[-9:]
        if not len(known):
            return beyond + number % WINDOW
        usual = int(np.diff(known).max()) if len(known) > 1 else 1  # where numbers have gaps for good
        return beyond + (number - int(known[-1]) - 1) // usual
