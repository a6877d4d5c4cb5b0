"""Shoal: hyperparameter search without a coordinator. Every worker is a peer.

>>> import shoal
>>> study = shoal.Study({"x": shoal.uniform(-1.0, 1.0)}, seed=0)
>>> trial = study.ask()
>>> study.tell(trial, trial.params["x"] ** 2)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoal.contracts import Decision, Halted
    from shoal.errors import Exhausted, ObjectiveError, ShoalError, SpaceError, StoreError, StudyError
    from shoal.islands import Islands
    from shoal.objectives.reporter import checkpoint_dir, params, report, until
    from shoal.records import Budget
    from shoal.space.conditions import at_least, at_most, one_of
    from shoal.space.constructors import (
        choice,
        constant,
        finrange,
        logfinrange,
        lognormal,
        lograndint,
        loguniform,
        normal,
        ordinal,
        qlograndint,
        qloguniform,
        qrandint,
        qreverseloguniform,
        quniform,
        randint,
        reverseloguniform,
        uniform,
    )
    from shoal.space.space import Space
    from shoal.study import Study
    from shoal.tuning import tune

__version__ = "0.1.0"

_WORDS = {  # name -> module; imported when first asked for, so that `import shoal` is instant
    "shoal.contracts": "Decision Halted",
    "shoal.records": "Budget",
    "shoal.islands": "Islands",
    "shoal.errors": "ShoalError SpaceError StoreError StudyError ObjectiveError Exhausted",
    "shoal.space.conditions": "at_least at_most one_of",
    "shoal.space.constructors": (
        "uniform loguniform reverseloguniform quniform qloguniform qreverseloguniform randint lograndint qrandint "
        "qlograndint finrange logfinrange normal lognormal choice ordinal constant"
    ),
    "shoal.space.space": "Space",
    "shoal.objectives.reporter": "report params checkpoint_dir until",
    "shoal.study": "Study",
    "shoal.tuning": "tune",
}
_HOME = {name: module for module, names in _WORDS.items() for name in names.split()}

__all__ = [
    "Budget", "Decision", "Exhausted", "Halted", "Islands", "ObjectiveError", "ShoalError", "Space", "SpaceError",
    "StoreError", "Study", "StudyError", "at_least", "at_most", "checkpoint_dir", "choice", "constant", "finrange",
    "logfinrange", "lognormal", "lograndint", "loguniform", "normal", "one_of", "ordinal", "params", "qlograndint",
    "qloguniform", "qrandint", "qreverseloguniform", "quniform", "randint", "report", "reverseloguniform", "tune",
    "uniform", "until",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = globals()[name] = getattr(importlib.import_module(_HOME[name]), name)
        return value
    raise AttributeError(f"module 'shoal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
