"""Shoal in virtual time: the very loop of its peers, over the curves of a task."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from benchmarks.anytime.incumbent import End, Trace, incumbents
from benchmarks.anytime.tasks import Task
from shoal import simulation
from shoal.engines.simulated import Curve
from shoal.history import History
from shoal.records import AnyRecord, Ended, Reported, Started, read_params
from shoal.space import Params

METRIC = "validation loss"  # a name that no param has


@dataclass(frozen=True)
class Found:
    """What a run found. ``anywhere`` is the trace of the incumbents by the least loss on any rung. ``done`` is the
    least final loss of the trials that ran to their end, ``begun`` that of all that were begun and did not run still
    when time was over, had each run to its end; NaN where there is none."""

    trace: Trace
    anywhere: Trace
    done: float
    begun: float
    trials: int
    seconds: float  # real ones, of search, a trial
    cut: float = 1.0  # the share of the time after which a search that thinks for too long was ended


class Timed:
    """A task as a simulation wants it, and how long answering took."""

    def __init__(self, task: Task) -> None:
        self._task, self.seconds = task, 0.0

    def curve(self, params: Params) -> Curve:
        began = perf_counter()
        curve: Curve = [(step, {METRIC: loss}, seconds) for step, loss, seconds in self._task.curve(params)]
        self.seconds += perf_counter() - began
        return curve


def run(task: Task, search: str, stopping: str, peers: int, until: float, seed: int) -> Found:
    """Tune for ``until`` virtual seconds. All that happens beside looking up curves counts as search."""
    budget = {"name": task.budget.name, "least": task.budget.least, "most": task.budget.most}
    given: dict[str, Any] = {
        "space": task.domains.to_json(), "metric": METRIC, "search": search, "stopping": stopping, "seed": seed,
        "budget": budget, "max_failures": None,
    }  # fmt: skip
    began = perf_counter()
    problem = Timed(task)
    ran = simulation.run(problem, given, peers, until)
    seconds = perf_counter() - began - problem.seconds
    history, ends = ran.history, _ends(task, ran.records)
    return Found(
        trace=incumbents(ends, task), anywhere=incumbents(ends, task, anywhere=True),
        done=_least(task, history, "done"),
        begun=_least(task, history, "done", "stopped", "paused", "failed"), trials=history.length,
        seconds=seconds / max(history.length, 1),
    )  # fmt: skip


def _least(task: Task, history: History, *states: str) -> float:
    finals = (task.final(history.params(number)) for number in history.numbers(*states))
    return min((loss for loss in finals if math.isfinite(loss)), default=math.nan)


def _ends(task: Task, records: Iterable[AnyRecord]) -> list[End]:
    params: dict[int, Params] = {}
    last: dict[int, Reported] = {}
    ends: list[End] = []
    for record in records:
        if isinstance(record, Started):
            params[record.number] = read_params(record.params)
        elif isinstance(record, Reported):
            last[record.number] = record
        elif isinstance(record, Ended) and record.outcome != "failed" and record.number in last:
            report = last[record.number]
            final = task.final(params[record.number])
            ends.append((record.time, record.number, report.step, float(report.metrics[METRIC]), final))
    return ends
