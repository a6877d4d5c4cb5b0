"""Functions with known minima, to measure searches with.

>>> from shoal.problems import problem
>>> rastrigin = problem("rastrigin", dimensions=2)
>>> print(rastrigin.space)
space of 2 params
  x0  uniform(-5.12, 5.12)
  x1  uniform(-5.12, 5.12)
>>> rastrigin({"x0": 1.0, "x1": 0.0}) - rastrigin.minimum
1.0
"""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any, Final

from shoal.errors import ObjectiveError, SpaceError, unknown
from shoal.problems.bbob import bbob
from shoal.problems.bbob_functions import FUNCTIONS
from shoal.problems.classic import CLASSIC
from shoal.problems.problem import Problem

__all__ = ["CLASSIC", "NAMES", "Problem", "bbob", "problem"]

_BBOB: Final = {f"bbob_f{number}": partial(bbob, number) for number in FUNCTIONS}
NAMES: Final = (*CLASSIC, *_BBOB)


def problem(name: str, dimensions: int | None = None, instance: int = 1) -> Problem:
    """A problem by name, in its usual dimensions unless told: those of Propulate's paper, or 10 for a BBOB function.

    Raises ObjectiveError for a name that there is not, and SpaceError for dimensions or an instance that it has not:
    bukin, eggcrate, himmelblau, keane and leon are of two dimensions, and only the BBOB functions come in instances.
    """
    if name not in NAMES:
        raise ObjectiveError(unknown("problem", name, NAMES))
    chosen: dict[str, Any] = {} if dimensions is None else {"dimensions": dimensions}
    if name in _BBOB:
        return _BBOB[name](**chosen, instance=instance)
    if instance != 1:
        raise SpaceError(f"{name} has one instance, got instance={instance!r}; only the BBOB functions have more")
    make = CLASSIC[name]
    if "dimensions" not in inspect.signature(make).parameters:
        if dimensions not in (None, 2):
            raise SpaceError(f"{name} has 2 dimensions, got dimensions={dimensions!r}")
        chosen = {}
    return make(**chosen)
