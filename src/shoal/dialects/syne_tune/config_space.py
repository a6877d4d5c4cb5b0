"""Syne Tune's domains, as Shoal's: ``from shoal.dialects.syne_tune.config_space import randint, loguniform``.

Bounds are included, as there. A quantised domain holds the multiples of ``q`` within its bounds, all equally likely
on its scale; those of ints need not be multiples themselves.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.dialects.syne_tune.refusals import absent
from shoal.dialects.syne_tune.space_json import (
    config_space_from_json_dict,
    config_space_to_json_dict,
    from_dict,
    to_dict,
)
from shoal.errors import SpaceError
from shoal.space import Space
from shoal.space import constructors as words
from shoal.space.choices import Categorical, Ordinal
from shoal.space.domain import Domain
from shoal.space.numbers import Float, Grid, Normal

__all__ = [
    "Domain", "add_to_argparse", "choice", "config_space_from_json_dict", "config_space_size",
    "config_space_to_json_dict", "finrange", "from_dict", "is_log_space", "logfinrange", "logordinal", "lograndint",
    "loguniform", "non_constant_hyperparameter_keys", "ordinal", "qlograndint", "qloguniform", "qrandint",
    "qreverseloguniform", "quniform", "randint", "randn", "reverseloguniform", "to_dict", "uniform",
]  # fmt: skip

_KINDS = {"equal": "equal", "nn": "value", "nn-log": "log"}

__getattr__ = absent(
    __name__,
    {
        "sample_from": "a value that depends on others is not searched: compute it in the training script",
        "qrandn": "use randn, and round in the training script; or quniform",
        "cast_config_values": "params come in their domains' own types",
        "postprocess_config": "params come in their domains' own types, with the constants",
        "remove_constant_and_cast": "params come in their domains' own types; Space.searched has no constants",
        "restrict_domain": "write the domain anew, with the bounds wanted",
        "config_to_match_string": "compare params with ==",
    },
)


def uniform(lower: float, upper: float) -> Float:
    """A float.

    >>> uniform(0, 0.99)
    uniform(0.0, 0.99)
    """
    return words.uniform(lower, upper)


def loguniform(lower: float, upper: float) -> Float:
    """A float, uniform in its logarithm."""
    return words.loguniform(lower, upper)


def reverseloguniform(lower: float, upper: float) -> Float:
    """A float from 0 to below 1, uniform in log(1 - x)."""
    return words.reverseloguniform(lower, upper)


def quniform(lower: float, upper: float, q: float) -> Grid:
    """A multiple of ``q``; so must the bounds be."""
    return words.quniform(*_multiples("quniform", lower, upper, q), q)


def qloguniform(lower: float, upper: float, q: float) -> Grid:
    """A multiple of ``q``, uniform in its logarithm; so must the bounds be."""
    return words.qloguniform(*_multiples("qloguniform", lower, upper, q), q)


def qreverseloguniform(lower: float, upper: float, q: float) -> Grid:
    """A multiple of ``q``, uniform in log(1 - x); so must the bounds be."""
    return words.qreverseloguniform(*_multiples("qreverseloguniform", lower, upper, q), q)


def randint(lower: int, upper: int) -> Grid:
    """An int, both ends included."""
    return words.randint(lower, upper)


def lograndint(lower: int, upper: int) -> Grid:
    """An int, uniform in its logarithm."""
    return words.lograndint(lower, upper)


def qrandint(lower: int, upper: int, q: int = 1) -> Grid:
    """An int that is a multiple of ``q``.

    >>> qrandint(10, 70, 32)
    qrandint(32, 64, 32)
    """
    return words.qrandint(*_inner("qrandint", lower, upper, q), q)


def qlograndint(lower: int, upper: int, q: int) -> Grid:
    """An int that is a multiple of ``q``, uniform in its logarithm."""
    return words.qlograndint(*_inner("qlograndint", lower, upper, q), q)


def randn(mean: float = 0.0, sd: float = 1.0) -> Normal:
    """A float drawn from a normal distribution."""
    return words.normal(mean, sd)


def choice(categories: Sequence[Any]) -> Categorical:
    """One of some values; they need not be of one type."""
    return words.choice(categories)


def ordinal(categories: Sequence[Any], kind: str | None = None) -> Ordinal:
    """One of some values in order: ``"equal"`` steps, ``"nn"`` by value, ``"nn-log"`` by log value; by value where
    nothing is said and the values are rising numbers.

    >>> ordinal([1, 2, 8])
    ordinal([1, 2, 8], 'value')
    """
    if kind is None:
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in categories)
        kind = "nn" if numbers and len(categories) > 1 and list(categories) == sorted(categories) else "equal"
    if kind not in _KINDS:
        raise SpaceError(f"ordinal: kind must be one of {', '.join(map(repr, _KINDS))}, got {kind!r}")
    return words.ordinal(categories, _KINDS[kind])


def logordinal(categories: Sequence[float]) -> Ordinal:
    """One of some rising numbers above 0, by their logarithm."""
    return words.ordinal(categories, "log")


def finrange(lower: float, upper: float, size: int, cast_int: bool = False) -> Ordinal:
    """``size`` numbers in equal steps."""
    return words.finrange(lower, upper, size, integer=cast_int)


def logfinrange(lower: float, upper: float, size: int, cast_int: bool = False) -> Ordinal:
    """``size`` numbers, each the same multiple of the one before it."""
    return words.logfinrange(lower, upper, size, integer=cast_int)


def is_log_space(domain: Domain) -> bool:
    """Whether a domain is on a log scale."""
    return getattr(domain, "scale", "") == "log" or getattr(domain, "kind", "") == "log"


def non_constant_hyperparameter_keys(config_space: Mapping[str, Any]) -> list[str]:
    """The names of what is searched."""
    return [name for name, domain in config_space.items() if isinstance(domain, Domain)]


def config_space_size(config_space: Mapping[str, Any], upper_limit: int = 2**20) -> int | None:
    """How many configs there are; None for more than the limit."""
    size = Space({name: as_constant(value) for name, value in config_space.items()}).size
    return None if size > upper_limit else int(size)


def add_to_argparse(parser: argparse.ArgumentParser, config_space: Mapping[str, Any]) -> None:
    """Have a training script's parser take every name of a config space, in its type."""
    for name, value in config_space.items():
        kind = type(value.at(0.5) if isinstance(value, Domain) else value)
        parser.add_argument(f"--{name}", type=kind, required=True)


def as_constant(value: Any) -> Domain:
    """A domain as it is, and anything else (lists and tuples too) as a constant, as Syne Tune reads a config space."""
    return value if isinstance(value, Domain) else words.constant(value)


def _multiples(name: str, lower: float, upper: float, q: float) -> tuple[float, float]:
    for bound in (lower, upper):
        ratio = bound / q if q else math.nan
        if not math.isclose(ratio, round(ratio) if math.isfinite(ratio) else 0, rel_tol=1e-9):
            raise SpaceError(f"{name}({lower!r}, {upper!r}, {q!r}): {bound!r} is no multiple of {q!r}; move that bound")
    return lower, upper


def _inner(name: str, lower: int, upper: int, q: int) -> tuple[int, int]:
    """The first and the last multiple of ``q`` within bounds."""
    words.qrandint(lower, upper, q)  # says what is wrong with the numbers
    first, last = -(-lower // q) * q, upper // q * q
    if first > last:
        raise SpaceError(f"{name}({lower!r}, {upper!r}, {q!r}): there is no multiple of {q!r} between the bounds")
    return first, last
