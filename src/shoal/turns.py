"""Which trial is a peer's turn: its own numbers, those that dead peers left behind, or fresh ones."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from shoal.contracts import Clock, Grant
from shoal.journal import Journal
from shoal.records import Ended, Outcome

ADOPT = 1.0  # seconds between looks for what dead peers left behind, at least …
SPARING = 50  # … and so many times what a look took: some stores have to look at all that was ever granted
MOST = 1_000  # numbers taken at once


@dataclass
class Turn:
    """A trial to run: ``attempt`` counts from 0."""

    number: int
    attempt: int
    began: float
    held: Held


@dataclass
class Held:
    """A grant, and how many of its trials have not ended."""

    grant: Grant
    left: int


class Turns:
    """Numbers come in blocks of about the journal's ``window`` of work, so that cheap trials cost no transaction each.

    Blocks grow from 1 and shrink as the end nears, so that no peer sits on work that others could do.
    """

    def __init__(self, journal: Journal, clock: Clock, block: int | None = None) -> None:
        self._journal, self._clock, self._fixed = journal, clock, block
        self._queue: deque[tuple[int, Held]] = deque()
        self._settled: list[int] = []
        self._look = float("-inf")  # when to look next
        self._out: int | None = None  # the limit below which all numbers are taken
        self._pace, self._block = 1.0, 1  # seconds a trial takes; how many numbers were taken last
        self._seen = 0  # numbers below this one are taken

    def next(self, fresh: bool = True) -> Turn | None:
        """The next trial; None while there is nothing but to wait for others. Without ``fresh``, no new numbers."""
        while True:
            now = self._clock.monotonic()
            if not self._queue:
                if now > self._look:
                    self._adopt()
                    done = self._clock.monotonic()
                    self._look = max(now + ADOPT, done + SPARING * (done - now))
                if not self._queue and fresh:
                    self._take()
                if not self._queue:
                    return None
            number, held = self._queue.popleft()
            if not self._overtaken(number, held.grant):
                began = self._clock.monotonic()  # a store that many ask makes one wait: no reason to ask for less
                return Turn(number, held.grant.generation, began, held)
            self._let_go(held)

    def unbegun(self) -> Turn | None:
        """The next trial that has not begun; those that were lost keep their turns."""
        lost: list[Turn] = []
        while (turn := self.next()) is not None and self._journal.history.attempt(turn.number) >= 0:
            lost.append(turn)
        for other in reversed(lost):
            self.put_back(other)
        return turn

    def _overtaken(self, number: int, grant: Grant) -> bool:
        """Whether a trial that waited here has ended meanwhile, or is another's by now: a peer that was silent, and not
        dead, wakes and ends what others have adopted."""
        history = self._journal.history
        if grant.generation:
            self._journal.sync()
        return history.finished(number) or history.attempt(number) > grant.generation

    def put_back(self, turn: Turn) -> None:
        """The trial of a turn is not begun now but next."""
        self._queue.appendleft((turn.number, turn.held))

    def resume(self, number: int) -> Turn | None:
        """A paused trial to go on with, unless another peer was granted it."""
        journal = self._journal
        journal.flush()
        grant = journal.store.resume(journal.study, journal.writer, number, journal.history.attempt(number) + 1)
        if grant is None:
            return None
        if grant.key in self._settled:  # this grant has taken the place of an earlier one
            self._settled.remove(grant.key)
        return Turn(number, grant.generation, self._clock.monotonic(), Held(grant, 1))

    def ended(self, turn: Turn) -> None:
        """The trial of a turn has ended; its grant is let go once all of its trials have."""
        self._pace = 0.8 * self._pace + 0.2 * (self._clock.monotonic() - turn.began)
        self._let_go(turn.held)

    def _let_go(self, held: Held) -> None:
        held.left -= 1
        if not held.left:
            self._settled.append(held.grant.key)

    def _take(self) -> None:
        journal, limit = self._journal, self._journal.history.limit
        if limit is not None and limit == self._out:
            return
        share = MOST if limit is None else max(1, (limit - max(self._seen, journal.history.length)) // 8)
        paid = int(journal.window / max(self._pace, 1e-6))
        self._block = self._fixed or max(1, min(2 * self._block, MOST, share, paid))
        journal.flush()
        grant = journal.store.take(journal.study, journal.writer, self._block, limit, self._settled)
        self._settled = []
        if grant is not None:
            self._seen = grant.stop
            held = Held(grant, grant.stop - grant.start)
            self._queue.extend((number, held) for number in range(grant.start, grant.stop))
        else:
            self._out = limit

    def _adopt(self) -> None:
        for grant in self._journal.store.adopt(self._journal.study, self._journal.writer):
            self._journal.sync()
            numbers = [n for n in range(grant.start, grant.stop) if self._inherit(n, grant)]
            held = Held(grant, len(numbers))
            self._queue.extend((number, held) for number in numbers)
            if not numbers:
                self._settled.append(grant.key)

    def _inherit(self, number: int, grant: Grant) -> bool:
        """Whether a trial of a peer that is gone is to be run again; settles what that peer left open."""
        history, attempt = self._journal.history, grant.generation
        if history.finished(number) or history.attempt(number) >= attempt or history.parked_as(number) >= grant.origin:
            return False
        if number in history.parked:  # it was resumed, and never began: let another do so
            trial = history.trial(number)
            ended = Ended(
                number, "paused", self._clock.now(), trial.metrics, trial.reason, attempt=grant.origin, decided=True
            )
            self._journal.append(ended)
            return False
        if number in history.running:
            silent = history.trial(number).peer
            self._end(number, "lost", f"its peer {silent} fell silent", history.attempt(number))
        losses = history.losses(number)
        if losses > history.definition.retries:
            last = history.trial(number).reason
            pauses = history.pauses(number)
            where = f"{losses} of {losses + pauses}" if pauses else f"each of {losses}"
            self._end(number, "failed", f"lost in {where} attempts; the last: {last}", attempt)
            return False
        return True

    def _end(self, number: int, outcome: Outcome, reason: str, attempt: int) -> None:
        self._journal.append(Ended(number, outcome, self._clock.now(), reason=reason, attempt=attempt))
