"""The only loop: read the shared history, propose the next trial, run it, append what was learned."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from types import TracebackType

from shoal.answers import metrics_of
from shoal.contracts import Clock, Objective, Paused, Search
from shoal.errors import Exhausted, ObjectiveError, StoreError
from shoal.journal import WINDOW, Journal
from shoal.live import LiveTrial
from shoal.proposals import Proposer
from shoal.records import Ended, Metrics, Outcome, Started, write_params
from shoal.space import Params
from shoal.turns import Turns

NEVER = 2**62
IDLE = 0.05  # seconds between looks while others finish


class Peer:
    """One worker of a study.

    ``begun(number, attempt)`` is told what is about to run (-1, -1: nothing), for whoever watches over the process.
    A ``supervised`` peer whose search does not learn never reads what others wrote: the supervisor does, and says
    when to stop.
    """

    def __init__(
        self,
        journal: Journal,
        search: Callable[[], Search],
        objective: Objective,
        clock: Clock,
        device: str = "cpu",
        begun: Callable[[int, int], None] = lambda number, attempt: None,
        supervised: bool = False,
    ) -> None:
        self.name = journal.writer
        self._journal, self._search, self._objective, self._clock = journal, search, objective, clock
        self._device, self._begun, self._supervised = device, begun, supervised
        self._reads = True
        self._turns = Turns(journal, clock)
        self._synced = float("-inf")
        self._stopping = self._exhausted = ""
        self._end = NEVER  # the first number for which there was nothing left to try
        self._trial: LiveTrial | None = None

    def stop(self, reason: str) -> None:
        """Begin no new trial; a running one that can save its state does so. Safe to call from any thread."""
        self._stopping = reason
        if self._trial is not None:
            self._trial.interrupted = True

    def run(self) -> Iterator[float]:
        """Run trials until there is nothing left to do. Yields seconds to wait for; `reason` says why it ended."""
        self._begin()
        while not self._done():
            turn = self._turns.next(fresh=not self._exhausted)
            if turn is not None:
                self._run(turn.number, turn.attempt)
                self._turns.ended(turn)
            elif self._exhausted:
                self._journal.sync()
                if all(self._journal.history.finished(number) for number in range(self._end)):
                    self._order_finish()
                else:
                    yield IDLE  # others still run, or left something behind
            elif self._reads:
                yield IDLE
                self._journal.sync()
            else:
                break  # the supervisor sees to what others leave behind
        self._journal.flush()

    @property
    def reason(self) -> str:
        return self._stopping or self._journal.history.verdict()

    def _begin(self) -> None:
        search = self._search()
        self._reads = getattr(search, "learns", True) or not self._supervised
        self._proposer = Proposer(self._journal.history, search, self._clock)
        self._journal.listen(self._proposer.tell)

    def _done(self) -> bool:
        now = self._clock.monotonic()
        if now - self._synced > WINDOW:
            self._journal.sync() if self._reads else self._journal.flush()
            self._synced = now
            if self._journal.history.newer is not None:
                self._journal.reload()
                self._begin()
        return bool(self._stopping or self._journal.history.verdict())

    def _order_finish(self) -> None:
        self._journal.append(self._journal.history.next_order("finish", self._exhausted, self._clock.now()))

    # ------------------------------------------------------------------ one trial

    def _run(self, number: int, attempt: int) -> None:
        history = self._journal.history
        try:
            proposal = self._proposer.propose(number)
        except Exhausted as end:
            self._exhausted, self._end = str(end), min(self._end, number)
            return
        params, why, version = proposal.params, proposal.why, history.version
        written, now = write_params(params), self._clock.now()
        self._journal.append(Started(number, written, self.name, now, why, attempt, version, proposal.seconds))
        if attempt:
            self._journal.flush()  # should this one kill its process, the start must be known
        self._begun(number, attempt)
        self._evaluate(number, attempt, params)
        self._begun(-1, -1)

    def _evaluate(self, number: int, attempt: int, params: Params) -> None:
        trial = LiveTrial(self._journal, number, attempt, params, self._device, self._clock)
        self._trial = trial
        began = self._clock.monotonic()
        outcome: Outcome = "done"
        reason = trace = ""
        metrics: Metrics = {}
        try:
            if self._stopping:
                raise Paused
            metrics = self._metrics(trial, params)
        except Paused:
            outcome, reason = "paused", self._stopping or "interrupted"
        except ObjectiveError as error:
            outcome, reason, trace = "failed", str(error), error.trace
        except StoreError:
            raise  # no fault of the trial
        except KeyboardInterrupt:
            self._write_end(number, attempt, "paused", "interrupted", seconds=self._clock.monotonic() - began)
            raise
        except SystemExit as error:
            outcome, reason, trace = "failed", f"the objective called sys.exit({error.code!r})", traceback.format_exc()
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises ends its trial, never the study
            outcome, reason, trace = "failed", f"{type(error).__name__}: {error}"[:2000], _users_part(error)
        self._trial = None
        seconds = self._clock.monotonic() - began
        self._write_end(number, attempt, outcome, reason, trace, metrics, seconds)

    def _metrics(self, trial: LiveTrial, params: Params) -> Metrics:
        metric = self._journal.history.definition.metric
        metrics: Metrics | None = None
        for step, answer in self._objective.run(trial):
            if step is not None:
                metrics = trial.take(step, answer)
            elif answer is not None or trial.last is None:
                metrics = metrics_of(answer, metric, params)
            else:
                metrics = trial.last
        if trial.problem:
            raise ObjectiveError(trial.problem)
        if metrics is None:
            raise ObjectiveError("the objective ended without a result: return or yield a number, or a dict of metrics")
        return metrics_of(metrics, metric, params)

    def _write_end(
        self, number: int, attempt: int, outcome: Outcome, reason: str = "", trace: str = "",
        metrics: Metrics | None = None, seconds: float = 0.0,
    ) -> None:  # fmt: skip
        self._journal.append(Ended(number, outcome, self._clock.now(), metrics or {}, reason, trace, seconds, attempt))


def _users_part(error: Exception) -> str:
    """The traceback without the frames of the loop itself."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and _is_own(trace):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))[-20_000:]


def _is_own(trace: TracebackType) -> bool:
    return str(trace.tb_frame.f_globals.get("__name__")).startswith("shoal.")
