"""One trial as a user reads it: ``study.trials[17]``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shoal.records import Metrics


@dataclass(frozen=True)
class Report:
    """A step and its metrics, sent while a trial ran."""

    step: int
    metrics: Metrics
    seconds: float = 0.0  # that the trial had run by then, pauses left out, and those it went on from before it
    saved: bool = False  # whether the trial saves checkpoints
    time: float = 0.0  # when, in seconds since 1970 by its peer's clock


@dataclass(frozen=True)
class Trial:
    """One evaluation of one params. ``outcome`` is done, stopped, paused, failed, lost, running or waiting.

    ``value`` is the study's metric as the objective gave it, None unless the trial is done; ``seconds`` is how long
    it took, lost attempts and pauses left out; ``time`` is when its last attempt began, in seconds since 1970.
    ``resumed`` says why it was resumed or begun again, each time; ``islands`` on which it lives, if a study has some.
    """

    number: int
    outcome: str
    params: dict[str, Any]
    value: float | None = None
    metrics: Metrics = field(default_factory=dict)
    reports: tuple[Report, ...] = ()
    attempt: int = 0
    peer: str = ""
    why: str = ""
    resumed: tuple[str, ...] = ()
    reason: str = ""
    traceback: str = ""
    time: float | None = None
    seconds: float | None = None
    islands: tuple[int, ...] = ()
