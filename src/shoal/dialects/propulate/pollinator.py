"""Islands by hand, that exchange migrants by copying them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoal.dialects.propulate.propagators import Propagator, SelectMax, SelectMin
from shoal.dialects.propulate.propulator import Propulator
from shoal.dialects.propulate.surrogate import Factory


class Pollinator(Propulator):
    """Islands, given by ``island_counts``, that send copies of migrants."""

    def __init__(
        self, loss_fn: Callable[..., Any], propagator: Propagator, rng: random.Random | None = None,
        island_idx: int = 0, island_comm: Any = None, propulate_comm: Any = None, worker_sub_comm: Any = None,
        generations: int = 0, checkpoint_path: str | Path = ".", migration_topology: Any = None,
        migration_prob: float = 0.0, emigration_propagator: type[Propagator] = SelectMin,
        immigration_propagator: type[Propagator] = SelectMax, island_displs: Any = None, island_counts: Any = None,
        surrogate_factory: Factory | None = None, workers: int | None = None,
    ) -> None:  # fmt: skip
        self._immigrate = immigration_propagator
        super().__init__(
            loss_fn, propagator, rng, island_idx, island_comm, propulate_comm, worker_sub_comm, generations,
            checkpoint_path, migration_topology, migration_prob, emigration_propagator, island_displs, island_counts,
            surrogate_factory, workers,
        )  # fmt: skip
