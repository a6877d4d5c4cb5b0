"""Schedulers for several objectives: refused, with what to do instead."""

from __future__ import annotations

from shoal.dialects.syne_tune.optimizer.baselines import __getattr__ as __getattr__
