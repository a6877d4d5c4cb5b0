"""The parameters of ``optuna:`` as domains of Shoal: the six types, with all their settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shoal.errors import ShoalError, SpaceError, unknown
from shoal.space.choices import Categorical
from shoal.space.constructors import choice, lograndint, loguniform, qlograndint, qrandint, quniform, randint, uniform
from shoal.space.domain import Domain
from shoal.space.numbers import Float, Grid
from shoal.space.parsing import as_domain, parse


def _categorical(choices: list[Any]) -> Domain:
    return choice(list(choices))


def _float(low: float, high: float, step: float | None = None, log: bool = False, q: float | None = None) -> Domain:
    step = q if step is None else step
    if log and step is not None:
        raise SpaceError("a float is either log or has a step")
    return loguniform(low, high) if log else uniform(low, high) if step is None else quniform(low, high, step)


def _int(low: int, high: int, step: int = 1, log: bool = False) -> Domain:
    if step == 1:
        return lograndint(low, high) if log else randint(low, high)
    return qlograndint(low, high, step) if log else qrandint(low, high, step)


def _discrete_uniform(low: float, high: float, q: float | None = None, step: float | None = None) -> Domain:
    if q is None and step is None:
        raise SpaceError("discrete_uniform needs q, the step")
    return _float(low, high, step if q is None else q)


def _loguniform(low: float, high: float) -> Domain:
    return loguniform(low, high)


def _uniform(low: float, high: float) -> Domain:
    return uniform(low, high)


TYPES: dict[str, Callable[..., Domain]] = {
    "categorical": _categorical, "discrete_uniform": _discrete_uniform, "float": _float, "int": _int,
    "loguniform": _loguniform, "uniform": _uniform,
}  # fmt: skip
FLOATS = ("discrete_uniform", "float", "loguniform", "uniform")


@dataclass(frozen=True)
class Parameter:
    """One of ``optuna: parameters:``. ``key`` says where it goes in the model configuration, ``name`` what trials call
    it (``settings: name:``)."""

    key: str
    name: str
    domain: Domain
    real: bool = False  # whether its values are floats, also those that are whole


def parameters(given: Mapping[str, Any]) -> list[Parameter]:
    """All parameters, by their keys in the YAML. Raises SpaceError that names the parameter and the setting.

    A parameter that is active under conditions alone has ``when:`` beside its settings, as in ``when: {opt: sgd}``; one
    may also be spelt as a domain of Shoal's, ``uniform(0, 0.9).when(opt="sgd")``.
    """
    plain = [_read(key, value) for key, value in given.items()]
    names = {one.key: one.name for one in plain}
    found = [_conditional(one, given[one.key], names) for one in plain]
    by_name: dict[str, Parameter] = {}
    for one in found:
        other = by_name.setdefault(one.name, one)
        if str(other.domain) != str(one.domain):
            raise SpaceError(
                f"parameters: {one.key} and {other.key} are both named {one.name!r}, but are {one.domain} and "
                f"{other.domain}; give one another name"
            )
    return found


def _read(key: str, value: Any) -> Parameter:
    try:
        if isinstance(value, str):
            return Parameter(str(key), str(key), parse(value))
        if not isinstance(value, Mapping) or "type" not in value:
            raise SpaceError("needs type: and settings:, or a domain such as loguniform(1e-6, 1)")
        for field in value:
            if field not in ("type", "settings", "when"):
                raise SpaceError(unknown("key", field, ("type", "settings", "when")))
        settings = dict(value.get("settings") or {})
        name = str(settings.pop("name", key))
        return Parameter(str(key), name, domain(str(value["type"]), settings), value["type"] in FLOATS)
    except SpaceError as error:
        raise SpaceError(f"parameters: {key}: {error}") from None


def domain(type_: str, settings: Mapping[str, Any]) -> Domain:
    """The domain of a type with its settings, without the name."""
    if type_ not in TYPES:
        raise SpaceError(unknown("type", type_, TYPES))
    make = TYPES[type_]
    known = inspect.signature(make).parameters
    for setting in settings:
        if setting not in known:
            raise SpaceError(unknown(f"setting of {type_}", setting, ("name", *known)))
    missing = [name for name, one in known.items() if one.default is one.empty and name not in settings]
    if missing:
        raise SpaceError(f"{type_} needs {', '.join(missing)}")
    return make(**settings)


def _conditional(one: Parameter, given: Any, names: Mapping[str, str]) -> Parameter:
    when = given.get("when") if isinstance(given, Mapping) else None
    if when is None:
        return one
    if not isinstance(when, Mapping):
        raise SpaceError(f"parameters: {one.key}: when: write names and values, as in {{optimizer: sgd}}; got {when!r}")
    conditions = {names.get(name, name): value for name, value in when.items()}
    return Parameter(one.key, one.name, one.domain.when(**conditions), one.real)


def narrowed(one: Parameter, values: Any) -> Parameter:
    """The parameter with some of its values alone: a list, or one that is fixed."""
    try:
        several = isinstance(values, (list, tuple))
        for value in values if several else [values]:
            one.domain.check(value)
        numbers = several and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
        fixed = choice(sorted(values) if numbers else list(values)) if several else as_domain(values)
    except ShoalError as error:
        raise SpaceError(f"sampler: {one.name}: {error}") from None
    for condition in one.domain.extras.when:
        fixed = fixed.when(**{condition.name: condition.test})
    return Parameter(one.key, one.name, fixed, one.real)


def alike(one: Domain, other: Domain) -> bool:
    """Whether two domains are the same range: an int from 0 to 10 is a discrete_uniform of that range with q=1."""
    return bool(_shape(one) == _shape(other))


def _shape(domain: Domain) -> Any:
    if isinstance(domain, Grid):
        return (domain.low, domain.high, domain.scale, domain.step)
    if isinstance(domain, Float):
        return (domain.low, domain.high, domain.scale)
    return list(domain.choices) if isinstance(domain, Categorical) else domain.spell()
