"""`HpProblem`: a space, and the points that are tried first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pprint import pformat
from typing import Any

import numpy as np

from shoal.dialects.deephyper import configspace as cs
from shoal.dialects.deephyper.clauses import _Clause, _Condition, _Conjunction
from shoal.errors import SpaceError
from shoal.space import Params, Space

PRIORS = ("uniform", "log-uniform")


class HpProblem:
    """A space that is put together piece by piece.

    >>> problem = HpProblem()
    >>> _ = problem.add_hyperparameter((1e-4, 1.0, "log-uniform"), "lr")
    >>> _ = problem.add_hyperparameter(["relu", "tanh"], "activation", default_value="tanh")
    >>> problem.add_starting_point(lr=0.01, activation="relu")
    >>> print(problem)
    Configuration space object:
      Hyperparameters:
        activation, Type: Categorical, Choices: {relu, tanh}, Default: tanh
        lr, Type: UniformFloat, Range: [0.0001, 1.0], Default: 0.01, on log-scale
    <BLANKLINE>
    Starting Point:
    {0: {'activation': 'relu', 'lr': 0.01}}
    >>> print(problem.space)
    space of 2 params
      lr          loguniform(0.0001, 1.0)
      activation  choice(['relu', 'tanh'], default='tanh')
    """

    def __init__(self) -> None:
        self._hyperparameters: dict[str, cs.Hyperparameter] = {}
        self._conditions: list[Any] = []
        self._forbidden: list[_Clause] = []
        self._start: list[Params] = []

    # ------------------------------------------------------------------ what is searched

    def add_hyperparameter(self, value: Any, name: str | None = None, default_value: Any = None) -> cs.Hyperparameter:
        """Add a range (a tuple of two ints or floats, and "log-uniform" after them), a choice (a list; one of numbers
        is ordered), a constant, a normal distribution (``{"mu": 0.0, "sigma": 1.0}``), or one of `configspace`.

        Raises SpaceError for anything else, and for a name that is taken.
        """
        added = _hyperparameter(value, name, default_value)
        if added.name in self._hyperparameters:
            raise SpaceError(f"hyperparameter {added.name!r} is added twice")
        Space({added.name: added.domain()})  # refuses what makes no sense
        self._hyperparameters[added.name] = added
        return added

    def add_hyperparameters(self, hp_list: Iterable[cs.Hyperparameter]) -> list[cs.Hyperparameter]:
        return [self.add_hyperparameter(one) for one in hp_list]

    def add_dim(self, p_name: str, p_space: Any, default_value: Any = None) -> cs.Hyperparameter:
        """`add_hyperparameter`, in the order of arguments that DeepHyper had first."""
        return self.add_hyperparameter(p_space, p_name, default_value)

    def add(self, value: Any, name: str | None = None, default_value: Any = None) -> cs.Hyperparameter | None:
        """Add a hyperparameter, a condition or a forbidden clause."""
        if isinstance(value, (_Condition, _Conjunction)):
            self.add_condition(value)
        elif isinstance(value, _Clause):
            self.add_forbidden_clause(value)
        else:
            return self.add_hyperparameter(value, name, default_value)
        return None

    def add_condition(self, condition: Any) -> None:
        """A condition of `configspace`: its child is searched only while it holds."""
        if not isinstance(condition, (_Condition, _Conjunction)):
            raise SpaceError(_foreign(condition, "condition"))
        self._conditions.append(condition)
        self._check(self._conditions)

    def add_conditions(self, conditions: Iterable[Any]) -> None:
        for condition in conditions:
            self.add_condition(condition)

    def add_forbidden_clause(self, clause: Any) -> None:
        """A clause of `configspace`: params of which it is true are never tried."""
        if not isinstance(clause, _Clause):
            raise SpaceError(_foreign(clause, "forbidden clause"))
        self._forbidden.append(clause)
        self._check(self._forbidden)

    def _check(self, added: list[Any]) -> None:
        try:
            self.space  # noqa: B018 - what makes no sense is refused, and forgotten
        except SpaceError:
            added.pop()
            raise

    def add_starting_point(self, **parameters: Any) -> None:
        """Params that are tried before all others, in the order in which they are added; what they leave out is drawn.

        Raises SpaceError for params that are not in the space.
        """
        self.space.complete(parameters, np.random.default_rng(0))
        self._start.append(parameters)

    # ------------------------------------------------------------------ what it is in Shoal

    @property
    def space(self) -> Space:
        """The same as a space of Shoal's: what `shoal.tune` and `shoal.Study` take."""
        domains = {name: added.domain() for name, added in self._hyperparameters.items()}
        for condition in self._conditions:
            for parent, test in condition.tests():
                child = condition.child.name
                if child not in domains:
                    raise SpaceError(f"the condition {condition}: {child!r} was not added to the problem")
                domains[child] = domains[child].when(**{parent: test})
        return Space(domains, [f"not ({clause.text()})" for clause in self._forbidden])

    @property
    def start(self) -> list[Params]:
        """The starting points: what `shoal.tune` takes as ``start``."""
        return [dict(point) for point in self._start]

    @property
    def inactive(self) -> Params:
        """What the run-function is given for a hyperparameter that is not searched, as DeepHyper does."""
        return {condition.child.name: self._hyperparameters[condition.child.name].inactive
                for condition in self._conditions}  # fmt: skip

    # ------------------------------------------------------------------ looking at it

    @property
    def hyperparameter_names(self) -> list[str]:
        return list(self._hyperparameters)

    @property
    def default_configuration(self) -> Params:
        """The defaults of all that is active with them."""
        space = self.space
        params = {name: added.default for name, added in self._hyperparameters.items()}
        return {name: value for name, value in params.items() if space.active(name, params)}

    @property
    def starting_point_asdict(self) -> list[Params]:
        return self.start

    def check_configuration(self, parameters: Mapping[str, Any], raise_if_not_valid: bool = True) -> bool:
        """Whether params lie in the space; SpaceError says why not, unless it is to be False."""
        try:
            self.space.validate(parameters)
        except SpaceError:
            if raise_if_not_valid:
                raise
            return False
        return True

    def sample(self, size: int = 1) -> list[Params]:
        """So many random params; inactive names are left out."""
        rng, space = np.random.default_rng(), self.space
        return [space.sample(rng) for _ in range(size)]

    def __len__(self) -> int:
        return len(self._hyperparameters)

    def __str__(self) -> str:
        lines = ["Configuration space object:", "  Hyperparameters:"]
        lines += [f"    {self._hyperparameters[name]}" for name in sorted(self._hyperparameters)]
        if self._conditions:
            lines += ["  Conditions:", *(f"    {text}" for text in sorted(map(str, self._conditions)))]
        if self._forbidden:
            lines += ["  Forbidden Clauses:", *(f"    {clause}" for clause in self._forbidden)]
        if self._start:
            lines += ["", "Starting Point:", pformat(dict(enumerate(self._start)))]
        return "\n".join(lines)

    __repr__ = __str__


