"""CMA-ES."""

from __future__ import annotations

from shoal.dialects.propulate.limits import Limits
from shoal.dialects.propulate.propagators.base import Rng, Whole
from shoal.errors import SpaceError


class CMAAdapter:
    """A kind of CMA-ES."""


class BasicCMA(CMAAdapter):
    """Runs Shoal's ``cmaes``, which is active."""


class ActiveCMA(CMAAdapter):
    """Runs Shoal's ``cmaes``."""


class CMAPropagator(Whole):
    """Shoal's ``cmaes``: asynchronous, active, restarted with growing populations, within the bounds, for categoricals,
    too; the covariance matrix is decomposed every generation."""

    def __init__(
        self, adapter: CMAAdapter, limits: Limits, decompose_in_each_generation: bool = False,
        select_worst_all_time: bool = False, pop_size: int | None = None, pool_size: int = 3, rng: Rng = None,
    ) -> None:  # fmt: skip
        if not isinstance(adapter, CMAAdapter):
            raise TypeError(f"adapter must be BasicCMA() or ActiveCMA(), got {adapter!r}")
        if select_worst_all_time or pool_size != 3:
            raise SpaceError("CMAPropagator: select_worst_all_time and pool_size have no counterpart: leave them out")
        super().__init__("cmaes", {} if pop_size is None else {"population": max(pop_size, 4)}, limits, rng)
