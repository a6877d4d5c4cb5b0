"""Stopping rules of a user's own, that stop or pause every trial at a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import shoal
from shoal.history import History


@dataclass
class At:
    """Ends each trial at a step."""

    step: int
    pause: bool = False

    def decide(self, number: int, report: Any, history: History) -> shoal.Decision:
        if report.step < self.step:
            return shoal.Decision()
        reason = f"step {self.step} is enough for trial {number}"
        return shoal.Decision(stop=not self.pause, pause=self.pause, reason=reason)
