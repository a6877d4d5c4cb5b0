"""The table of an experiment as Syne Tune has it: one row a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shoal.dialects.syne_tune.constants import (
    ST_CRITERION,
    ST_DECISION,
    ST_STATUS,
    ST_TRIAL_ID,
    ST_TUNER_CREATION_TIMESTAMP,
    ST_TUNER_TIME,
)
from shoal.dialects.syne_tune.places import read_metadata
from shoal.dialects.syne_tune.stopping_criterion import StoppingCriterion
from shoal.dialects.syne_tune.tuning_status import MetricsStatistics
from shoal.errors import StudyError
from shoal.study import Study
from shoal.trial import Trial

STATUS = {"done": "Completed", "stopped": "Stopped", "failed": "Failed", "paused": "Paused", "lost": "Failed"}
LAST = {"stopped": "STOP", "paused": "PAUSE"}  # the decision on a trial's last report


def rows(study: Study) -> list[dict[str, Any]]:
    """One row a report, in the order in which they came, up to the one that reached the stop criterion; a trial without
    reports has one with its result."""
    trials, definition = study.trials, study._journal.history.definition
    counted = "step" if definition.budget is None else definition.budget.name
    began = min((trial.time for trial in trials if trial.time is not None), default=0.0)
    metadata = read_metadata(definition)
    began = metadata.get(ST_TUNER_CREATION_TIMESTAMP, began)
    found = [row for trial in trials for row in _of(trial, counted, began)]
    found = sorted(found, key=lambda row: float(row[ST_TUNER_TIME]))
    return found[: _end(found, StoppingCriterion(**metadata.get(ST_CRITERION, {})))]


def _end(found: Sequence[dict[str, Any]], criterion: StoppingCriterion) -> int:
    """How many rows there are until a criterion is reached; what workers said until they had stopped comes after."""
    seen = MetricsStatistics()
    for place, row in enumerate(found, 1):
        seen.add(row)
        if criterion.reached(seen):
            return place
    return len(found)


def _of(trial: Trial, counted: str, began: float) -> list[dict[str, Any]]:
    told = [(report.metrics, report.time, report.step) for report in trial.reports]
    if not told and trial.metrics:
        told = [(trial.metrics, (trial.time or began) + (trial.seconds or 0.0), 1)]
    config = {f"config_{name}": value for name, value in trial.params.items()}
    status = STATUS.get(trial.outcome, "InProgress")
    return [
        {
            **metrics, counted: metrics.get(counted, step), ST_TRIAL_ID: trial.number, ST_STATUS: status,
            ST_DECISION: LAST.get(trial.outcome, "CONTINUE") if place == len(told) else "CONTINUE",
            **config, ST_TUNER_TIME: max(time - began, 0.0),
        }
        for place, (metrics, time, step) in enumerate(told, 1)
    ]  # fmt: skip


def best_row(found: Sequence[dict[str, Any]], metric: str, mode: str) -> dict[str, Any]:
    """The row with the best value. Raises StudyError where no report has the metric."""
    known = [row for row in found if isinstance(row.get(metric), (int, float))]
    if not known:
        raise StudyError(f"there is no report of {metric!r} yet")
    return (min if mode == "min" else max)(known, key=lambda row: row[metric])


def one_of_metrics(metric: str | int, names: Sequence[str], mode: str | Sequence[str]) -> tuple[str, str]:
    """A metric's name and its mode, given the name or the place. Raises StudyError for one that is not tuned."""
    if metric not in (*names, *range(len(names))):
        raise StudyError(f"metric {metric!r} is none of those that are tuned: {', '.join(names)}")
    place = names.index(metric) if isinstance(metric, str) else metric
    return names[place], mode if isinstance(mode, str) else mode[place]
