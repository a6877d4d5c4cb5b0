"""The params of all trials, one row a trial: what searches see of the space."""

from __future__ import annotations

import math
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.columns import Columns
from shoal.records import Started, read_params
from shoal.space import Params, Space, adapt

CHUNK: Final = 10_000  # params that are read at once
MOST_UNREAD: Final = 1_000_000  # … and that wait as text: 700 bytes a trial instead of 80


class Points:
    """Params are kept as they came until someone looks at them: most peers never look at most trials of others.

    ``trusted`` holds the versions of the study's definition whose space is this very one; the params of others are
    adapted to it.
    """

    def __init__(self, space: Space, version: int) -> None:
        self._space = space
        self.trusted = {version}
        self._columns = Columns()
        self._columns.add("x", np.float64, math.nan, len(space.names))
        self._unread: list[Started] = []
        self._odd: dict[int, Params] = {}  # params that lie outside of the space as it is now
        self._coders = [
            (name, None if domain.numeric and not hasattr(domain, "choices") else domain.code)
            for name, domain in space.searched.items()
        ]
        conditional = any(domain.extras.when for domain in space.domains.values())
        self._plain = not conditional and all(code is None for _, code in self._coders)
        names = space.names  # itemgetter of one name gives no tuple
        self._pick = itemgetter(*names) if len(names) > 1 else lambda params: [params[name] for name in names]

    def add(self, record: Started) -> None:
        self._columns.hold(record.number)
        self._unread.append(record)
        if len(self._unread) >= MOST_UNREAD:
            self._read()

    def rows(self, length: int) -> NDArray[np.float64]:
        """Codes of the searched params, at least [length, d]; NaN where inactive, unknown, or outside of the space."""
        if self._unread:
            self._read()
        self._columns.hold(length - 1)
        return self._columns["x"]

    def outside(self, number: int) -> bool:
        """Whether a trial's params lie outside of the space as it is now."""
        if self._unread:
            self._read()
        return number in self._odd

    def strangers(self) -> list[int]:
        """The trials whose params lie outside of the space as it is now."""
        if self._unread:
            self._read()
        return list(self._odd)

    def params(self, number: int) -> Params:
        """The params of a trial whose start is known."""
        row = self.rows(number + 1)[number].tolist()
        if number in self._odd:
            return dict(self._odd[number])
        codes = dict(zip(self._space.names, row, strict=True))
        return {
            name: domain.value(codes.get(name, 0.0))
            for name, domain in self._space.domains.items()
            if (name in codes and codes[name] == codes[name]) or (name not in codes and self._active(name, codes))
        }

    def _active(self, constant: str, codes: Mapping[str, float]) -> bool:
        conditions = self._space.domains[constant].extras.when
        if not conditions:
            return True
        known = {n: self._space.domains[n].value(code) for n, code in codes.items() if code == code}
        return all(condition.holds(known) for condition in conditions)

    def _read(self) -> None:
        unread, self._unread = self._unread, []
        for first in range(0, len(unread), CHUNK):
            part = unread[first : first + CHUNK]
            if self._plain and all(record.definition in self.trusted for record in part):
                self._read_plain(part)
            else:
                self._read_any(part)

    def _read_plain(self, records: list[Started]) -> None:
        rows = [self._pick(read_params(record.params)) for record in records]
        numbers = [record.number for record in records]
        self._columns["x"][numbers] = np.array(rows, dtype=np.float64).reshape(len(rows), -1)
        for number in self._odd.keys() & set(numbers):
            del self._odd[number]

    def _read_any(self, records: list[Started]) -> None:
        for record in records:
            told = read_params(record.params)
            params = told if record.definition in self.trusted else adapt(told, self._space)
            self._odd.pop(record.number, None)
            if params is None:
                self._odd[record.number] = told
            self._columns["x"][record.number] = self._row(params or {})

    def _row(self, params: Mapping[str, Any]) -> list[float]:
        return [
            math.nan if name not in params else params[name] if code is None else code(params[name])
            for name, code in self._coders
        ]
