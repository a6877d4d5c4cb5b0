"""Trying a search, a stopping rule and a number of peers in virtual time, before a cluster is booked."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shoal import catalog
from shoal.clock import RealClock
from shoal.contracts import Clock
from shoal.engines.simulated import Faults, Problem, Simulation, VirtualClock
from shoal.history import History
from shoal.joining import join
from shoal.records import AnyRecord
from shoal.space import Space
from shoal.stores.memory import MemoryStore

DRAWN = 100  # random trials that tell how long one takes


@dataclass(frozen=True)
class Simulated:
    """What became of a study in virtual time; seconds are virtual ones.

    ``points`` are (time, seconds that peers had run trials for, best value) whenever a trial was done that is the best
    so far. ``utilisation`` is the share of the peers' time in which trials ran, ``saved`` the share of the cost of
    running all trials to their end that stopping them saved, and ``lost`` by how much the best trial that ran to its
    end is worse than the best that was begun, had all of those run to theirs. Trials that failed count for neither,
    nor do slow peers and work that was lost with a dead one.
    """

    peers: int
    search: str
    stopping: str
    seconds: float
    cost: float
    best: float | None
    trials: int
    outcomes: Mapping[str, int]
    utilisation: float
    saved: float
    lost: float | None
    points: list[tuple[float, float, float]] = field(repr=False)


@dataclass(frozen=True)
class Ran:
    """What is left of a study that was run; ``busy`` are the seconds for which its peers ran trials. ``points`` are
    (time, ``busy`` until then, loss) of each trial that was the best so far when it was done."""

    history: History
    records: list[AnyRecord]
    seconds: float
    busy: float
    points: list[tuple[float, float, float]]


def simulate(
    problem: Problem, plan: Mapping[str, Any], peers: int, until: float, faults: Faults | None = None,
    charged: bool = False, progress: Callable[[float, int], None] | None = None,
) -> Simulated:  # fmt: skip
    """Run a study as `run` does, and sum up what became of it."""
    ran = run(problem, plan, peers, until, faults, charged, progress)
    history, seconds, busy = ran.history, ran.seconds, ran.busy
    went, whole, begun = _had_all_run(problem, history)
    best = history.best_value
    return Simulated(
        peers=peers, search=history.definition.search, stopping=catalog.stopping_name(history.definition),
        seconds=seconds, cost=busy, best=None if best is None else history.sign * best, trials=history.length,
        outcomes={name: count for name, count in history.counts.items() if count},
        utilisation=min(busy / (peers * seconds), 1.0) if seconds else 0.0,
        saved=1.0 - went / whole if whole else 0.0,
        lost=None if best is None else max(best - begun, 0.0),
        points=[(time, cost, history.sign * loss) for time, cost, loss in ran.points],
    )  # fmt: skip


def run(
    problem: Problem, plan: Mapping[str, Any], peers: int, until: float, faults: Faults | None = None,
    charged: bool = False, progress: Callable[[float, int], None] | None = None,
) -> Ran:  # fmt: skip
    """Run a study in virtual time until it ends, or for so many seconds. ``plan`` holds fields of its definition.

    ``charged``: peers spend the time that the search takes on this machine, so that no run is like another.
    ``progress`` is called, often, with the virtual time so far and the number of trials that began.
    """
    clock = VirtualClock()
    watch: Clock = RealClock() if charged else clock
    store = MemoryStore(now=clock.now)
    nowhere = {"directory": os.devnull}  # no trial has files
    journal = join(store, "simulated", "all", clock, {**plan, **nowhere})
    simulation = Simulation(journal, clock, catalog.thinker(None, None, watch), problem, peers, faults, watch)
    seconds = simulation.run(until, progress)
    return Ran(journal.history, store.read("simulated", 0)[0], seconds, simulation.busy, simulation.points)


def full_seconds(problem: Problem, space: Space) -> float:
    """What a random trial takes that runs to its end, on average."""
    rng = np.random.default_rng(0)
    return float(np.mean([problem.curve(space.sample(rng))[-1][2] for _ in range(DRAWN)]))


def _had_all_run(problem: Problem, history: History) -> tuple[float, float, float]:
    """The seconds that the problem asks for the steps that trials went, and for all their steps, and the least loss
    that they would have come to; of trials that ended, or were paused, and did not fail."""
    metric, sign = history.definition.metric, history.sign
    went, whole, least = 0.0, 0.0, math.inf
    for number in history.numbers("done", "stopped", "paused"):
        curve = problem.curve(history.params(number))
        reports = history.reports(number)
        spent = {step: seconds for step, _, seconds in curve}
        whole += curve[-1][2]
        if reports:
            went += spent[reports[-1].step] - max(
                (s for step, s in spent.items() if step < reports[0].step), default=0.0
            )
        value = curve[-1][1][metric]
        if isinstance(value, float | int) and math.isfinite(value):
            least = min(least, sign * value)
    return went, whole, least
