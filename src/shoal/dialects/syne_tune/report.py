"""What training scripts import: ``from shoal.dialects.syne_tune import Reporter``."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from shoal.dialects.syne_tune.constants import ST_WORKER_ITER, ST_WORKER_TIME, ST_WORKER_TIMESTAMP
from shoal.errors import ObjectiveError
from shoal.objectives.reporter import report

tell: Callable[..., object] = report  # while a function of `PythonBackend` runs here, that of its trial


class Reporter:
    """Reports metrics of the running trial: ``report = Reporter(); report(epoch=1, accuracy=0.9)``.

    ``st_worker_iter`` and ``st_worker_timestamp`` are added, and with ``add_time`` ``st_worker_time``, the seconds
    since the reporter was made. Outside of a study the report is printed. Raises ObjectiveError for a value that is
    None, and for a name that begins with ``st_``.
    """

    def __init__(self, add_time: bool = True) -> None:
        self.add_time = add_time
        self.start, self.iter = time.perf_counter(), 0

    def __call__(self, **metrics: Any) -> None:
        for name, value in metrics.items():
            if value is None or name.startswith("st_"):
                reason = "it is None" if value is None else "names that begin with st_ are Syne Tune's own"
                raise ObjectiveError(f"report({name}={value!r:.100}): {reason}; report a number under another name")
        told = {**metrics, ST_WORKER_TIMESTAMP: time.time(), ST_WORKER_ITER: self.iter}
        if self.add_time:
            told[ST_WORKER_TIME] = time.perf_counter() - self.start
        self.iter += 1
        tell(**told)


def retrieve(log_lines: list[str]) -> list[dict[str, Any]]:
    """The metrics in lines that a script printed."""
    from shoal.objectives.lines import spoken_reports

    return [metrics for line in log_lines for metrics in spoken_reports(line)]
