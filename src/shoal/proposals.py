"""What one peer thinks: from a trial's number to its params, and from a report to what becomes of the trial."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from numpy.random import Generator

from shoal.clock import RealClock
from shoal.contracts import GO, Clock, Decision, Proposal, Resuming, Search, Stopping
from shoal.draws import Draws
from shoal.errors import ShoalError, SpaceError, StudyError
from shoal.history import History
from shoal.journal import Journal
from shoal.records import AnyRecord, Reported, Started, write_params

NO_NUMBER = -1  # asks for what to go on with, where no new trial may begin


def write_start(proposal: Proposal, number: int, attempt: int, journal: Journal, clock: Clock) -> None:
    """Append that an attempt at a trial begins, as proposed, and who migrates with that."""
    source = -1 if proposal.source is None else proposal.source
    journal.append(
        Started(
            number, write_params(proposal.params), journal.writer, clock.now(), proposal.why, attempt,
            journal.history.version, proposal.seconds, proposal.until, source,
        )
    )  # fmt: skip
    for migrant in proposal.migrants:
        journal.append(migrant)


def begin(part: Search | Stopping, history: History) -> None:
    """Begin a search or a rule, if it wants to know what it is begun with."""
    if hasattr(part, "begin"):
        part.begin(history)


class Proposer:
    """A search, begun with the starting points, and the stopping rule, which may wrap it.

    Raises StudyError for what a search or a rule of the user's own raises: it ends the study, and the message says
    whose fault it is.
    """

    def __init__(
        self, history: History, search: Search, stopping: Stopping | None = None, clock: Clock | None = None
    ) -> None:
        self._history, self._stopping = history, stopping
        self._time = (clock or RealClock()).monotonic
        self._draws = Draws(history.definition.seed)
        self._search: Search = _Starting(history, search) if history.definition.start else search
        self.resumes = isinstance(stopping, Resuming)
        self._thoughts: list[Search | Stopping] = [part for part in (search, stopping) if part is not None]
        if isinstance(stopping, Resuming):
            stopping.around(self._search)
            self._search = stopping
            self._thoughts = [stopping]  # which begins the search, and tells it
        self._names = f"the search {type(search).__name__}" + (
            f" or the rule {type(stopping).__name__}" if stopping else ""
        )
        tells = [part.tell for part in self._thoughts if hasattr(part, "tell")]
        parts = (*getattr(search, "searches", (search,)), stopping)
        own = all(type(part).__module__.startswith("shoal.") for part in parts if part is not None)
        self.tell: Callable[[AnyRecord], None] = tells[0] if own and len(tells) == 1 else self._tell
        self._tells, self._own = tells, own
        self.copies = bool(getattr(stopping, "copies", False))  # checkpoints of trials that ended
        self.learns = stopping is not None or getattr(search, "learns", True)
        with self._blamed():
            for part in self._thoughts:
                begin(part, history)

    def _tell(self, record: AnyRecord) -> None:
        with self._blamed():
            for tell in self._tells:
                tell(record)

    def propose(self, number: int) -> Proposal:
        """What to try as trial ``number``. Raises Exhausted when there is nothing left to try."""
        history = self._history
        if 0 <= number < history.length and history.inside(number):  # an attempt at it was lost
            trial = history.trial(number)
            why = f"begun again: {trial.reason}" if trial.reason else trial.why
            return Proposal(trial.params, why, history.until(number), source=history.source(number))
        began = self._time()
        with self._blamed():
            proposal = self._search.ask(number, self._draws.at(max(number, 0)))
        if not self._own:
            if not isinstance(proposal, Proposal):
                raise StudyError(
                    f"{self._names} gave {proposal!r:.100} for trial {number}, no shoal.contracts.Proposal; "
                    'return Proposal(params, "why")'
                )
            try:
                params = history.space.validate(proposal.params)
            except SpaceError as error:
                raise SpaceError(f"{self._names} proposed for trial {number}: {error}") from None
            proposal = replace(proposal, params=params, why=str(proposal.why))
        took = self._time() - began
        return proposal if took < 0.0005 else replace(proposal, seconds=round(took, 3))

    def decide(self, number: int, report: Reported) -> Decision:
        """What becomes of a trial that has just reported."""
        if self._stopping is None:
            return GO
        with self._blamed():
            decision = self._stopping.decide(number, report, self._history)
        if not isinstance(decision, Decision):
            raise StudyError(
                f"{type(self._stopping).__name__}.decide gave {decision!r:.100} for trial {number}, no shoal.Decision: "
                "return shoal.Decision() to let it go on, shoal.Decision(stop=True, reason='…') to stop it"
            )
        return decision if decision.ends else GO  # whatever it says beside

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        try:
            yield
        except ShoalError:
            raise
        except Exception as error:
            raise StudyError(f"{self._names} failed: {error!r}\n{traceback.format_exc()}") from error


class _Starting:
    """A search behind the starting points: the k-th of them is trial k."""

    def __init__(self, history: History, search: Search) -> None:
        self._history, self._search = history, search
        self._start = history.definition.start
        self.begin, self.tell = partial(begin, search), search.tell

    def ask(self, number: int, rng: Generator) -> Proposal:
        if number < len(self._start):
            return Proposal(self._history.space.complete(self._start[number], rng), f"starting point {number}")
        return self._search.ask(number - len(self._start), rng)
