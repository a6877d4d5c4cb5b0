"""What is known while a study runs, as criteria of Syne Tune see it."""

from __future__ import annotations

import math
from typing import Any

from shoal.dialects.syne_tune.refusals import refused
from shoal.history import History
from shoal.records import AnyRecord, Metrics, Reported


class MetricsStatistics:
    """How often was reported, and within which bounds each number lay."""

    def __init__(self) -> None:
        self.count = 0
        self.min_metrics: dict[str, float] = {}
        self.max_metrics: dict[str, float] = {}
        self.last_metrics: Metrics = {}

    def add(self, metrics: Metrics) -> None:
        self.count += 1
        self.last_metrics = metrics
        for name, value in metrics.items():
            if isinstance(value, (int, float)):
                self.min_metrics[name] = min(value, self.min_metrics.get(name, math.inf))
                self.max_metrics[name] = max(value, self.max_metrics.get(name, -math.inf))


class TuningStatus:
    """A study's trials and reports in numbers, kept up to date by `tell`; ``wallclock_time`` is in seconds."""

    def __init__(self, history: History) -> None:
        self._history = history
        self.wallclock_time = 0.0
        self.overall_metric_statistics = MetricsStatistics()
        for number in range(history.length):
            for report in history.reports(number):
                self.overall_metric_statistics.add(report.metrics)

    def tell(self, record: AnyRecord) -> None:
        if isinstance(record, Reported):
            self.overall_metric_statistics.add(record.metrics)

    @property
    def num_trials_started(self) -> int:
        counts = self._history.counts
        return sum(counts.values()) - counts["waiting"]

    @property
    def num_trials_completed(self) -> int:
        return self._history.counts["done"]

    @property
    def num_trials_failed(self) -> int:
        return self._history.counts["failed"]

    @property
    def num_trials_finished(self) -> int:
        return self._history.ended

    @property
    def num_trials_running(self) -> int:
        return self._history.counts["running"]

    def __getattr__(self, name: str) -> Any:
        if name in ("cost", "user_time", "trial_rows", "trial_metric_statistics", "last_trial_status_seen"):
            raise refused(f"TuningStatus.{name}", "there are the numbers of trials, and overall_metric_statistics")
        raise AttributeError(f"TuningStatus has no attribute {name!r}")
