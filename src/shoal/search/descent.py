"""One descent of a simplex: how far the losses that are known bring it, and what it may want to know next."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from shoal.models.simplex import REFLECT, VERTEX, Coefficients, Simplex, Vertex
from shoal.search.positions import Positions
from shoal.search.tried import point_key
from shoal.space import Params
from shoal.space.cube import Cube
from shoal.space.domain import Array

LIKELY: Final = 0.15  # what is wanted with less chance than this is not tried: rather, another descent begins
EXTENT: Final = 1e-12  # of a simplex that has shrunk to a point
GAIN: Final = 1e-3  # of the loss, that a simplex around the best of one is to gain for another one there


@dataclass(frozen=True)
class Ground:
    """What a descent goes over: the space, and what is known of the losses in it."""

    cube: Cube
    positions: Positions
    tolerance: float  # the extent of a simplex that has collapsed
    loss: Callable[[int], float | None]  # at the params of that key
    trial: Callable[[int], int]  # the trial of them, or -1

    def look(self, point: Array) -> tuple[int, Params]:
        """The key of what is at a point, and what it is."""
        params = self.cube.space.at(self.positions.units(point).tolist())
        return point_key(self.cube.space, params), params


class Descent:
    """Simplex after simplex, each around the best of the one before, until one gains too little. ``used`` are the keys
    of the params that brought it on, ``fresh`` the latest of them; ``listed`` those on which its offers depend."""

    def __init__(self, ground: Ground, name: str, scale: float, rng: np.random.Generator) -> None:
        self.name, self.over = name, False
        self.used: set[int] = set()
        self.fresh: set[int] = set()
        self.listed: set[int] = set()
        self._ground, self._scale, self._rng, self._above = ground, scale, rng, math.inf
        self._at: tuple[int, Params] | None = None  # what is wanted

    def begin(self, coefficients: Coefficients, point: Array, known: Vertex | None = None, scale: float = 0.0) -> None:
        """Begin at a point: with a simplex that has a vertex there, whose loss may be known."""
        self._coefficients = coefficients
        beside = self._ground.positions.beside(point, scale or self._scale, self._rng)
        points = beside if known is not None else [point, *beside]
        self._above = math.inf if known is None else known.loss
        self.over = not points
        if points:
            self.simplex = Simplex.begin(points, self._ground.positions.numbers, coefficients, known)
        self._wait()

    def _wait(self) -> None:
        self._at = None
        self.relist()

    def relist(self) -> None:
        """List anew what may be wanted: more has become known."""
        self._list: list[tuple[int, Params, str]] = []
        self.listed = set()
        self._more = self._likely()

    def go_on(self) -> None:
        """As far as the losses that are known allow."""
        while not self.over:
            self._at = self._at or self._ground.look(self.simplex.wanted)
            key, params = self._at
            loss = self._ground.loss(key) if self._ground.cube.space.allows(params) else math.inf
            if loss is None:
                return
            self.used.add(key)
            self.fresh.add(key)
            self.simplex = self.simplex.after(loss, self._ground.trial(key))
            self._wait()
            if self.simplex.whole and self._collapsed(self.simplex):
                self._begin_anew()

    def _begin_anew(self) -> None:
        best = self.simplex.vertices[0]
        if best.loss < (self._above - GAIN * abs(self._above) if self._above < math.inf else math.inf):
            self.begin(self._coefficients, best.point, best)
        else:
            self.over = True

    def _collapsed(self, simplex: Simplex) -> bool:
        """Whether the vertices are all as good, or all at one place."""
        best, worst = simplex.vertices[0], simplex.vertices[-1]
        if not worst.loss - best.loss > 1e-14 * abs(best.loss):
            return True
        if max(float(np.abs(vertex.point - best.point).max()) for vertex in simplex.vertices) < EXTENT:
            return True  # with a border between choices amid them, no vertex may ever come to look like the best
        positions = self._ground.positions
        first = positions.back(best.point)
        others = (positions.back(vertex.point) for vertex in reversed(simplex.vertices[1:]))
        return all(positions.apart(first, other) <= self._ground.tolerance for other in others)

    def knows(self, key: int) -> bool:
        """Whether params of that key brought it on, or are to be a vertex."""
        return key in self.used or any(self._ground.look(point)[0] == key for point in self.simplex.pending)

    def far(self, place: Array) -> float:
        """How far a place is from the best vertex, in extents of the simplex."""
        positions = self._ground.positions
        if not self.simplex.vertices:
            return math.inf
        best, *others = (positions.back(vertex.point) for vertex in self.simplex.vertices)
        extent = max((positions.apart(best, other) for other in others), default=self._scale)
        return positions.apart(best, place) / max(extent, self._ground.tolerance)

    # ------------------------------------------------------------------ what may be wanted

    def offers(self) -> Iterator[tuple[int, Params, str]]:
        """What may be wanted, with its key and in words, the likely first."""
        yield from list(self._list)
        for offer in self._more:
            self._list.append(offer)
            yield offer

    def _likely(self) -> Iterator[tuple[int, Params, str]]:
        """What is wanted now, and what will be, as the losses that are not known may turn out."""
        if self.over:
            return
        ground = self._ground
        waiting: list[tuple[float, int, Simplex]] = [(-1.0, 0, self.simplex)]
        count = 0
        while waiting:
            chance, _, simplex = heapq.heappop(waiting)
            if simplex.whole and self._collapsed(simplex):
                continue
            key, params = (self._at if simplex is self.simplex and self._at else None) or ground.look(simplex.wanted)
            loss = ground.loss(key) if ground.cube.space.allows(params) else math.inf
            outcomes = [(1.0, loss)] if loss is not None else simplex.outcomes()
            new = key not in self.listed
            self.listed.add(key)
            if new and loss is None:
                yield key, params, _words(simplex)
            for share, supposed in outcomes:
                if -chance * share >= LIKELY and count < 1_000:
                    count += 1
                    heapq.heappush(waiting, (chance * share, count, simplex.after(supposed, ground.trial(key))))


def _words(simplex: Simplex) -> str:
    if simplex.pending:
        way = "beside" if simplex.step == VERTEX else "drawn to"
        return "a first vertex" if simplex.centre is None else f"a vertex {way} {_called(simplex.centre)}"
    worst = _called(simplex.vertices[-1])
    return f"{worst} {simplex.step}" + ("" if simplex.step == REFLECT else f", best {_called(simplex.vertices[0])}")


def _called(vertex: Vertex) -> str:
    return f"trial {vertex.trial}" if vertex.trial >= 0 else "a trial to come"
