"""Stops trials whose metric leaves given bounds, such as a loss that explodes; as Optuna's ThresholdPruner."""

from __future__ import annotations

import math
from dataclasses import dataclass

from shoal.contracts import GO, Decision
from shoal.errors import StudyError
from shoal.history import History
from shoal.records import Reported
from shoal.trial import Report


@dataclass
class Threshold:
    """Settings: bounds in the metric's own units, and the budget before the first look."""

    lower: float | None = None
    upper: float | None = None
    warmup: float = 0.0

    def __post_init__(self) -> None:
        if self.lower is None and self.upper is None:
            raise StudyError("threshold needs lower=, upper=, or both, in the units of the metric")
        low, high = (-math.inf if self.lower is None else self.lower), (math.inf if self.upper is None else self.upper)
        if not low < high:
            raise StudyError(f"threshold needs lower < upper, got {self}")

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        loss = history.loss(report)
        if loss is None or (self.warmup and history.spent(report) <= self.warmup):
            return GO
        value = loss * history.sign
        if self.upper is not None and value > self.upper:
            return Decision(stop=True, reason=f"{value:.4g} is above {self.upper:g}")
        if self.lower is not None and value < self.lower:
            return Decision(stop=True, reason=f"{value:.4g} is below {self.lower:g}")
        return GO
