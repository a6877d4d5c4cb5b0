"""What DeepHyper's users write for a hyperparameter: a tuple is a range, a list a choice, a number a constant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from shoal.dialects.deephyper import hyperparameters as kinds
from shoal.errors import SpaceError

PRIORS = ("uniform", "log-uniform")


def hyperparameter(value: Any, name: str | None, default: Any) -> kinds.Hyperparameter:
    """What a user wrote, as a hyperparameter. Raises SpaceError for what is none."""
    if isinstance(value, kinds.Hyperparameter):
        if name not in (None, value.name) or default is not None:
            raise SpaceError(f"{value.name!r} has its name and its default already; give no other with it")
        return value
    if type(value).__module__.partition(".")[0].lower() == "configspace":
        raise SpaceError(foreign(value, "hyperparameter"))
    if not isinstance(name, str):
        raise SpaceError(f"{value!r:.100}: a hyperparameter needs a name, as in add_hyperparameter((1, 100), 'units')")
    if isinstance(value, tuple):
        return _range(value, name, default)
    if isinstance(value, (list, np.ndarray)):
        return _list(value.tolist() if isinstance(value, np.ndarray) else value, name, default)
    if isinstance(value, Mapping):
        return _normal(value, name, default)
    if isinstance(value, (int, float, str)):
        if default not in (None, value):
            raise SpaceError(f"{name}: the constant {value!r} cannot have another default, {default!r}")
        return kinds.Constant(name, value)
    raise SpaceError(f"{name}: {value!r:.100} ({type(value).__name__}): write a tuple, a list, a number or text")


def _range(value: tuple[Any, ...], name: str, default: Any) -> kinds.Hyperparameter:
    low, high, prior = (*value, "uniform")[:3] if len(value) in (2, 3) else (None, None, None)
    ends = [end for end in (low, high) if isinstance(end, (int, float)) and not isinstance(end, bool)]
    if len(ends) != 2 or prior not in PRIORS:
        raise SpaceError(
            f"{name}: {value!r}: a range is a tuple of two ints or two floats, and one of {', '.join(PRIORS)} may "
            "follow; a choice is a list"
        )
    if high < low:
        low, high = high, low
    log = prior == "log-uniform"
    if all(isinstance(end, int) for end in ends):
        return kinds.UniformIntegerHyperparameter(name, low, high, default, log)
    return kinds.UniformFloatHyperparameter(name, float(low), float(high), default, log)


def _list(values: list[Any], name: str, default: Any) -> kinds.Hyperparameter:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    if numbers and len(values) > 1:
        return kinds.OrdinalHyperparameter(name, values, default)
    return kinds.CategoricalHyperparameter(name, values, default)


def _normal(value: Mapping[str, Any], name: str, default: Any) -> kinds.Hyperparameter:
    if not {"mu", "sigma"} <= set(value) <= {"mu", "sigma", "lower", "upper"}:
        raise SpaceError(
            f"{name}: {dict(value)!r:.200}: a normal distribution has mu and sigma, and may have lower and upper"
        )
    if isinstance(value["mu"], int):
        raise SpaceError(f"{name}: Shoal has no normal distribution of ints; write floats, mu={float(value['mu'])}")
    return kinds.NormalFloatHyperparameter(name, **value, default_value=default)


def foreign(value: Any, what: str) -> str:
    """What is wrong with an object of ConfigSpace's own."""
    return (
        f"{value!r:.100} is no {what}: `from shoal.dialects.deephyper import configspace as cs` has those that Shoal "
        "can do, by ConfigSpace's names"
    )
