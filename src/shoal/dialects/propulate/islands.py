"""Islands of evolving populations: the way most scripts run Propulate."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoal.dialects.propulate.checks import chance_of, sizes_of, whole
from shoal.dialects.propulate.population import Individual
from shoal.dialects.propulate.propagators import Propagator, SelectMax, SelectMin
from shoal.dialects.propulate.propulator import Propulator, Run, islands_of
from shoal.dialects.propulate.surrogate import Factory
from shoal.dialects.propulate.world import ranks


class Islands:
    """Sets up one propulator for all islands. Arguments are Propulate's; ``workers`` is for runs without MPI.

    ``migration_probability`` is that of an island in each of its generations.
    """

    def __init__(
        self, loss_fn: Callable[..., Any], propagator: Propagator, rng: random.Random | None = None,
        generations: int = 0, num_islands: int = 1, island_sizes: Any = None, migration_topology: Any = None,
        migration_probability: float = 0.0, emigration_propagator: type[Propagator] = SelectMin,
        immigration_propagator: type[Propagator] = SelectMax, pollination: bool = True,
        checkpoint_path: str | Path = ".", ranks_per_worker: int = 1, surrogate_factory: Factory | None = None,
        workers: int | None = None,
    ) -> None:  # fmt: skip
        ranks_per_worker = whole("ranks_per_worker", ranks_per_worker, 1)
        count = max(ranks()[1] // ranks_per_worker, whole("workers", workers or 0, 0), 1)
        sizes = sizes_of(count, num_islands, island_sizes)
        often = chance_of("migration_probability", migration_probability) * len(sizes) / sum(sizes)
        plan = None
        if len(sizes) > 1:
            policy = "pollinate" if pollination else "migrate"
            plan = islands_of(sizes, migration_topology, often, emigration_propagator, immigration_propagator, policy)
        self.propulator = Propulator.__new__(Propulator)
        self.propulator._prepare(
            Run(
                loss_fn, propagator, rng, generations, checkpoint_path, surrogate_factory, plan,
                ranks_per_worker if ranks_per_worker > 1 else None, workers,
            )
        )  # fmt: skip

    def propulate(self, logging_interval: int = 10, debug: int = 1) -> None:
        """Evaluate generation after generation, as `Propulator.propulate`."""
        self.propulator.propulate(logging_interval, debug)

    def summarize(self, top_n: int = 3, debug: int = 1) -> list[list[Individual]]:
        """The best individuals on each island, as `Propulator.summarize`."""
        return self.propulator.summarize(top_n, debug)

    def evolve(self, top_n: int = 3, logging_interval: int = 10, debug: int = 1) -> list[list[Individual]]:
        """`propulate` and `summarize` in one, as in older versions."""
        return self.propulator.evolve(top_n, logging_interval, debug)
