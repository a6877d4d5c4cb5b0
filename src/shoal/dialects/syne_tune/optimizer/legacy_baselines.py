"""The module in which Syne Tune 0.14 keeps the older algorithms."""

from __future__ import annotations

from shoal.dialects.syne_tune.optimizer.baselines import *  # noqa: F403
from shoal.dialects.syne_tune.optimizer.baselines import __getattr__ as __getattr__
