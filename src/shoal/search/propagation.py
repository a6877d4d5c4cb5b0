"""The search that a propagator makes: it proposes what becomes of the trials that are done."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.records import AnyRecord
from shoal.search.population import Member, Population, Scene
from shoal.search.propagators import Propagator, UniformInit
from shoal.search.tried import Tried
from shoal.space import Params


@dataclass
class Propagation:
    """The search that proposes what a propagator makes of the trials that are done."""

    propagator: Propagator = field(default_factory=UniformInit)

    def begin(self, history: History) -> None:
        self._history, self._space = history, history.space
        self._tried, self._population = Tried(history), Population(history)

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        self._population.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        scene, why = Scene(self._space, rng), ""

        def propose() -> Params:
            nonlocal why
            for _ in range(100):
                child = self._child(scene)
                params, why = self._space.at(child.point), child.why
                if self._space.allows(params):
                    return params
            why = "random"
            return self._tried.sample(rng)

        return Proposal(self._tried.draw(propose, rng), why)

    def _child(self, scene: Scene) -> Member:
        if not len(self._population):
            return UniformInit()([], scene)[0]
        children = self.propagator(self._population, scene)
        if not children:
            raise SpaceError(f"{self.propagator} gave no members")
        return children[0]
