"""The trial that a study would name as its best while it runs."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.anytime.tasks import Task
from shoal.models.rungs import levels

ETA = 3.0
End = tuple[float, int, int, float, float]  # time, trial, its last step and the loss there; the loss at its very end
Trace = list[tuple[float, float]]  # time, and the loss at the end of its curve of what is the incumbent from then on


def incumbents(ends: Iterable[End], task: Task, anywhere: bool = False) -> Trace:
    """When the incumbent changed, and to what: of the trials that were paused, stopped or done on the highest rung, the
    one of the least loss there. A trial on a larger budget counts before all on smaller ones, as early losses mislead
    (get_incumbent_trajectory of S. Falkner et al.'s HpBandSter, with bigger_is_better). ``anywhere``: of the least loss
    on any rung."""
    rungs = [] if anywhere else levels(task.budget.least, task.budget.most, ETA)
    now: dict[int, tuple[int, float, int, float]] = {}
    trace: Trace = []
    for time, trial, step, loss, final in sorted(ends):
        if not anywhere or trial not in now or loss < now[trial][1]:
            now[trial] = (-sum(level <= step for level in rungs), loss, trial, final)
        best = min(now.values())[-1]
        if not trace or trace[-1][1] != best:
            trace.append((time, best))
    return trace
