"""One attempt at a trial: from its objective to how it ended."""

from __future__ import annotations

import logging
import math
import traceback
from collections.abc import Generator
from contextlib import closing, suppress
from types import TracebackType
from typing import Any

from shoal.answers import metrics_of
from shoal.contracts import GO, Clock, Halted, Objective, Paused, Proposal, Stopped, Wait
from shoal.errors import ObjectiveError, StoreError, in_words
from shoal.files import copy_checkpoint, made_checkpoint, remove_checkpoint
from shoal.forks import children_end
from shoal.journal import Journal
from shoal.live import LiveTrial
from shoal.records import Ended, Metrics, Outcome

LOG = logging.getLogger("shoal")


class Attempt:
    """What runs an objective for a trial that has begun, and says how that ended, whatever the user's code did.

    Raises, with nothing to say of the trial, what is no fault of it: StoreError, and errors of the stopping rule.
    """

    def __init__(
        self, journal: Journal, objective: Objective, clock: Clock, trial: LiveTrial, proposal: Proposal
    ) -> None:
        self._journal, self._objective, self._clock = journal, objective, clock
        self._trial, self._proposal = trial, proposal
        self._began = clock.monotonic()
        self._stopping = ""

    def stop(self, reason: str, seconds: float = math.inf) -> None:
        """Its peer is to begin no other trial; this one may take so many seconds. Safe to call from any thread."""
        self._stopping = reason
        self._trial.interrupt(seconds)

    def end(
        self, outcome: Outcome, reason: str = "", trace: str = "", metrics: Metrics | None = None, decided: bool = False
    ) -> Ended:
        """The record of an end just now."""
        trial, seconds = self._trial, self._clock.monotonic() - self._began
        now = self._clock.now()
        return Ended(trial.number, outcome, now, metrics or {}, reason, trace, seconds, trial.attempt, decided)

    def run(self) -> Generator[float, None, Ended]:
        """Yields seconds to wait for; returns the end."""
        trial = self._trial
        outcome: Outcome = "done"
        reason = trace = ""
        metrics: Metrics = {}
        try:
            if self._stopping:
                raise Paused
            if self._proposal.source is not None:
                self._inherit(self._proposal.source)
            metrics = yield from self._metrics()
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
        except SystemExit as error:
            outcome, reason, trace = "failed", f"the objective called sys.exit({error.code!r})", traceback.format_exc()
        except Exception as error:  # whatever the user's code raises ends its trial, never the study
            if error is trial.fault:
                raise
            outcome, reason, trace = "failed", in_words(error)[:2000], _users_part(error)
        decided = trial.outcome if outcome == "done" else None
        if decided is None and trial.told and not trial.complete:  # whatever it returned or raised on its way out
            said = f"; on its way out: {reason}" if outcome == "failed" else ""
            outcome, reason, metrics = "paused", f"{self._stopping}{said}", {}
        if decided is not None:
            outcome, reason = decided
            metrics = {**metrics, **(trial.last or {})}  # what it returned beside is kept
        return self.end(outcome, reason, trace, metrics, decided is not None)

    def _inherit(self, source: int) -> None:
        """Give the trial the checkpoint of the one that it is to go on from, unless it has gone on already."""
        history, number = self._journal.history, self._trial.number
        if not history.reports(number):
            try:
                copy_checkpoint(history.definition, source, number)
            except OSError as error:
                raise ObjectiveError(f"the checkpoint of trial {source} cannot be copied: {error}") from None

    def _metrics(self) -> Generator[float, None, Metrics]:
        metrics = yield from self._result()
        if metrics is None and self._forget():
            metrics = yield from self._result()
        if metrics is None:
            raise ObjectiveError("the objective ended without a result: return or yield a number, or a dict of metrics")
        return self._checked(metrics)

    def _checked(self, answer: Any) -> Metrics:
        """What the objective gave as its result; where the trial is due, the metric may come later."""
        metric = self._journal.history.definition.metric
        return metrics_of(answer, metric, self._proposal.params, final=not self._trial.due)

    def _forget(self) -> bool:
        """Have the trial begin again whose reports were lost with its peer, but not what it had saved."""
        trial, plan = self._trial, self._journal.history.definition
        if not trial.attempt or not remove_checkpoint(plan, trial.number):
            return False
        LOG.info("trial %d begins again: its reports were lost with its peer, but not its checkpoint", trial.number)
        made_checkpoint(plan, trial.number)
        trial.saves = False
        if trial.source is not None:
            copy_checkpoint(plan, trial.source, trial.number)
        return True

    def _result(self) -> Generator[float, None, Metrics | None]:
        trial = self._trial
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
                        metrics = self._checked(answer)
                    else:
                        metrics = trial.last
        except Halted:
            if trial.outcome is not None or (trial.decision == GO and not trial.complete):
                raise
            metrics = trial.last  # it has used up its budget, and is done with what it reported last
        if trial.problem:
            raise ObjectiveError(trial.problem)
        return metrics or trial.reported()


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
