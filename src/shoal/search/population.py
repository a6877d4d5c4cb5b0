"""What propagators work on: the trials that are done as members of a population, and what else they may look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from shoal.history import History
from shoal.records import AnyRecord
from shoal.search.ranking import Ranking
from shoal.space import Space


@dataclass(frozen=True)
class Member:
    """A point of the unit cube, one place a searched param, with its loss (NaN: not known) and where it came from."""

    point: list[float]
    loss: float = math.nan
    why: str = ""

    @property
    def number(self) -> str:
        """Of the trial that it is, in words."""
        return self.why.removeprefix("trial ")


class Population(Sequence[Member]):
    """The trials that are done, the best first, as members that are made when they are looked at."""

    def __init__(self, history: History) -> None:
        self._history, self._ranking = history, Ranking(history)
        self._known: dict[int, Member] = {}

    def tell(self, record: AnyRecord) -> None:
        self._ranking.tell(record)

    def __len__(self) -> int:
        return len(self._ranking.order)

    @overload
    def __getitem__(self, place: int) -> Member: ...
    @overload
    def __getitem__(self, place: slice) -> list[Member]: ...
    def __getitem__(self, place: int | slice) -> Member | list[Member]:
        if isinstance(place, slice):
            return [self._member(*ranked) for ranked in self._ranking.order[place]]
        return self._member(*self._ranking.order[place])

    def _member(self, loss: float, number: int) -> Member:
        member = self._known.get(number)
        if member is None or member.loss != loss:
            if len(self._known) > 4096:
                self._known.clear()
            point = self._history.space.encode(self._history.params(number)).tolist()
            member = self._known[number] = Member(point, loss, f"trial {self._history.called(number)}")
        return member


@dataclass(frozen=True)
class Scene:
    """What a propagator may look at and draw from."""

    space: Space
    rng: np.random.Generator

    @property
    def dimensions(self) -> int:
        return len(self.space.names)

    @property
    def numbers(self) -> list[int]:
        """The places of the params that are numbers."""
        return [place for place, domain in enumerate(self.space.searched.values()) if domain.numeric]

    def names(self, places: Sequence[int]) -> str:
        return " and ".join(self.space.names[place] for place in places)
