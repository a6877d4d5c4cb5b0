"""Domains of listed values: categorical, ordinal, constant."""

from __future__ import annotations

import json
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from shoal.errors import SpaceError
from shoal.space.domain import Array, Domain
from shoal.space.numbers import forward

KINDS = ("equal", "value", "log")


def key(value: Any) -> Any:
    """What tells JSON values apart: 1 and 1.0 are one, 1 and True are two, lists and dicts by their content."""
    if type(value) is str:
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, allow_nan=False), None


@dataclass(frozen=True, repr=False)
class Categorical(Domain):
    """One of some values of any JSON type, without an order."""

    choices: tuple[Any, ...]
    numeric: ClassVar[bool] = False

    @cached_property
    def _index(self) -> dict[Any, int]:
        return {key(choice): index for index, choice in enumerate(self.choices)}

    def at(self, unit: float) -> Any:
        return self.choices[min(int(unit * len(self.choices)), len(self.choices) - 1)]

    def unit(self, value: Any) -> float:
        return (self.code(value) + 0.5) / len(self.choices)

    def places(self, codes: Array) -> Array:
        return (codes + 0.5) / len(self.choices)

    def snap(self, units: Array) -> Array:
        count = len(self.choices)
        return (np.minimum(np.floor(units * count), count - 1) + 0.5) / count

    def check(self, value: Any) -> Any:
        return self.choices[int(self.code(value))]

    @property
    def size(self) -> float:
        return len(self.choices)

    @property
    def width(self) -> int:
        return len(self.choices)

    def nth(self, index: int) -> Any:
        return self.choices[index]

    def code(self, value: Any) -> float:
        try:
            return self._index[key(value)]
        except (KeyError, TypeError, ValueError):
            raise SpaceError(f"{value!r} is none of {self.spell()}") from None

    def value(self, code: float) -> Any:
        return self.choices[int(code)]

    def spell(self) -> str:
        return f"choice({list(self.choices)!r})"


@dataclass(frozen=True, repr=False)
class Ordinal(Categorical):
    """One of some values in order; ``kind`` says how far apart they lie: equal steps, by value, by log value."""

    kind: str = "equal"
    numeric: ClassVar[bool] = True

    @cached_property
    def _places(self) -> tuple[list[float], list[float]]:
        """Each value's place on the scale, and the edges of its cell: the middles between neighbours."""
        if self.kind == "equal":
            places = [float(index) for index in range(len(self.choices))]
        else:
            places = [forward("log" if self.kind == "log" else "linear", value) for value in self.choices]
        if len(places) == 1:
            return places, [places[0] - 0.5, places[0] + 0.5]
        middles = [(a + b) / 2 for a, b in pairwise(places)]
        return places, [2 * places[0] - middles[0], *middles, 2 * places[-1] - middles[-1]]

    def at(self, unit: float) -> Any:
        _, edges = self._places
        place = edges[0] + unit * (edges[-1] - edges[0])
        return self.choices[min(bisect_right(edges, place, 1, len(edges) - 1) - 1, len(self.choices) - 1)]

    def unit(self, value: Any) -> float:
        places, edges = self._places
        return (places[int(self.code(value))] - edges[0]) / (edges[-1] - edges[0])

    def places(self, codes: Array) -> Array:
        places, edges = self._places
        units: Array = (np.array(places)[codes.astype(int)] - edges[0]) / (edges[-1] - edges[0])
        return units

    def snap(self, units: Array) -> Array:
        _, edges = self._places
        found = np.searchsorted(edges, edges[0] + units * (edges[-1] - edges[0]), side="right") - 1
        return self.places(np.clip(found, 0, len(self.choices) - 1).astype(np.float64))

    @property
    def width(self) -> int:
        return 1

    def spell(self) -> str:
        kind = "" if self.kind == "equal" else f", {self.kind!r}"
        return f"ordinal({list(self.choices)!r}{kind})"


@dataclass(frozen=True, repr=False)
class Constant(Categorical):
    """A value that is not searched, but handed to the objective all the same."""

    def spell(self) -> str:
        return f"constant({self.choices[0]!r})"
