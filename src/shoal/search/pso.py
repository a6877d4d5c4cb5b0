"""Particle swarm optimisation without generations: every particle moves on as soon as a peer is free for it.

J. Kennedy, R. Eberhart: Particle Swarm Optimization. ICNN 1995, in the forms that Propulate has: with inertia (Y. Shi,
R. Eberhart: A Modified Particle Swarm Optimizer. ICEC 1998), with clamped velocities, with constriction (M. Clerc,
J. Kennedy: The Particle Swarm. IEEE Transactions on Evolutionary Computation 6, 2002), with both (R. Eberhart, Y. Shi.
CEC 2000), and without velocities. Trial k is of particle k mod P. A particle is where its latest trial is, and its
velocity is the way from the trial before, so that the swarm is a function of the history. For cheap trials of numbers.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Final

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError, unknown
from shoal.history import History
from shoal.records import AnyRecord, Started
from shoal.search.arrivals import Arrivals
from shoal.search.design import Design
from shoal.search.holders import Holders
from shoal.search.operators import reflect
from shoal.search.tried import DRAWS, Tried
from shoal.space import Params
from shoal.space.cube import Cube
from shoal.space.domain import Array

KINDS: Final = ("basic", "clamping", "constriction", "canonical", "stateless")


@dataclass
class PSO:
    """Settings: the kind; P, w, c₁ and c₂ (None: what is usual for the kind); the greatest velocity of the kind
    "clamping" and the first ones, in shares of each range."""

    kind: str = "basic"
    population: int = 17  # a prime, so that peers that take every m-th number move all particles
    inertia: float = 0.729
    cognitive: float | None = None
    social: float | None = None
    clamping: float = 0.6
    start: float = 0.1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SpaceError(unknown("kind of pso", self.kind, KINDS))
        constricted = self.kind in ("constriction", "canonical")
        usual = 2.05 if constricted else 1.49445
        own = usual if self.cognitive is None else self.cognitive
        best = usual if self.social is None else self.social
        if self.population < 2 or not 0 <= self.inertia < 1 or not 0 < self.clamping <= 1 or not 0 < self.start <= 1:
            raise SpaceError(f"pso needs population >= 2, inertia in [0, 1), clamping and start in (0, 1], got {self}")
        if not (0 <= own < math.inf and 0 <= best < math.inf and own + best > 0):
            raise SpaceError(f"pso needs cognitive and social >= 0, not both of them 0, got {self}")
        if constricted and not own + best > 4:
            raise SpaceError(f"pso of the kind {self.kind!r} needs cognitive + social > 4, got {own + best:g}")
        self._pull = pull(self.kind, self.inertia, own, best, self.clamping)

    def begin(self, history: History) -> None:
        self._history, self._space, self._cube = history, history.space, Cube(history.space)
        self._tried, self._arrivals = Tried(history), Arrivals(history)
        self._first = Design(self._cube, self._tried, history.definition.seed)
        self._swarm = Holders(history, self._arrivals, self.population)
        self._edges = {column: self._cube.edges(column) for column in self._cube.numbers.tolist()}
        self._paths: dict[int, list[int]] = {}  # particle -> its trials, running ones too
        for number in np.flatnonzero(history.usable).tolist():
            self._paths.setdefault(number % self.population, []).append(number)

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        number = self._arrivals.tell(record)
        if number is not None:
            self._swarm.tell(number)
        if type(record) is Started:
            self._follow(record.number)

    def _follow(self, number: int) -> None:
        path, inside = self._paths.setdefault(number % self.population, []), self._history.inside(number)
        place = bisect_left(path, number)
        there = place < len(path) and path[place] == number
        if inside and not there:
            insort(path, number)
        elif there and not inside:
            del path[place]

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        particle = (number + len(self._history.definition.start)) % self.population
        path, held = self._paths.get(particle), self._swarm.held
        if not path or not held or not self._space.names:
            return Proposal(self._first(number, rng), f"exploring: particle {particle} begins")
        now, before = path[-1], path[-2] if len(path) > 1 else None
        best = min(held.values(), key=lambda holder: holder[:2])[1]
        own = held[particle][1] if particle in held else now  # without one it is drawn to the best alone
        codes = self._history.x[[now, now if before is None else before, own, best]]
        points = self._cube.of_codes(codes)
        draws = 0
        called = self._history.called
        why = f"particle {particle}: from trial {called(now)} towards trial {called(best)}, the best"
        why += f", and its own, trial {called(own)}" if own not in (now, best) else ""

        def propose() -> Params:
            nonlocal draws, why
            for _ in range(100):
                draws += 1
                if draws > DRAWS // 2:  # the swarm has come together, and all around was tried
                    break
                params = self._space.at(self._moved(points, before is None, rng))
                if self._space.allows(params):
                    return params
            why = f"particle {particle} begins anew anywhere: it stood still at trial {called(now)}"
            return self._tried.sample(rng)

        return Proposal(self._tried.draw(propose, rng), why)

    def _moved(self, points: Array, fresh: bool, rng: np.random.Generator) -> list[float]:
        """Where a particle goes, given where it is, where it was, its best and the best of all, [4, d]."""
        now, before, own, best = points
        d = self._cube.dimensions
        velocity = self.start * (2 * rng.random(d) - 1) if fresh else now - before
        r1, r2 = rng.random((2, d))
        speed = moved(self._pull, velocity, own - now, best - now, r1, r2)
        goal: list[float] = (np.where(np.isnan(now), _known(rng.random(d), own, best), now) + speed).tolist()
        for column, edges in self._edges.items():
            if edges is not None:
                goal[column] += _within(edges, now[column], rng)
            goal[column] = reflect(goal[column])
        for column in np.flatnonzero(self._cube.categorical).tolist():
            goal[column] = self._choice(points[:, column], column, r1[column], r2[column], rng)
        return goal

    def _choice(self, places: Array, column: int, r1: float, r2: float, rng: np.random.Generator) -> float:
        """A place of a categorical param. It moves as numbers do, with a coordinate for each choice: 1 at the chosen
        one. What comes out are the chances of the choices; now and then, all have the same."""
        count = int(self._cube.choices[column])
        if rng.random() * self.population * self._cube.dimensions < 1 or np.isnan(places[0]):
            return float(rng.random())
        now, before, own, best = (np.floor(places * count)[:, None] == np.arange(count)).astype(float)
        known = ~np.isnan(places)
        speed = moved(self._pull, (now - before) * known[1], (own - now) * known[2], (best - now) * known[3], r1, r2)
        chances = np.maximum(now + speed, 0.0).cumsum()
        return (int(np.searchsorted(chances, rng.random() * chances[-1], side="right")) + 0.5) / count


@dataclass(frozen=True)
class Pull:
    """What moves a particle: v ← w v + c₁ r₁ (its best - x) + c₂ r₂ (the best - x), no faster than ``cap``."""

    inertia: float
    own: float
    best: float
    cap: float


def pull(kind: str, inertia: float, own: float, best: float, clamping: float) -> Pull:
    """Every kind in the form of the one with inertia."""
    if kind in ("constriction", "canonical"):
        phi = own + best
        chi = 2 / (phi - 2 + math.sqrt(phi * phi - 4 * phi))  # Clerc & Kennedy 2002, with κ = 1
        return Pull(chi, chi * own, chi * best, 1.0 if kind == "canonical" else math.inf)
    return Pull(0.0 if kind == "stateless" else inertia, own, best, clamping if kind == "clamping" else math.inf)


def moved(pull: Pull, velocity: Array, own: Array, best: Array, r1: Array | float, r2: Array | float) -> Array:
    """The next velocity, from the last one and the ways to its best and to the best; what is unknown does not pull."""
    parts = pull.inertia * velocity, pull.own * r1 * own, pull.best * r2 * best
    return np.clip(sum(np.nan_to_num(part) for part in parts), -pull.cap, pull.cap)


def _known(*places: Array) -> Array:
    """The last of these that is known, param by param."""
    found = places[0]
    for place in places[1:]:
        found = np.where(np.isnan(place), found, place)
    return found


def _within(edges: Array, place: float, rng: np.random.Generator) -> float:
    """From a place of a discrete number to anywhere in its cell, so that small steps get somewhere now and then."""
    if place != place:
        return 0.0
    cell = int(np.searchsorted(edges, place))
    low = edges[cell - 1] if cell else 0.0
    high = edges[cell] if cell < len(edges) else 1.0
    return float(low + rng.random() * (high - low) - place)
