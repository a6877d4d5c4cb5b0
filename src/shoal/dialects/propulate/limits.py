"""Limits, Propulate's way to write a search space: floats, ints and choices by what stands in the tuple."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from shoal.errors import SpaceError
from shoal.space import Space
from shoal.space.constructors import choice, constant, randint, uniform
from shoal.space.domain import Domain

Limits: TypeAlias = Mapping[str, Sequence[Any]]


def space_of(limits: Limits) -> Space:
    """The space that limits stand for. Raises SpaceError that names the one that cannot be read."""
    if not isinstance(limits, Mapping) or not limits:
        raise SpaceError(f"limits must be a dict such as {{'lr': (0.0001, 0.01)}}, got {limits!r:.100}")
    return Space({name: _domain(name, ends) for name, ends in limits.items()})


def genes_of(limits: Limits) -> tuple[int, int]:
    """How many genes there are, and how many of them are numbers. Raises SpaceError as `space_of`."""
    space_of(limits)
    return len(limits), sum(not isinstance(ends[0], str) for ends in limits.values())


def _domain(name: str, ends: Any) -> Domain:
    if not isinstance(ends, (tuple, list)) or not len(ends):
        raise SpaceError(f"{name}: limits are a tuple, such as (0.0001, 0.01), got {ends!r:.100}")
    if all(isinstance(end, str) for end in ends):
        return choice(list(ends)) if len(ends) > 1 else constant(ends[0])
    numbers = all(isinstance(end, (int, float, np.number)) and not isinstance(end, bool) for end in ends)
    if not numbers or len(ends) != 2:
        raise SpaceError(
            f"{name}: limits are two floats, two ints, or the choices as text, got {ends!r:.100}; for numbers that are "
            "choices use shoal.choice in a native study"
        )
    low, high = sorted(end.item() if isinstance(end, np.number) else end for end in ends)
    whole = isinstance(low, int) and isinstance(high, int)
    if low == high:
        return constant(low)
    return randint(low, high) if whole else uniform(float(low), float(high))


def position_of(params: Mapping[str, Any], limits: Limits) -> np.ndarray[Any, Any]:
    """The place of params [d], where a categorical takes as many places as it has choices."""
    places: list[float] = []
    for name, ends in limits.items():
        chosen = [float(params[name] == end) for end in ends] if isinstance(ends[0], str) else [float(params[name])]
        places += chosen
    return np.array(places)


def from_position(position: np.ndarray[Any, Any], limits: Limits) -> dict[str, Any]:
    """The way back from `position_of`. Raises SpaceError where the lengths do not agree."""
    widths = [len(ends) if isinstance(ends[0], str) else 1 for ends in limits.values()]
    if len(position) != sum(widths):
        raise SpaceError(f"a position in these limits has {sum(widths)} places, got {len(position)}")
    params: dict[str, Any] = {}
    first = 0
    for (name, ends), width in zip(limits.items(), widths, strict=True):
        part = position[first : first + width]
        first += width
        if isinstance(ends[0], str):
            params[name] = ends[int(np.argmax(part))]
        else:
            whole = all(isinstance(end, (int, np.integer)) for end in ends)
            params[name] = int(np.rint(part[0])) if whole else float(part[0])
    return params
