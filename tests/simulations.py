"""Studies in virtual time: what they tune, and what they leave behind."""

from __future__ import annotations

import math
from typing import Any

import shoal
from shoal import catalog
from shoal.contracts import Clock
from shoal.engines.simulated import Curve, Faults, Simulation, VirtualClock
from shoal.errors import ObjectiveError
from shoal.journal import Journal
from shoal.records import AnyRecord, Defined, Definition
from shoal.space import Params
from shoal.stores.memory import MemoryStore

SPACE = shoal.Space({"x": (0.0, 1.0), "cost": (1.0, 4.0)})
ALL = Faults(failures=0.1, deaths=0.02, speed_spread=4.0)


class Training:
    """Nine epochs, each of which takes as many seconds as the cost."""

    def curve(self, params: Params) -> Curve:
        if params["x"] > 0.99:
            raise ObjectiveError("x is too large")
        x, cost = params["x"], params["cost"]
        return [(epoch, {"loss": x + 1 / epoch}, cost * epoch) for epoch in range(1, 10)]


class Safe(Training):
    def curve(self, params: Params) -> Curve:
        return super().curve({**params, "x": params["x"] / 2})


class Ran:
    """A simulation that was run, and its journal."""

    def __init__(
        self, faults: Faults | None = None, peers: int = 8, until: float = math.inf, problem: Any = None,
        watch: Clock | None = None, **plan: Any,
    ) -> None:  # fmt: skip
        plan = {"search": "random", "stopping": "asha-promote", "trials": 60, "seed": 1, **plan}
        budget = shoal.Budget("epoch", 1, 9)
        clock = VirtualClock()
        store = MemoryStore()
        store.create("s", Defined(1, Definition(name="s", space=SPACE.to_json(), budget=budget, **plan), 0.0))
        journal = Journal(store, "s", "simulation", clock)
        think = catalog.thinker(None, None, watch or clock)
        self.simulation = Simulation(journal, clock, think, problem or Training(), peers, faults, watch)
        self.time = self.simulation.run(until)
        self.history = journal.history
        self.records: list[AnyRecord] = store.read("s", 0)[0]
        self.peers = peers

    @property
    def outcomes(self) -> list[str]:
        return [trial.outcome for trial in self.history.trials()]

    @property
    def share(self) -> float:
        return self.simulation.busy / (self.peers * self.time)
