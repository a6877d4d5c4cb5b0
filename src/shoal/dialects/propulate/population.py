"""Individuals: dicts of params with what became of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from shoal.dialects.propulate.limits import Limits, from_position, position_of

if TYPE_CHECKING:
    from shoal.trial import Trial

Position: TypeAlias = "Mapping[str, Any] | np.ndarray[Any, Any]"


class Individual(dict[str, Any]):
    """Params by name, and attributes: ``loss`` (infinite until it is known), ``generation``, ``rank`` of its worker,
    ``island`` where it began, ``active``, ``cancelled`` by a surrogate, ``evaltime`` and ``evalperiod`` in seconds."""

    def __init__(
        self, position: Position, limits: Limits, velocity: Any = None, generation: int = -1, rank: int = -1
    ) -> None:
        super().__init__(from_position(position, limits) if isinstance(position, np.ndarray) else position)
        self.limits = limits
        self.velocity, self.generation, self.rank = velocity, generation, rank
        self.loss = math.inf
        self.island = self.current = -1
        self.active, self.cancelled = True, False
        self.evaltime, self.evalperiod = math.inf, 0.0

    @property
    def position(self) -> np.ndarray[Any, Any]:
        """Numbers as they are, a categorical as one place for each of its choices: 1 at the chosen one."""
        return position_of(self, self.limits)

    def __repr__(self) -> str:
        params = {name: f"{value:.2E}" if isinstance(value, float) else value for name, value in self.items()}
        marked = ", cancelled" if self.cancelled else ""
        return (
            f"[{params}, loss {self.loss:.2E}, island {self.island}, worker {self.rank}, "
            f"generation {self.generation}{marked}]"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Individual):
            return NotImplemented
        return self.equals(other) and (self.generation, self.rank, self.island, self.active) == (
            other.generation, other.rank, other.island, other.active
        )  # fmt: skip

    __hash__ = None

    def equals(self, other: Individual) -> bool:
        """Whether params and loss are the same."""
        return dict(self) == dict(other) and self.loss == other.loss

    @classmethod
    def of(cls, trial: Trial, limits: Limits, workers: int, home: int, metric: str = "loss") -> Individual:
        """From a trial. One that a surrogate cancelled keeps its last loss, is marked and not active."""
        individual = cls({name: trial.params[name] for name in limits}, limits, None, trial.number // workers)
        individual.rank, individual.island = trial.number % workers, home
        told = trial.metrics.get(metric, math.inf) if trial.value is None else trial.value
        individual.loss = float(told) if isinstance(told, (int, float)) else math.inf
        individual.cancelled = trial.outcome == "stopped"
        individual.active = trial.outcome == "done"
        individual.evalperiod = trial.seconds or 0.0
        individual.evaltime = math.inf if trial.time is None else trial.time + individual.evalperiod
        return individual
