"""A space: named domains, when each is active, and constraints between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.errors import SpaceError
from shoal.space.choices import Constant
from shoal.space.domain import MISSING, Domain
from shoal.space.expression import Expression
from shoal.space.parsing import as_domain, from_yaml

Params = dict[str, Any]
TRIES: Final = 10_000  # draws before a constraint is called too tight
WALK: Final = 20  # steps a name that part a draw from where it began
LISTED: Final = 200_000  # the most points that are listed one by one


class Space:
    """What may be searched.

    >>> import shoal
    >>> space = shoal.Space({"lr": shoal.loguniform(1e-4, 1.0), "layers": (1, 3), "epochs": 27}, where="layers < 3")
    >>> print(space)
    space of 2 params and 1 constant
      lr      loguniform(0.0001, 1.0)
      layers  randint(1, 3)
      epochs  27
      where   layers < 3
    """

    def __init__(self, domains: Mapping[str, Any], where: str | Sequence[str] = ()) -> None:
        if not isinstance(domains, Mapping) or not domains:
            raise SpaceError(f"a space is a dict of at least one name and its domain, got {domains!r:.200}")
        self.domains: dict[str, Domain] = {}
        for name, value in domains.items():
            self.domains[check_name(name)] = _named(name, value)
        if not isinstance(where, (str, list, tuple)):
            raise SpaceError(
                f"where: needs an expression such as 'units_2 <= units_1', or a list of them, got {where!r:.200}"
            )
        self.where = tuple(Expression(text, self.domains) for text in ([where] if isinstance(where, str) else where))
        for expression in self.where:
            _known(f"where={expression.text!r}", expression.names, self.domains)
        self.searched: dict[str, Domain] = {n: d for n, d in self.domains.items() if not isinstance(d, Constant)}
        self.names: tuple[str, ...] = tuple(self.searched)
        self._order = _parents_first(self.domains)
        self._plain = not any(domain.extras.when for domain in self.domains.values())
        self._steps = [
            (name, domain, domain.at, domain.extras.when, self.names.index(name) if name in self.searched else -1)
            for name, domain in self._order
        ]

    # ------------------------------------------------------------------ drawing and checking

    def at(self, units: Sequence[float]) -> Params:
        """The params at a point of [0, 1]^d, one place for each searched name; constraints are not looked at."""
        params: Params = {}
        for name, domain, at, conditions, column in self._steps:
            if conditions and not all(condition.holds(params) for condition in conditions):
                continue
            params[name] = at(units[column]) if column >= 0 else domain.value(0.0)
        return params if self._plain else {name: params[name] for name in self.domains if name in params}

    def sample(self, rng: np.random.Generator) -> Params:
        """Params drawn from the domains' distributions, constraints respected.

        Raises SpaceError where 10,000 draws did not meet the constraints.
        """
        dimensions = len(self.names)
        for _ in range(TRIES):
            params = self.at(rng.random(dimensions).tolist())
            if not self.where or self.allows(params):
                return params
        raise SpaceError(
            f"none of {TRIES:,} random params satisfy {self._where_text()}: is the constraint too tight? "
            "A starting point that does is enough to go on from"
        )

    def wander(self, params: Mapping[str, Any], rng: np.random.Generator) -> Params:
        """Other params that satisfy the constraints, from some that do: steps of one name each, of any length.

        These keep what `sample` draws from (a Metropolis walk in the cube), so where that is next to hopeless enough of
        them are a draw.
        """
        units, found = self.encode(params), dict(params)
        for name in rng.integers(len(self.names), size=WALK * len(self.names)).tolist():
            before, units[name] = units[name], rng.random()
            moved = self.at(units.tolist())
            if self.allows(moved):
                found = moved
            else:
                units[name] = before
        return found

    def allows(self, params: Mapping[str, Any]) -> bool:
        """Whether the params satisfy the constraints."""
        return all(expression.holds(params) for expression in self.where)

    def idle(self) -> list[str]:
        """What conditions name in vain, in words: values that another param never has. One of which none holds keeps
        its param from all trials."""
        notes = list[str]()
        for name, domain in self.domains.items():
            for condition in domain.extras.when:
                other, test = self.domains[condition.name], condition.test
                if not other.passes(test):
                    notes.append(f"no trial has {name}: {condition.name} is never {test!r}")
                elif test.op == "in":
                    vain = [value for value in test.value if not other.contains(value)]
                    notes += [
                        f"a condition of {name} is in vain: {condition.name} is never {value!r}" for value in vain
                    ]
        return notes

    def active(self, name: str, params: Mapping[str, Any]) -> bool:
        return all(condition.holds(params) for condition in self.domains[name].extras.when)

    def validate(self, params: Mapping[str, Any]) -> Params:
        """The params, each in its domain's own type; SpaceError names all that is wrong with them.

        Just the active names must be there. Constants may be left out.
        """
        if not isinstance(params, Mapping):
            raise SpaceError(f"params are a dict of names and values, got {params!r:.100}")
        clean, wrong = self._checked(params)
        if not wrong:
            wrong = [f"missing {name!r}" for name, domain in self._order if name not in clean
                     and not isinstance(domain, Constant) and self.active(name, clean)]  # fmt: skip
        for name, domain in self._order:
            if isinstance(domain, Constant) and name not in clean and self.active(name, clean):
                clean[name] = domain.value(0.0)
        if not wrong and not self.allows(clean):
            wrong = [f"{expression.text!r} does not hold" for expression in self.where if not expression.holds(clean)]
        if wrong:
            raise SpaceError(f"params {dict(params)!r:.300}: {'; '.join(wrong)}")
        return {name: clean[name] for name in self.domains if name in clean}

    def _checked(self, params: Mapping[str, Any]) -> tuple[Params, list[str]]:
        clean: Params = {}
        wrong = [f"{name!r} is not in the space" for name in params if name not in self.domains]
        for name, domain in self._order:
            if name not in params:
                continue
            try:
                value = params[name]
                clean[name] = domain.check(value.item() if isinstance(value, np.generic) else value)
            except SpaceError as error:
                wrong.append(f"{name}: {error}")
            else:
                if not self.active(name, clean):
                    wrong.append(f"{name!r} is not active here")
        return clean, wrong

    def complete(self, given: Mapping[str, Any], rng: np.random.Generator) -> Params:
        """Partial params with what is missing filled in: a domain's default, else drawn at random."""
        _, wrong = self._checked({name: value for name, value in given.items() if name in self.domains})
        wrong = [f"{name!r} is not in the space" for name in given if name not in self.domains] + [
            problem for problem in wrong if "not active" not in problem
        ]
        if wrong:
            raise SpaceError(f"starting point {dict(given)!r:.300}: {'; '.join(wrong)}")
        for _ in range(TRIES):
            params = self._filled(given, rng.random(len(self.names)).tolist())
            if self.allows(params):
                return self.validate(params)
        raise SpaceError(f"starting point {dict(given)!r:.300} cannot satisfy {self._where_text()}")

    def _filled(self, given: Mapping[str, Any], units: Sequence[float]) -> Params:
        params: Params = {}
        for name, domain, at, conditions, column in self._steps:
            if not all(condition.holds(params) for condition in conditions):
                if name in given:
                    raise SpaceError(f"starting point {dict(given)!r:.300}: {name!r} is not active there")
            elif name in given:
                params[name] = given[name]
            elif domain.extras.default is not MISSING:
                params[name] = domain.extras.default
            else:
                params[name] = at(units[column]) if column >= 0 else domain.value(0.0)
        return params

    # ------------------------------------------------------------------ [0, 1]^d and back

    def encode(self, params: Mapping[str, Any], one_hot: bool = False) -> NDArray[np.float64]:
        """Params as a point of [0, 1]^d, in the order of ``names``; an inactive name stands at 0.5.

        With ``one_hot`` a categorical becomes one column a choice (1 at the chosen one; all 0 where inactive).
        """
        point: list[float] = []
        for name, domain in self.searched.items():
            if one_hot and domain.width > 1:
                hot = int(domain.code(params[name])) if name in params else -1
                point += [float(index == hot) for index in range(domain.width)]
            else:
                point.append(domain.unit(params[name]) if name in params else 0.5)
        return np.array(point)

    def decode(self, point: Sequence[float] | NDArray[np.float64], one_hot: bool = False) -> Params:
        """The params nearest to a point of [0, 1]^d; the way back from `encode`."""
        places = [float(value) for value in point]
        wanted = sum(domain.width if one_hot else 1 for domain in self.searched.values())
        if len(places) != wanted or not all(math.isfinite(place) for place in places):
            raise SpaceError(f"decode needs {wanted} finite numbers in [0, 1], got {places!r:.200}")
        units: list[float] = []
        for domain in self.searched.values():
            columns = places[: domain.width if one_hot else 1]
            del places[: len(columns)]
            hot = columns.index(max(columns))
            units.append((hot + 0.5) / len(columns) if len(columns) > 1 else min(max(columns[0], 0.0), 1.0))
        return self.at(units)

    # ------------------------------------------------------------------ finite spaces

    @property
    def most(self) -> float:
        """How many different params there are at most: were all active together, and no constraints."""
        return math.prod(domain.size for domain in self.searched.values())

    @property
    def size(self) -> float:
        """How many different params there are; infinity with a continuous domain.

        Exact where the domains have no conditions and no constraints, or few combinations (200,000);
        otherwise an upper bound.
        """
        most = self.most
        if most > LISTED or (self._plain and not self.where):
            return most
        return sum(1 for _ in self.points())

    def points(self) -> Iterator[Params]:
        """Every params of a finite space, once; the last name changes fastest."""
        if math.isinf(self.most):
            endless = [name for name, domain in self.searched.items() if math.isinf(domain.size)]
            raise SpaceError(f"{', '.join(endless)} has infinitely many values; give it a step (quniform) or a list")
        for params in self._points({}, 0):
            if self.allows(params):
                yield {name: params[name] for name in self.domains if name in params}

    def _points(self, params: Params, depth: int) -> Iterator[Params]:
        if depth == len(self._order):
            yield params
            return
        name, domain = self._order[depth]
        if not all(condition.holds(params) for condition in domain.extras.when):
            yield from self._points(params, depth + 1)
            return
        for index in range(int(domain.size)):
            yield from self._points({**params, name: domain.nth(index)}, depth + 1)

    # ------------------------------------------------------------------ text and JSON

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: each domain as it is spelt, ``{"domains": {"lr": "loguniform(1e-06, 1.0)"}, "where": []}``."""
        return {
            "domains": {name: str(domain) for name, domain in self.domains.items()},
            "where": [expression.text for expression in self.where],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Space:
        """The way back from `to_json`; what a YAML file holds is read as well."""
        if not isinstance(data, Mapping):
            raise SpaceError(f"a space is a mapping of names to domains, got {type(data).__name__}: {data!r:.200}")
        flat = "domains" not in data
        where = () if flat else data.get("where") or ()
        domains = data if flat else data["domains"]
        if not isinstance(domains, Mapping):
            raise SpaceError(f"a space is a mapping of names to domains, got {domains!r:.200}")
        return cls({name: _named(name, value, from_yaml) for name, value in domains.items()}, where)

    def __str__(self) -> str:
        constants = len(self.domains) - len(self.names)
        tail = f" and {constants} constant{'s' * (constants != 1)}" if constants else ""
        width = max(len(name) for name in [*self.domains, "where" if self.where else ""])
        lines = [f"space of {len(self.names)} param{'s' * (len(self.names) != 1)}{tail}"]
        for name, domain in self.domains.items():
            plain = isinstance(domain, Constant) and not domain.extras.when
            lines.append(f"  {name:<{width}}  {domain.value(0.0) if plain else domain}")
        lines += [f"  {'where':<{width}}  {expression.text}" for expression in self.where]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Space({self.to_json()!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Space) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    def _where_text(self) -> str:
        return " and ".join(repr(expression.text) for expression in self.where)


def check_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or name.startswith("-"):
        hint = "; YAML takes on, off, yes and no for it unless they are quoted" if isinstance(name, bool) else ""
        raise SpaceError(f"the name of a param must be printable text that does not start with '-', got {name!r}{hint}")
    return name


def _named(name: object, value: Any, read: Any = as_domain) -> Domain:
    try:
        domain: Domain = read(value)
    except SpaceError as error:
        raise SpaceError(f"{name}: {error}") from None
    return domain


def _known(place: str, names: Sequence[str] | frozenset[str], domains: Mapping[str, Domain]) -> None:
    for name in names:
        if name not in domains:
            raise SpaceError(f"{place} names {name!r}, which is not in the space: {', '.join(domains)}")


def _parents_first(domains: Mapping[str, Domain]) -> list[tuple[str, Domain]]:
    """The domains in an order in which each comes after those that its conditions look at."""
    for name, domain in domains.items():
        for condition in domain.extras.when:
            _known(f"{name}: .when()", [condition.name], domains)
    order: dict[str, Domain] = {}
    waiting = dict(domains)
    while waiting:
        ready = [n for n, d in waiting.items() if all(condition.name in order for condition in d.extras.when)]
        if not ready:
            raise SpaceError(f"the conditions of {', '.join(waiting)} go round in a circle")
        for name in ready:
            order[name] = waiting.pop(name)
    return list(order.items())
