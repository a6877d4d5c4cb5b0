"""`HpProblem`: a space, and the points that are tried first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pprint import pformat
from typing import Any

import numpy as np

from shoal.dialects.deephyper.clauses import Clause
from shoal.dialects.deephyper.conditions import Condition, Conjunction
from shoal.dialects.deephyper.hyperparameters import Hyperparameter
from shoal.dialects.deephyper.shorthands import foreign, hyperparameter
from shoal.errors import SpaceError
from shoal.space import Params, Space


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
        self._hyperparameters: dict[str, Hyperparameter] = {}
        self._conditions: list[Any] = []
        self._forbidden: list[Clause] = []
        self._start: list[Params] = []

    # ------------------------------------------------------------------ what is searched

    def add_hyperparameter(self, value: Any, name: str | None = None, default_value: Any = None) -> Hyperparameter:
        """Add a range (a tuple of two ints or floats, and "log-uniform" after them), a choice (a list; one of numbers
        is ordered), a constant, a normal distribution (``{"mu": 0.0, "sigma": 1.0}``), or one of `configspace`.

        Raises SpaceError for anything else, and for a name that is taken.
        """
        added = hyperparameter(value, name, default_value)
        if added.name in self._hyperparameters:
            raise SpaceError(f"hyperparameter {added.name!r} is added twice")
        Space({added.name: added.domain()})  # refuses what makes no sense
        self._hyperparameters[added.name] = added
        return added

    def add_hyperparameters(self, hp_list: Iterable[Hyperparameter]) -> list[Hyperparameter]:
        return [self.add_hyperparameter(one) for one in hp_list]

    def add_dim(self, p_name: str, p_space: Any, default_value: Any = None) -> Hyperparameter:
        """`add_hyperparameter`, in the order of arguments that DeepHyper had first."""
        return self.add_hyperparameter(p_space, p_name, default_value)

    def add(self, value: Any, name: str | None = None, default_value: Any = None) -> Hyperparameter | None:
        """Add a hyperparameter, a condition or a forbidden clause."""
        if isinstance(value, (Condition, Conjunction)):
            self.add_condition(value)
        elif isinstance(value, Clause):
            self.add_forbidden_clause(value)
        else:
            return self.add_hyperparameter(value, name, default_value)
        return None

    def add_condition(self, condition: Any) -> None:
        """A condition of `configspace`: its child is searched only while it holds."""
        if not isinstance(condition, (Condition, Conjunction)):
            raise SpaceError(foreign(condition, "condition"))
        self._conditions.append(condition)
        self._check(self._conditions)

    def add_conditions(self, conditions: Iterable[Any]) -> None:
        for condition in conditions:
            self.add_condition(condition)

    def add_forbidden_clause(self, clause: Any) -> None:
        """A clause of `configspace`: params of which it is true are never tried."""
        if not isinstance(clause, Clause):
            raise SpaceError(foreign(clause, "forbidden clause"))
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
