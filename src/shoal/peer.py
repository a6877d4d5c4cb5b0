"""The only loop: read the shared history, propose the next trial, run it, append what was learned."""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from types import TracebackType
from typing import Any

from shoal.answers import metrics_of
from shoal.contracts import GO, Clock, Halted, Objective, Paused, Proposal, Stopped, Wait
from shoal.errors import Exhausted, ObjectiveError, StoreError, in_words
from shoal.files import copy_checkpoint, has_checkpoint, made_checkpoint, remove_checkpoint, tidy_checkpoints
from shoal.forks import children_end
from shoal.history import History
from shoal.journal import Journal
from shoal.live import LiveTrial
from shoal.proposals import NO_NUMBER, Proposer, write_start
from shoal.records import Ended, Metrics, Outcome
from shoal.space import Params
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
        self._trial: LiveTrial | None = None

    def stop(self, reason: str, seconds: float = math.inf) -> None:
        """Begin no new trial; a running one that can save its state does so, and one that cannot may take so many
        seconds. Safe to call from any thread."""
        self._stopping = reason
        if (trial := self._trial) is not None:
            trial.interrupt(seconds)

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
        yield from self._evaluate(number, attempt, proposal.params, proposal.source)
        self._begun(-1, -1)

    def _inherit(self, number: int, source: int) -> None:
        """Give a trial that is to go on from another one the checkpoint of that, unless it has gone on already."""
        history = self._journal.history
        if not history.reports(number):
            try:
                copy_checkpoint(history.definition, source, number)
            except OSError as error:
                raise ObjectiveError(f"the checkpoint of trial {source} cannot be copied: {error}") from None

    def _evaluate(self, number: int, attempt: int, params: Params, source: int | None) -> Iterator[float]:
        trial = LiveTrial(self._journal, number, attempt, params, self._device, self._clock, self._proposer.decide)
        self._trial = trial
        began = self._clock.monotonic()
        outcome: Outcome = "done"
        reason = trace = ""
        metrics: Metrics = {}
        try:
            if self._stopping:
                raise Paused
            if source is not None:
                self._inherit(number, source)
            metrics = yield from self._metrics(trial, params)
        except Halted as error:
            if trial.outcome is None and trial.decision == GO:
                if self._stopping or trial.interrupted:
                    outcome, reason = "paused", self._stopping or "interrupted"
                else:
                    outcome, reason = "failed", f"{in_words(error)} was raised, though no rule has stopped the trial"
        except ObjectiveError as error:
            outcome, reason, trace = "failed", str(error), error.trace
        except StoreError:
            raise  # no fault of the trial
        except KeyboardInterrupt:
            self._write_end(number, attempt, "paused", "interrupted", seconds=self._clock.monotonic() - began)
            raise
        except SystemExit as error:
            outcome, reason, trace = "failed", f"the objective called sys.exit({error.code!r})", traceback.format_exc()
        except Exception as error:  # whatever the user's code raises ends its trial, never the study
            if error is trial.fault:
                raise
            outcome, reason, trace = "failed", in_words(error)[:2000], _users_part(error)
        self._trial = None
        decided = trial.outcome if outcome == "done" else None
        if decided is None and trial.told and not trial.complete:  # whatever it returned or raised on its way out
            said = f"; on its way out: {reason}" if outcome == "failed" else ""
            outcome, reason, metrics = "paused", f"{self._stopping}{said}", {}
        if decided is not None:
            outcome, reason = decided
            metrics = {**metrics, **(trial.last or {})}  # what it returned beside is kept
        seconds = self._clock.monotonic() - began
        self._write_end(number, attempt, outcome, reason, trace, metrics, seconds, decided is not None)

    def _metrics(self, trial: LiveTrial, params: Params) -> Generator[float, None, Metrics]:
        metrics = yield from self._result(trial, params)
        if metrics is None and self._forget(trial):
            metrics = yield from self._result(trial, params)
        if metrics is None:
            raise ObjectiveError("the objective ended without a result: return or yield a number, or a dict of metrics")
        metric = self._journal.history.definition.metric
        return metrics_of(metrics, metric, params, final=not trial.due)  # one that is due may come to its metric later

    def _forget(self, trial: LiveTrial) -> bool:
        """Have a trial begin again whose reports were lost with its peer, but not what it had saved."""
        plan = self._journal.history.definition
        if not trial.attempt or not remove_checkpoint(plan, trial.number):
            return False
        LOG.info("trial %d begins again: its reports were lost with its peer, but not its checkpoint", trial.number)
        made_checkpoint(plan, trial.number)
        trial.saves = False
        if trial.source is not None:
            copy_checkpoint(plan, trial.source, trial.number)
        return True

    def _result(self, trial: LiveTrial, params: Params) -> Generator[float, None, Metrics | None]:
        metric = self._journal.history.definition.metric
        metrics: Metrics | None = None
        try:
            with children_end(), closing(self._objective.run(trial)) as running:
                for said in running:
                    if isinstance(said, Wait):
                        yield said.seconds
                        continue
                    step, answer = said
                    if step is not None:
                        metrics = trial.take(step, answer)
                        if trial.decision != GO or trial.told:
                            _end_early(running, trial)
                            raise Stopped
                    elif answer is not None or (trial.reported() is None and not trial.attempt):
                        metrics = metrics_of(answer, metric, params, final=not trial.due)
                    else:
                        metrics = trial.last
        except Halted:
            if trial.outcome is not None or (trial.decision == GO and not trial.complete):
                raise
            metrics = trial.last  # it has used up its budget, and is done with what it reported last
        if trial.problem:
            raise ObjectiveError(trial.problem)
        return metrics or trial.reported()

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
                self._write_end(number, attempt, "stopped", reason, "", metrics, seconds)
                self._turns.ended(turn)
        return True

    def _write_end(
        self, number: int, attempt: int, outcome: Outcome, reason: str = "", trace: str = "",
        metrics: Metrics | None = None, seconds: float = 0.0, decided: bool = False,
    ) -> None:  # fmt: skip
        now = self._clock.now()
        self._journal.append(Ended(number, outcome, now, metrics or {}, reason, trace, seconds, attempt, decided))
        if decided:
            LOG.info("trial %d %s: %s", number, outcome, reason)
        kept = self._journal.history.definition.keep_checkpoints
        if not self._proposer.copies and (kept is not None or outcome in ("stopped", "failed")):
            if kept is not None:
                self._journal.flush()  # that another trial is better must be known before its checkpoint is removed
            if self._is_latest(number, attempt):
                tidy_checkpoints(self._journal.history, number)

    def _is_latest(self, number: int, attempt: int) -> bool:
        """Whether no other peer has begun the trial again, as it does when this one was silent for a lease."""
        if has_checkpoint(self._journal.history.definition, number):
            self._journal.sync()
        return self._journal.history.attempt(number) == attempt


def _end_early(running: Generator[tuple[int | None, Any] | Wait, None, None], trial: LiveTrial) -> None:
    """Close a trial's generator; one that is paused may save its state first, and tell what it did until then."""
    if not trial.decision.stop:
        with suppress(Paused, StopIteration):
            said = running.throw(Paused(trial.decision.reason or "interrupted"))
            while True:
                if not isinstance(said, Wait):
                    step, answer = said
                    if step is not None:
                        trial.take(step, answer)
                said = next(running)
    running.close()


def _users_part(error: Exception) -> str:
    """The traceback without the frames of the loop itself."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and _is_own(trace):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))[-20_000:]


def _is_own(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__")).startswith("shoal.")
