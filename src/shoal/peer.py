"""The only loop: read the shared history, propose the next trial, run it, append what was learned."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Generator, Iterator

from shoal.attempt import Attempt
from shoal.contracts import Clock, Objective, Proposal
from shoal.errors import Exhausted
from shoal.files import has_checkpoint, tidy_checkpoints
from shoal.history import History
from shoal.journal import Journal
from shoal.live import LiveTrial
from shoal.proposals import NO_NUMBER, Proposer, write_start
from shoal.records import Ended
from shoal.turns import Turn, Turns

LOG = logging.getLogger("shoal")
NEVER = 2**62
IDLE = (0.05, 5.0)  # seconds between looks while others finish, at least and at most …
SPARING = 0.02  # … and else this share of the time for which there was nothing to do


class Idle(float):
    """Seconds for which a peer waits that has nothing to do."""


class Peer:
    """One worker of a study; ``think`` makes its search and stopping rule, anew whenever the study is redefined.

    ``begun(number, attempt)`` is told what is about to run (-1, -1: nothing), for whoever watches over the process.
    A ``supervised`` peer whose search does not learn never reads what others wrote: the supervisor does, and says
    when to stop.
    """

    def __init__(
        self,
        journal: Journal,
        think: Callable[[History], Proposer],
        objective: Objective,
        clock: Clock,
        device: str = "cpu",
        begun: Callable[[int, int], None] = lambda number, attempt: None,
        supervised: bool = False,
    ) -> None:
        self.name = journal.writer
        self._journal, self._think, self._objective, self._clock = journal, think, objective, clock
        self._device, self._begun, self._supervised = device, begun, supervised
        self._reads = True
        self._turns = Turns(journal, clock)
        self._synced = float("-inf")
        self._worked = clock.monotonic()
        self._stopping = self._exhausted = ""
        self._end = NEVER  # the first number for which there was nothing left to try
        self._attempt: Attempt | None = None

    def stop(self, reason: str, seconds: float = math.inf) -> None:
        """Begin no new trial; a running one that can save its state does so, and one that cannot may take so many
        seconds. Safe to call from any thread."""
        self._stopping = reason
        if (attempt := self._attempt) is not None:
            attempt.stop(reason, seconds)

    def run(self) -> Iterator[float]:
        """Run trials until there is nothing left to do. Yields seconds to wait for; `reason` says why it ended."""
        self._begin()
        while not self._done():
            turn = self._turns.next(fresh=not self._exhausted)
            if (turn is not None or self._proposer.resumes) and ((yield from self._take(turn)) or turn is not None):
                continue
            if self._settle():
                continue
            if self._exhausted:
                self._journal.sync()
                if all(self._journal.history.finished(number) for number in range(self._end)):
                    self._order_finish()
                else:
                    yield self._idle()  # others still run, or left something behind
            elif self._reads:
                yield self._idle()
            else:
                break  # the supervisor sees to what others leave behind
        self._journal.flush()

    @property
    def reason(self) -> str:
        return self._stopping or self._journal.history.verdict()

    def _begin(self) -> None:
        self._proposer = self._think(self._journal.history)
        counts = self._journal.history.definition.done is not None  # how the trials of others ended
        self._reads = self._proposer.learns or counts or not self._supervised
        self._journal.listen(self._proposer.tell)

    def _idle(self) -> Idle:
        """The longer there was nothing to do, the rarer a peer looks: many that wait must not keep the store busy."""
        least, most = min(IDLE[0], self._journal.window), IDLE[1]
        return Idle(min(max(least, SPARING * (self._clock.monotonic() - self._worked)), most))

    def _done(self) -> bool:
        now = self._clock.monotonic()
        if now - self._synced > self._journal.window:
            self._journal.glance() if self._reads else self._journal.flush()
            self._synced = now
            if self._journal.history.newer is not None:
                self._journal.reload()
                self._begin()
        return bool(self._stopping or self._journal.history.verdict())

    def _order_finish(self) -> None:
        self._journal.append(self._journal.history.next_order("finish", self._exhausted, self._clock.now()))

    # ------------------------------------------------------------------ one trial

    def _take(self, turn: Turn | None) -> Generator[float, None, bool]:
        """Run the trial of a turn, or rather one that was paused; False where there was nothing to run."""
        if self._proposer.resumes:
            self._journal.sync()
        try:
            proposal = self._proposer.propose(NO_NUMBER if turn is None else turn.number)
        except Exhausted as end:
            if turn is not None:
                self._exhausted, self._end = str(end), min(self._end, turn.number)
            return False
        if proposal.resume_from is not None:
            if turn is not None:
                self._turns.put_back(turn)
            turn = self._turns.resume(proposal.resume_from)
            if turn is None:
                yield Idle(IDLE[0])  # another peer goes on with that one, and will say so
                return True
            LOG.info("trial %d resumed: %s", turn.number, proposal.why)
        assert turn is not None
        yield from self._run(turn, proposal)
        self._turns.ended(turn)
        self._worked = self._clock.monotonic()
        return True

    def _run(self, turn: Turn, proposal: Proposal) -> Iterator[float]:
        number, attempt = turn.number, turn.attempt
        write_start(proposal, number, attempt, self._journal, self._clock)
        if attempt:
            self._journal.flush()  # should this one kill its process, the start must be known
        self._begun(number, attempt)
        trial = LiveTrial(
            self._journal, number, attempt, proposal.params, self._device, self._clock, self._proposer.decide
        )
        self._attempt = Attempt(self._journal, self._objective, self._clock, trial, proposal)
        if self._stopping:
            self._attempt.stop(self._stopping)
        try:
            end = yield from self._attempt.run()
        except KeyboardInterrupt:
            self._write_end(self._attempt.end("paused", "interrupted"))
            raise
        self._attempt = None
        self._write_end(end)
        self._begun(-1, -1)

    def _settle(self) -> bool:
        """Where no trial runs, and none is to begin or to be resumed, those that are paused are stopped for good."""
        history = self._journal.history
        last = min(history.limit or NEVER, self._end)
        if not history.parked or history.ended + len(history.parked) < last:
            return False
        for number in list(history.parked):
            turn = self._turns.resume(number)
            if turn is not None:
                reason = f"never gone on with: {history.trial(number).reason}"
                attempt, metrics = turn.attempt - 1, history.metrics(number)
                seconds = history.seconds_before(number, turn.attempt) - history.seconds_before(number, attempt)
                now = self._clock.now()
                self._write_end(Ended(number, "stopped", now, metrics, reason, "", seconds, attempt))
                self._turns.ended(turn)
        return True

    def _write_end(self, end: Ended) -> None:
        self._journal.append(end)
        if end.decided:
            LOG.info("trial %d %s: %s", end.number, end.outcome, end.reason)
        kept = self._journal.history.definition.keep_checkpoints
        if not self._proposer.copies and (kept is not None or end.outcome in ("stopped", "failed")):
            if kept is not None:
                self._journal.flush()  # that another trial is better must be known before its checkpoint is removed
            if self._is_latest(end.number, end.attempt):
                tidy_checkpoints(self._journal.history, end.number)

    def _is_latest(self, number: int, attempt: int) -> bool:
        """Whether no other peer has begun the trial again, as it does when this one was silent for a lease."""
        if has_checkpoint(self._journal.history.definition, number):
            self._journal.sync()
        return self._journal.history.attempt(number) == attempt
