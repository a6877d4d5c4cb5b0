"""Syne Tune's names: code written for it runs with ``shoal.dialects.syne_tune`` for ``syne_tune`` in its imports.

The names are those of its versions 0.13 to 0.16. What each becomes, and what differs:
docs/coming-from-syne-tune.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoal.dialects.syne_tune.report import Reporter
    from shoal.dialects.syne_tune.stopping_criterion import StoppingCriterion
    from shoal.dialects.syne_tune.tuner import Tuner

__all__ = ["Reporter", "StoppingCriterion", "Tuner"]

_HOME = {"Reporter": "report", "StoppingCriterion": "stopping_criterion", "Tuner": "tuner"}


def __getattr__(name: str) -> Any:  # a training script imports Reporter alone, in a millisecond
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
