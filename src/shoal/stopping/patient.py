"""Lets another rule stop a trial only once it has not improved for some reports; what Optuna's PatientPruner is for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from shoal.contracts import GO, Decision, Stopping
from shoal.errors import StudyError
from shoal.history import History
from shoal.models.told import Told
from shoal.records import AnyRecord, Reported
from shoal.trial import Report


@dataclass
class Patient:
    """Settings: the other rule by name and its settings, for how many reports to wait, and what counts as better."""

    rule: str = "median"
    settings: dict[str, Any] = field(default_factory=dict)
    patience: int = 3
    least: float = 0.0  # an improvement of no more than this does not count

    def __post_init__(self) -> None:
        if self.patience < 1 or not self.least >= 0:
            raise StudyError(f"patient needs patience >= 1 and least >= 0, got {self}")

    def wrap(self, rule: Stopping) -> None:
        """The rule that is waited for; called once, before anything else."""
        self._rule = rule
        self.needs_budget = bool(getattr(rule, "needs_budget", False))

    def begin(self, history: History) -> None:
        self._history = history
        self._best: dict[int, tuple[float, int]] = {}  # trial -> its best loss, and the reports since
        self._told = Told(history, self._add, self._drop)
        if hasattr(self._rule, "begin"):
            self._rule.begin(history)

    def tell(self, record: AnyRecord) -> None:
        self._told.tell(record)
        if hasattr(self._rule, "tell"):
            self._rule.tell(record)

    def _add(self, number: int, report: Report | Reported) -> None:
        loss = self._history.loss(report)
        if loss is None:
            return
        best, since = self._best.get(number, (math.inf, 0))
        self._best[number] = (loss, 0) if loss < best - self.least else (best, since + 1)

    def _drop(self, number: int) -> None:
        self._best.pop(number, None)

    def _earlier(self, number: int, history: History) -> Decision:
        """What the rule said of the last rung, if the trial got to it while it was waited for."""
        told = [report for report in history.reports(number) if history.loss(report) is not None]
        said = (self._rule.decide(number, report, history) for report in told[-1 - self.patience : -1])
        return next((decision for decision in said if decision.ends), GO)

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        since = self._best.get(number, (0.0, 0))[1]
        if since < self.patience:
            return GO
        decision = self._rule.decide(number, report, history)
        if not decision.ends and since == self.patience and getattr(self._rule, "at_rungs", False):
            decision = self._earlier(number, history)
        if not decision.ends:
            return GO
        waited = "1 report" if since == 1 else f"{since} reports"
        return Decision(decision.stop, decision.pause, f"{decision.reason}; no better for {waited}")
