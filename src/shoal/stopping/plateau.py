"""Stops trials that get nowhere any more, unless one is the best of all; what Ray's TrialPlateauStopper
is for."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from shoal.contracts import GO, Decision
from shoal.errors import StudyError
from shoal.history import History
from shoal.models.told import Told
from shoal.records import AnyRecord, Reported
from shoal.trial import Report


@dataclass
class Plateau:
    """Settings: over how many reports the losses vary by less than a deviation, and how many come first."""

    reports: int = 4
    deviation: float = 0.01
    warmup: int = 4

    def __post_init__(self) -> None:
        if self.reports < 2 or not self.deviation > 0 or self.warmup < 0:
            raise StudyError(f"plateau needs reports >= 2, deviation > 0 and warmup >= 0, got {self}")

    def begin(self, history: History) -> None:
        self._history = history
        self._lately: dict[int, deque[float]] = {}
        self._count: dict[int, int] = {}
        self._best: dict[int, float] = {}
        self._least = math.inf
        self._told = Told(history, self._add, self._drop, failures=False)

    def tell(self, record: AnyRecord) -> None:
        self._told.tell(record)

    def _add(self, number: int, report: Report | Reported) -> None:
        loss = self._history.loss(report)
        if loss is not None:
            self._lately.setdefault(number, deque(maxlen=self.reports)).append(loss)
            self._count[number] = self._count.get(number, 0) + 1
            self._best[number] = min(loss, self._best.get(number, math.inf))
            self._least = min(self._least, loss)

    def _drop(self, number: int) -> None:
        for kept in (self._lately, self._count, self._best):
            kept.pop(number, None)
        self._least = min(self._best.values(), default=math.inf)

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        lately = self._lately.get(number, ())
        if len(lately) < self.reports or self._count[number] <= self.warmup or self._best[number] <= self._least:
            return GO
        size = max(map(abs, lately)) or 1.0
        spread = float(np.std(np.array(lately) / size)) * size
        if spread >= self.deviation:
            return GO
        return Decision(stop=True, reason=f"the last {self.reports} reports vary by {spread:.2g} only")
