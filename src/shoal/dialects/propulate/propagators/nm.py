"""The simplex method of Nelder and Mead."""

from __future__ import annotations

from typing import Any

import numpy as np

from shoal.dialects.propulate.limits import Limits, from_position
from shoal.dialects.propulate.propagators.base import Rng, Whole


class ParallelNelderMead(Whole):
    """Shoal's ``nelder_mead``: no peer waits, bounds and categoricals are respected, a collapsed simplex begins anew.
    ``scale``, in units of the params, becomes a share of their ranges, of half of them at most."""

    def __init__(
        self, limits: Limits, rng: Rng, start: Any, alpha: float = 1.0, gamma: float = 2.0, rho: float = 0.5,
        sigma: float = 0.5, scale: float = 1.0,
    ) -> None:  # fmt: skip
        spans = [abs(float(ends[-1]) - float(ends[0])) for ends in limits.values() if not isinstance(ends[0], str)]
        settings = {"reflection": alpha, "expansion": gamma, "contraction": rho, "shrinkage": sigma}
        if spans and scale > 0:
            settings["scale"] = min(scale * len(spans) / sum(spans), 0.5)
        super().__init__("nelder_mead", settings, limits, rng)
        self.start = dict(start) if isinstance(start, dict) else from_position(np.asarray(start, dtype=float), limits)
