"""Arrays that grow, one row a trial, at a cost per row that does not depend on how many there are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
