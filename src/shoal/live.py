"""A trial while it runs: what an objective of two arguments is given."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from shoal.answers import metrics_of
from shoal.contracts import GO, Clock, Decision, Paused, Stopped
from shoal.errors import ObjectiveError, ShoalError
from shoal.files import has_checkpoint, made_checkpoint, made_directory
from shoal.journal import Journal
from shoal.records import Metrics, Outcome, Reported
from shoal.space import Params

_CONTAINERS = (list, dict)
TO_SAVE = 10.0  # seconds of those until it is killed in which a trial saves its state; half of them at most
FARTHEST = 2**53  # of steps: beyond, two whole numbers can be the same float


class LiveTrial:
    """Reports go to the journal, and the stopping rule decides; the rest is what the objective may want to know.

    With ``halts``, a report after which the trial is to end raises `Halted`; without, its decision says so.
    """

    def __init__(
        self, journal: Journal, number: int, attempt: int, params: Params, device: str, clock: Clock,
        decide: Callable[[int, Reported], Decision] = lambda number, report: GO, halts: bool = True,
    ) -> None:  # fmt: skip
        self.number, self.attempt, self.device = number, attempt, device
        self._decide, self._halts = decide, halts
        self.decision = GO
        self.fault: ShoalError | None = None  # of the stopping rule; no fault of the trial
        history = journal.history
        self._budget = history.definition.budget
        self.until = history.until(number) or (self._budget.most if self._budget else math.inf)
        self.source = history.source(number)
        own = history.reports(number) if attempt else ()
        before = own if own or self.source is None else history.reports(self.source)
        self.last_step = before[-1].step if before else 0
        self._spent = history.spent(before[-1]) if before else 0.0
        self._before = before[-1].seconds if before and not own else history.seconds_before(number, attempt)
        self._unsaved = bool(before) and not before[-1].saved  # up to its first report, which shows where it begins
        self._began = clock.monotonic()
        self.params = dict(params)  # user code may change its params; the record's stay
        for name, value in params.items():
            if type(value) in _CONTAINERS:
                self.params[name] = copy.deepcopy(value)
        self.interrupted = self.saves = False
        self.told = False  # that it is to end, as it would be killed soon
        self._save_by = math.inf
        self.last: Metrics | None = dict(before[-1].metrics) if before and self._spent >= self.until else None
        self.problem = ""
        self._journal, self._clock, self._own = journal, clock, params
        if attempt and self._budget is not None and not self._unsaved:
            self._before = self._seconds_saved(bool(before))

    def _seconds_saved(self, reported: bool) -> float:
        """How long it took to get to where it goes on from, also where an attempt was cut off after it had saved."""
        if not self._has_saved():
            return self._before if reported else 0.0
        last = self._journal.history.carried(self.number, self.attempt)
        return max(self._before, last.seconds or 0.0) if last is not None and last.saved else self._before

    @cached_property
    def directory(self) -> Path:
        """A directory of the trial's own, made when first asked for; it survives a retry."""
        return made_directory(self._journal.history.definition, self.number)

    @cached_property
    def checkpoint(self) -> Path:
        """Where to save the trial's state, and to look for it when ``resumed``: it outlasts pauses and retries."""
        return made_checkpoint(self._journal.history.definition, self.number)

    def reported(self) -> Metrics | None:
        """What a trial without a result ends with: its last report, or that of earlier attempts, where it found nothing
        left to do when it was gone on with."""
        if self.last is None and (report := self._journal.history.carried(self.number, self.attempt)) is not None:
            self._spent = max(self._spent, self._journal.history.spent(report))
            self.last = dict(report.metrics)
        return self.last

    def _has_saved(self) -> bool:
        """Whether there is a checkpoint, or will be when the trial is paused; looked up where someone may ask."""
        if not self.saves and self._budget is not None:
            self.saves = has_checkpoint(self._journal.history.definition, self.number)
        return self.saves

    @property
    def resumed(self) -> bool:
        """Whether the trial was begun before, here or elsewhere, or goes on from another one: there is a checkpoint if
        it saved one."""
        return self.attempt > 0 or self.source is not None

    @property
    def why(self) -> str:
        """Where its params came from, in the words of the search; of a trial that is gone on with, why it is."""
        known = self._journal.history.trial(self.number)
        return known.resumed[-1] if known.resumed else known.why

    @property
    def ran(self) -> float:
        """Seconds that the trial has run, in the attempts that were paused too."""
        return self._before + self._clock.monotonic() - self._began

    @property
    def counted(self) -> str:
        """What names the steps of the trial's reports: the budget, unless that is measured in seconds."""
        return "step" if self._budget is None or self._budget.name == "seconds" else self._budget.name

    @property
    def due(self) -> bool:
        """Whether the trial has used what it was to use, but not all of its budget."""
        return self._budget is not None and self.until <= self._spent and not self.complete

    @property
    def _used_up(self) -> bool:
        """Whether the trial ran on beyond its budget. A step is the last one that it may report, and no reason to cut
        off what comes after it; seconds have no last one."""
        budget = self._budget
        return budget is not None and (self._spent > budget.most or (self.complete and budget.name == "seconds"))

    @property
    def complete(self) -> bool:
        """Whether all of its budget is used: it is done, whatever becomes of the study."""
        return self._budget is not None and self._spent >= self._budget.most

    def interrupt(self, seconds: float) -> None:
        """Its peer is to begin no other trial, and will be killed after so many seconds, if that is not infinite."""
        self.interrupted = self.interrupted or seconds < math.inf
        self._save_by = min(self._save_by, self._clock.monotonic() + max(seconds / 2, seconds - TO_SAVE))

    @property
    def overdue(self) -> bool:
        """Whether the trial would be killed soon: what is to be saved is to be saved now."""
        return self._save_by < math.inf and not self.complete and self._clock.monotonic() >= self._save_by

    @property
    def outcome(self) -> tuple[Outcome, str] | None:
        """What the stopping rule makes of a trial that came to its end, and why; None: it is done."""
        if self.decision.stop and not self._used_up:
            return "stopped", self.decision.reason
        if self.decision.pause and not self.complete:
            return "paused", self.decision.reason
        return ("paused", f"ran until {self.until:g}, as it was asked to") if self.due else None

    def report(self, step: int, **metrics: Any) -> Decision:
        """Report metrics at a step, such as an epoch, and learn what becomes of the trial.

        In a function that is tuned, raises `Halted` where the trial is to end, or would be killed soon as the study is
        being stopped. Raises ObjectiveError where the study's metric is not finite, or a metric has a param's name; the
        trial then fails.
        """
        if not metrics:
            raise ObjectiveError("report needs at least one metric, as in trial.report(3, loss=0.2)")
        self.take(step, metrics)
        if self._halts and self.decision != GO:
            raise (Paused if self.decision.pause else Stopped)(self.decision.reason)
        if self.told:
            raise Paused("interrupted")
        return self.decision

    def take(self, step: int, answer: Any) -> Metrics:
        """Check an answer, write it down, and return it as metrics."""
        where = ""
        try:
            step = _whole(step)
            where = f" (reported at step {step})"
            metrics = metrics_of(answer, self._journal.history.definition.metric, self._own, final=False)
        except ObjectiveError as error:
            self.problem = f"{error}{where}"
            raise ObjectiveError(self.problem) from None
        if self._unsaved and step <= self.last_step:
            self._before, self.last = 0.0, None  # it had no checkpoint, and began again
        self._unsaved = False
        self.last = {**self.last, **metrics} if self.last else metrics
        seconds, saved = round(self.ran, 3), self._has_saved()
        report = Reported(self.number, step, metrics, self._clock.now(), self.attempt, seconds, saved)
        self._journal.append(report)
        self.last_step = step
        self._spent = self._journal.history.spent(report)
        if self._used_up:
            self.decision = Decision(stop=True, reason="its budget is used up")
        if self.decision == GO and not self.complete:  # all is paid for: nothing is left to save
            try:
                self.decision = self._decide(self.number, report)
            except ShoalError as error:
                self.fault = error
                raise
        self.told = self.told or (self.decision == GO and self.overdue)
        return metrics

    def __getitem__(self, name: str) -> Any:
        return self.params[name]


def _whole(step: Any) -> int:
    if isinstance(step, bool) or not (hasattr(step, "__index__") or (isinstance(step, float) and step.is_integer())):
        raise ObjectiveError(f"a step must be a whole number, got {step!r}")
    if not -FARTHEST <= step <= FARTHEST:
        raise ObjectiveError("a step must be a whole number of up to 2^53, got one beyond that")
    return int(step)
