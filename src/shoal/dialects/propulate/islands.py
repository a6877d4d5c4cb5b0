"""Islands of evolving populations: the way most scripts run Propulate."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoal.dialects.propulate.individual import Individual
from shoal.dialects.propulate.propagators import Propagator, SelectMax, SelectMin
from shoal.dialects.propulate.propulator import Propulator, Run, islands_of
from shoal.dialects.propulate.surrogate import Factory
from shoal.dialects.propulate.world import ranks
from shoal.errors import StudyError


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
        if isinstance(ranks_per_worker, bool) or not isinstance(ranks_per_worker, int) or ranks_per_worker < 1:
            raise StudyError(f"ranks_per_worker must be a whole number of 1 or more, got {ranks_per_worker!r}")
        count = max(ranks()[1] // ranks_per_worker, workers or 1)
        sizes = _sizes(count, num_islands, island_sizes)
        plan = None
        if len(sizes) > 1:
            policy = "pollinate" if pollination else "migrate"
            plan = islands_of(
                sizes, migration_topology, migration_probability * len(sizes) / sum(sizes), emigration_propagator,
                immigration_propagator, policy,
            )  # fmt: skip
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


def _sizes(workers: int, islands: int, given: Any) -> list[int]:
    """How many workers each island has; one process alone works for all islands in turn."""
    if given is None:
        if islands < 1:
            raise StudyError(f"num_islands must be 1 or more, got {islands}")
        if workers == 1:
            return [1] * islands
        if islands > workers:
            raise StudyError(f"{islands} islands need as many workers, and there are {workers}")
        return [workers // islands + (island < workers % islands) for island in range(islands)]
    sizes = [int(size) for size in given]
    if workers > 1 and sum(sizes) != workers:
        raise StudyError(f"island_sizes {sizes} add up to {sum(sizes)}, but there are {workers} workers")
    return sizes
