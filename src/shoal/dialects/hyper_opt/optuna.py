"""What objectives use of Optuna, where it is not installed: ``from shoal.dialects.hyper_opt import optuna``."""

from __future__ import annotations

import sys


class TrialPruned(Exception):
    """Raise it where ``trial.should_prune()`` says so."""


def is_pruned(error: BaseException) -> bool:
    """Whether an error says that the trial is pruned: this one, or Optuna's own where that is imported."""
    theirs = getattr(sys.modules.get("optuna"), "TrialPruned", None)
    return isinstance(error, TrialPruned) or (theirs is not None and isinstance(error, theirs))
