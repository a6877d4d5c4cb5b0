"""Arrays that grow, one row a trial, at a cost per row that does not depend on how many there are."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.records import Metrics


def cells(array: NDArray[Any]) -> Any:
    """An array's cells, which are read and written three times as fast as through numpy."""
    return array.data


class Columns:
    """Named numpy arrays that share their length; row k belongs to trial number k."""

    def __init__(self, **fields: tuple[Any, float]) -> None:
        self._fills = {name: fill for name, (_, fill) in fields.items()}
        self._arrays = {name: np.full(64, fill, dtype) for name, (dtype, fill) in fields.items()}
        self.capacity = 64

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def add(self, name: str, dtype: Any, fill: float, width: int | None = None) -> NDArray[Any]:
        """A new array, of one column or of ``width``, filled with ``fill``."""
        shape = (self.capacity,) if width is None else (self.capacity, width)
        self._fills[name] = fill
        self._arrays[name] = np.full(shape, fill, dtype)
        return self._arrays[name]

    def hold(self, row: int) -> None:
        """Make room for a row, doubling when there is none."""
        if row < self.capacity:
            return
        capacity = max(2 * self.capacity, row + 1)
        for name, old in self._arrays.items():
            new = np.full((capacity, *old.shape[1:]), self._fills[name], old.dtype)
            new[: self.capacity] = old
            self._arrays[name] = new
        self.capacity = capacity


class MetricColumns:
    """The metrics of all trials: an array for each name, and the few that are no numbers beside them."""

    def __init__(self) -> None:
        self._cells: dict[str, Any] = {}
        self._notes: dict[int, Metrics] = {}

    def write(self, row: int, metrics: Metrics) -> None:
        for name, metric in metrics.items():
            if type(metric) is float or type(metric) is int:
                column = self._cells.get(name)
                if column is None or row >= len(column):
                    column = self._widen(name, row)
                column[row] = metric
            else:
                self._notes.setdefault(row, {})[name] = metric

    def read(self, row: int) -> Metrics:
        found: Metrics = {
            name: column[row]
            for name, column in self._cells.items()
            if row < len(column) and column[row] == column[row]
        }
        return {**found, **self._notes.get(row, {})}

    def clear(self, row: int) -> None:
        self._notes.pop(row, None)
        for column in self._cells.values():
            if row < len(column):
                column[row] = math.nan

    def _widen(self, name: str, row: int) -> Any:
        grown = np.full(max(64, 2 * row), math.nan)
        old = self._cells.get(name, ())
        grown[: len(old)] = old
        self._cells[name] = cells(grown)
        return self._cells[name]


class Interned:
    """Texts that recur, kept once each and named by an index; -1 is the empty text."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._index: dict[str, int] = {}

    def index(self, text: str) -> int:
        if not text:
            return -1
        known = self._index.get(text)
        if known is None:
            known = self._index[text] = len(self._texts)
            self._texts.append(text)
        return known

    def __getitem__(self, index: int) -> str:
        return self._texts[index] if index >= 0 else ""


class Whys:
    """Why each attempt at each trial was begun; nearly all trials have but one."""

    def __init__(self) -> None:
        self._texts = Interned()
        self._firsts = array("i")  # of attempt 0
        self._others: dict[int, dict[int, int]] = {}

    def add(self, number: int, attempt: int, why: str) -> None:
        if attempt:
            self._others.setdefault(number, {})[attempt] = self._texts.index(why)
            return
        if number >= len(self._firsts):
            self._firsts.extend([-1] * (number + 1 - len(self._firsts)))
        self._firsts[number] = self._texts.index(why)

    def first(self, number: int) -> str:
        """Why the trial was begun, as far as is known."""
        found = self._firsts[number] if number < len(self._firsts) else -1
        if found < 0 and number in self._others:
            found = min(self._others[number].items())[1]
        return self._texts[found]

    def later(self, number: int) -> tuple[str, ...]:
        """Why it was gone on with, each time that this was said anew."""
        first = self.first(number)
        whys = (self._texts[index] for _, index in sorted(self._others.get(number, {}).items()))
        return tuple(why for why in whys if why != first)
