"""From a trial's number to its params: starting points first, then the search, with a generator seeded by the
number."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from numpy.random import Generator

from shoal.clock import RealClock
from shoal.contracts import Clock, Proposal, Search
from shoal.draws import Draws
from shoal.errors import ShoalError, StudyError
from shoal.history import History
from shoal.records import AnyRecord


class Proposer:
    """What to try as trial k: the k-th starting point, completed, or what the search proposes."""

    def __init__(self, history: History, search: Search, clock: Clock | None = None) -> None:
        self._history, self._search = history, search
        self._time = (clock or RealClock()).monotonic
        self._start = history.definition.start
        self._draws = Draws(history.definition.seed)
        self._own = type(search).__module__.startswith("shoal.")
        self.tell: Callable[[AnyRecord], None] = search.tell if self._own else self._tell
        with self._blamed():
            search.begin(history)

    def _tell(self, record: AnyRecord) -> None:
        with self._blamed():
            self._search.tell(record)

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """A search that raises ends the study, and the message says whose fault it is."""
        try:
            yield
        except ShoalError:
            raise
        except Exception as error:
            trace = traceback.format_exc()
            raise StudyError(f"the search {type(self._search).__name__} failed: {error!r}\n{trace}") from error

    def propose(self, number: int) -> Proposal:
        """Raises Exhausted when there is nothing left to try."""
        if self._history.length > number and self._history.inside(number):  # an attempt at it was lost
            return Proposal(self._history.params(number), self._history.trial(number).why)
        rng = self._draws.at(number)
        if number < len(self._start):
            return Proposal(self._history.space.complete(self._start[number], rng), f"starting point {number}")
        began = self._time()
        proposal = self._ask(number - len(self._start), rng)
        took = self._time() - began
        return proposal if took < 0.0005 else replace(proposal, seconds=round(took, 3))

    def _ask(self, number: int, rng: Generator) -> Proposal:
        if self._own:
            return self._search.ask(number, rng)
        with self._blamed():
            proposal = self._search.ask(number, rng)
            return Proposal(self._history.space.validate(proposal.params), str(proposal.why))
