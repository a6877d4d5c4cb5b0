"""The 24 noiseless BBOB functions on [-5, 5]^d, shifted and rotated, each in as many instances as wanted.

N. Hansen, S. Finck, R. Ros, A. Auger: Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless Functions
Definitions. INRIA RR-6829, 2009. The functions are the report's; the optima, rotations and least values are drawn by
numpy, so that instance 1 here is not instance 1 of COCO: values compare with each other, not with COCO's.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np

from shoal.errors import ObjectiveError, SpaceError
from shoal.problems.bbob_frame import Frame, draw
from shoal.problems.bbob_functions import FUNCTIONS
from shoal.problems.problem import Problem, box, check_dimensions
from shoal.space.domain import Array

REACH: Final = 5.0


def bbob(function: int, dimensions: int = 10, instance: int = 1) -> Problem:
    """Function 1 to 24 in 2 dimensions or more; the same number of an instance, 0 or more, gives the same problem.

    Raises ObjectiveError for a function that there is not, and SpaceError for dimensions or an instance out of range.

    >>> problem = bbob(8, dimensions=3, instance=2)
    >>> problem.regret(problem.function(problem.argmin))
    0.0
    """
    if function not in FUNCTIONS:
        raise ObjectiveError(f"the BBOB functions are 1 to {max(FUNCTIONS)}, got {function!r}")
    name = f"bbob_f{function}"
    check_dimensions(name, dimensions, 2)
    if isinstance(instance, bool) or not isinstance(instance, int) or instance < 0:
        raise SpaceError(f"{name}: an instance is a whole number, 0 or more; got {instance!r}")
    rng = np.random.default_rng([function, dimensions, instance])
    least = float(np.clip(round(100 * rng.standard_cauchy(), 2), -1000.0, 1000.0))
    frame = draw(function, dimensions, rng)
    value = partial(_value, function, frame, least)
    return Problem(name, box([(-REACH, REACH)] * dimensions), value, least, frame.optimum)


def _value(function: int, frame: Frame, least: float, x: Array) -> float:
    return FUNCTIONS[function](x, frame) + least
