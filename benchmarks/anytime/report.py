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
        sooner = [1 / float(np.median([_reached(run, goals[task]) for run in rows])) for task, rows in own.items()]
        found.append(Pace(
            search, float(np.median(sooner)), float(np.min(sooner)), _median(own, lambda run: run["regrets"]["1.0"]),
            _median(own, lambda run: run["done"] - run["begun"]), _median(own, lambda run: run["trials"]),
        ))  # fmt: skip
    return sorted(found, key=lambda row: -row.times_sooner)


def _median(own: Mapping[str, Sequence[Run]], value: Any) -> float:
    return float(np.median([np.mean([value(run) for run in rows]) for rows in own.values()]))


def _reached(run: Run, goal: float) -> float:
    """The share of the time after which the incumbent was as good as a goal, for good or not; 1 where it never was."""
    return next((max(at, 1e-6) for at, regret in run["trace"] if regret <= goal and math.isfinite(at)), 1.0)


def pace_table(rows: Sequence[Pace], title: str) -> Table:
    shown = Table(
        title=f"until random search's end, {title}",
        caption="medians over tasks of means over seeds; lost: the best trial that ended against the best begun",
    )
    shown.add_column("search")
    for heading in ("times sooner", "at least", "regret at the end", "lost", "trials"):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(row.search, f"{row.times_sooner:.3g}", f"{row.latest:.3g}", f"{row.regret:.4f}",
                      f"{row.lost:.4f}", f"{row.trials:.0f}")  # fmt: skip
    return shown