def _hyperparameter(value: Any, name: str | None, default: Any) -> cs.Hyperparameter:
    if isinstance(value, cs.Hyperparameter):
        if name not in (None, value.name) or default is not None:
            raise SpaceError(f"{value.name!r} has its name and its default already; give no other with it")
        return value
    if type(value).__module__.partition(".")[0].lower() == "configspace":
        raise SpaceError(_foreign(value, "hyperparameter"))
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
        return cs.Constant(name, value)
    raise SpaceError(f"{name}: {value!r:.100} ({type(value).__name__}): write a tuple, a list, a number or text")


def _range(value: tuple[Any, ...], name: str, default: Any) -> cs.Hyperparameter:
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
        return cs.UniformIntegerHyperparameter(name, low, high, default, log)
    return cs.UniformFloatHyperparameter(name, float(low), float(high), default, log)


def _list(values: list[Any], name: str, default: Any) -> cs.Hyperparameter:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    if numbers and len(values) > 1:
        return cs.OrdinalHyperparameter(name, values, default)
    return cs.CategoricalHyperparameter(name, values, default)


def _normal(value: Mapping[str, Any], name: str, default: Any) -> cs.Hyperparameter:
    if not {"mu", "sigma"} <= set(value) <= {"mu", "sigma", "lower", "upper"}:
        raise SpaceError(
            f"{name}: {dict(value)!r:.200}: a normal distribution has mu and sigma, and may have lower and upper"
        )
    if isinstance(value["mu"], int):
        raise SpaceError(f"{name}: Shoal has no normal distribution of ints; write floats, mu={float(value['mu'])}")
    return cs.NormalFloatHyperparameter(name, **value, default_value=default)


def _foreign(value: Any, what: str) -> str:
    return (
        f"{value!r:.100} is no {what}: `from shoal.dialects.deephyper import configspace as cs` has those that Shoal "
        "can do, by ConfigSpace's names"
    )
