"""When tuning ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from shoal.dialects.syne_tune.refusals import refused
from shoal.dialects.syne_tune.tuning_status import MetricsStatistics, TuningStatus
from shoal.errors import StudyError


@dataclass
class StoppingCriterion:
    """Tuning ends as soon as one of these is reached, and not one trial or report later than can be helped.

    The bounds of ``max_num_trials_started``, ``_finished`` and ``_completed`` are exact. For the others the journal is
    looked at 20 times a second; results end with the report that reached them.
    """

    max_wallclock_time: float | None = None
    max_num_evaluations: int | None = None
    max_num_trials_started: int | None = None
    max_num_trials_completed: int | None = None
    max_cost: float | None = None
    max_num_trials_finished: int | None = None
    min_metric_value: Mapping[str, float] | None = None
    max_metric_value: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        if self.max_cost is not None:
            raise refused("max_cost", "trials here have no price; use max_wallclock_time")
        for name in [field.name for field in fields(self) if field.name.startswith("max_")]:
            bound = getattr(self, name)
            if name == "max_metric_value" or bound is None:
                continue
            if isinstance(bound, bool) or not isinstance(bound, (int, float)) or not bound > 0:
                raise StudyError(f"{name} must be a number above 0, got {bound!r:.100}")
        for what in (self.min_metric_value, self.max_metric_value):
            if what is not None and not isinstance(what, Mapping):
                raise StudyError(f"a metric's bound is a dict, as in {{'loss': 0.1}}; got {what!r:.100}")

    @property
    def trials(self) -> int | None:
        """How many trials there may be."""
        return _least(self.max_num_trials_started, self.max_num_trials_finished)

    @property
    def done(self) -> int | None:
        """How many trials there may be that complete, beside those that are stopped or fail."""
        return _least(self.max_num_trials_completed)

    @property
    def of_reports(self) -> dict[str, Any]:
        """The bounds that reports reach, as plain JSON."""
        given = {name: getattr(self, name) for name in ("max_num_evaluations", "min_metric_value", "max_metric_value")}
        plain = {name: dict(value) if isinstance(value, Mapping) else value for name, value in given.items()}
        return {name: value for name, value in plain.items() if value is not None}

    def reached(self, seen: MetricsStatistics) -> str:
        """Which bound the reports have reached, in words; empty while none."""
        most = self.max_num_evaluations
        if most is not None and seen.count >= most:
            return f"max_num_evaluations={most} is reached"
        for metric, bound in (self.max_metric_value or {}).items():
            if seen.max_metrics.get(metric, -math.inf) > bound:
                return f"{metric} {seen.max_metrics[metric]:g} is above {bound:g}, as max_metric_value asks"
        for metric, bound in (self.min_metric_value or {}).items():
            if seen.min_metrics.get(metric, math.inf) < bound:
                return f"{metric} {seen.min_metrics[metric]:g} is below {bound:g}, as min_metric_value asks"
        return ""

    def __call__(self, status: TuningStatus) -> bool:
        """Whether any bound is reached; for criteria of your own that are made of this one."""
        times = self.max_wallclock_time is not None and status.wallclock_time >= self.max_wallclock_time
        ended = (self.trials or math.inf) <= status.num_trials_finished
        return (
            times
            or ended
            or (self.done or math.inf) <= status.num_trials_completed
            or bool(self.reached(status.overall_metric_statistics))
        )


def _least(*bounds: float | None) -> int | None:
    given = [bound for bound in bounds if bound is not None and bound < math.inf]
    return math.ceil(min(given)) if given else None


def __getattr__(name: str) -> Any:
    if name == "PlateauStopper":
        raise refused(name, "give shoal.tune patience=, or Tuner a function of the status")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
