"""How soon a search is where random search without stopping ends, and what stopping costs in the end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Table

Run = Mapping[str, Any]
SHARES = (0.01, 0.03, 0.1, 0.25, 0.5, 1.0)  # of the time


@dataclass(frozen=True)
class Pace:
    """Medians over tasks: of medians over seeds of times, and of means over seeds of all else. ``lost`` is by how much
    the best trial that ran to its end is behind the best that was begun, had all run to theirs."""

    search: str
    times_sooner: float  # than random search ends, at what random search ends with
    latest: float  # the same where it is least
    anywhere: float  # the median where the incumbent is that of the least loss on any rung
    regret: float  # at the end
    lost: float
    trials: float


def paces(runs: Sequence[Run], random: str) -> list[Pace]:
    """The fastest first; none without runs of random search."""
    by: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run["regrets"]:
            by.setdefault((run["search"], run["task"]), []).append(run)
    tasks = sorted({task for search, task in by if search == random})
    goals = {task: float(np.mean([run["regrets"]["1.0"] for run in by[random, task]])) for task in tasks}
    found = []
    for search in sorted({search for search, _ in by}):
        own = {task: by[search, task] for task in tasks if (search, task) in by}
        if not own:
            continue
        sooner, anywhere = _sooner(own, goals, "trace"), _sooner(own, goals, "anywhere")
        found.append(Pace(
            search, float(np.median(sooner)), float(np.min(sooner)), float(np.median(anywhere)),
            _median(own, lambda run: run["regrets"]["1.0"]),
            _median(own, lambda run: run["done"] - run["begun"]), _median(own, lambda run: run["trials"]),
        ))  # fmt: skip
    return sorted(found, key=lambda row: -row.times_sooner)


def _median(own: Mapping[str, Sequence[Run]], value: Any) -> float:
    return float(np.median([np.mean([value(run) for run in rows]) for rows in own.values()]))


def _sooner(own: Mapping[str, Sequence[Run]], goals: Mapping[str, float], trace: str) -> list[float]:
    """How many times sooner each task's goal was reached, by the median of its runs; NaN without such a trace."""
    reached = {task: [_reached(run.get(trace), goals[task]) for run in rows] for task, rows in own.items()}
    return [1 / float(np.median(shares)) for shares in reached.values()]


def _reached(trace: Sequence[tuple[float, float]] | None, goal: float) -> float:
    """The share of the time after which the incumbent was as good as a goal, for good or not; 1 where it never was."""
    if trace is None:
        return math.nan
    return next((max(at, 1e-6) for at, regret in trace if regret <= goal and math.isfinite(at)), 1.0)


def pace_table(rows: Sequence[Pace], title: str) -> Table:
    shown = Table(
        title=f"until random search's end, {title}",
        caption="medians over tasks of means over seeds; by any rung: where the least loss on any rung counts; "
        "lost: the best trial that ended against the best begun",
    )
    shown.add_column("search")
    for heading in ("times sooner", "at least", "by any rung", "regret at the end", "lost", "trials"):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(row.search, f"{row.times_sooner:.3g}", f"{row.latest:.3g}", f"{row.anywhere:.3g}",
                      f"{row.regret:.4f}", f"{row.lost:.4f}", f"{row.trials:.0f}")  # fmt: skip
    return shown
