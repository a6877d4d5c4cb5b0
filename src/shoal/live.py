"""A trial while it runs: what an objective of two arguments is given."""

from __future__ import annotations

import copy
from functools import cached_property
from pathlib import Path
from typing import Any

from shoal.answers import metrics_of
from shoal.contracts import Clock
from shoal.errors import ObjectiveError
from shoal.files import trial_directory
from shoal.journal import Journal
from shoal.records import Metrics, Reported
from shoal.space import Params

_CONTAINERS = (list, dict)


class LiveTrial:
    """Reports go to the journal; the rest is what the objective may want to know."""

    def __init__(self, journal: Journal, number: int, attempt: int, params: Params, device: str, clock: Clock) -> None:
        self.number, self.attempt, self.device = number, attempt, device
        self.params = dict(params)  # user code may change its params; the record's stay
        for name, value in params.items():
            if type(value) in _CONTAINERS:
                self.params[name] = copy.deepcopy(value)
        self.interrupted = False
        self.last: Metrics | None = None
        self.problem = ""
        self._journal, self._clock, self._own = journal, clock, params

    @cached_property
    def directory(self) -> Path:
        """A directory of the trial's own, made when first asked for; it survives a retry."""
        path = trial_directory(self._journal.history.definition, self.number)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def report(self, step: int, **metrics: Any) -> None:
        """Report metrics at a step, such as an epoch.

        Raises ObjectiveError where the study's metric is not finite, or a metric has a param's name; the trial then
        fails.
        """
        if not metrics:
            raise ObjectiveError("report needs at least one metric, as in trial.report(3, loss=0.2)")
        self.take(step, metrics)

    def take(self, step: int, answer: Any) -> Metrics:
        """Check an answer, write it down, and return it as metrics."""
        try:
            step = _whole(step)
            metrics = metrics_of(answer, self._journal.history.definition.metric, self._own, final=False)
        except ObjectiveError as error:
            self.problem = f"{error} (reported at step {step})"
            raise ObjectiveError(self.problem) from None
        self.last = {**self.last, **metrics} if self.last else metrics
        self._journal.append(Reported(self.number, step, metrics, self._clock.now(), self.attempt))
        return metrics

    def __getitem__(self, name: str) -> Any:
        return self.params[name]


def _whole(step: Any) -> int:
    if isinstance(step, bool) or not hasattr(step, "__index__"):
        if isinstance(step, float) and step.is_integer():
            return int(step)
        raise ObjectiveError(f"a step must be a whole number, got {step!r}")
    return int(step)
