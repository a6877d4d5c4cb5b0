"""CMA-ES without generations to wait for: for thousands of cheap trials, mostly of numbers.

N. Hansen: The CMA Evolution Strategy: A Tutorial. arXiv:1604.00772v2, 2023. Every λ trials that have ended, in the
order of their numbers and whoever ran them, move the distribution on, so that all peers that know the same draw from
the same. The restarts are those of BIPOP: N. Hansen: Benchmarking a BI-Population CMA-ES on the BBOB-2009 Function
Testbed. GECCO 2009.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.models.cma import Normal, rates
from shoal.models.margin import Choices, keep_moving
from shoal.models.mirror import unfolded
from shoal.models.threads import one_thread
from shoal.records import AnyRecord
from shoal.search.arrivals import Arrivals
from shoal.search.operators import reflect
from shoal.search.places import Places
from shoal.search.tried import Tried
from shoal.space import Params
from shoal.space.cube import Cube
from shoal.space.domain import Array

TOP: Final = 0.1  # of the trials of others that came before: where the first run begins …
SPREAD: Final = 0.03  # … each with this deviation, in edges of the cube
FEW: Final = 20  # fewer trials than that tell nothing
KEPT: Final = 64  # states that are kept, to go back to when news of an early trial comes late; of older ones fewer
FLAT: Final = 0.7  # the share of a generation that ties with its best: it tells nothing, and the next looks further
MANY: Final = 50  # more numbers than this: the separable form


@dataclass(frozen=True)
class State:
    """Where the search is after a number of trials."""

    normal: Normal
    choices: Choices
    population: int
    used: int = 0  # places of the arrivals that it has seen
    since: int = 0  # … of which in this run
    run: int = 0
    large: int = 0  # runs of the regime with growing populations
    spent: tuple[int, int] = (0, 0)  # trials in either regime
    small: bool = False  # whether this run belongs to the regime with small ones
    learned: int = 0  # places of the arrivals that the first run's start was learned from
    waiting: tuple[int, ...] = ()  # trials of the generation to come
    best: tuple[float, ...] = ()  # the best loss of each of the last generations


@dataclass
class CMAES:
    """Settings: λ (None: 4 + 3 log n), the first σ in edges of the cube, and whether to keep variances alone."""

    population: int | None = None
    sigma: float = 0.2
    separable: bool | None = None
    among: str = ""  # beside other searches: what the words that its own trials come with begin with

    def __post_init__(self) -> None:
        if (self.population is not None and self.population < 4) or not 0 < self.sigma < 10:
            raise SpaceError(f"cmaes needs population >= 4 and sigma in (0, 10), got {self}")

    def begin(self, history: History) -> None:
        self._history, self._cube = history, Cube(history.space)
        self._seed = history.definition.seed % 2**64
        self._tried, self._arrivals = Tried(history), Arrivals(history)
        cube = self._cube
        self._places = Places(history, cube)
        self._numbers = cube.numbers
        self._categorical = np.flatnonzero(cube.categorical)
        self._edges = [cube.edges(column) for column in self._numbers.tolist()]
        self._first = self.population or 4 + int(3 * math.log(max(cube.dimensions, 1)))
        n = len(self._numbers)
        self._separable = n > MANY if self.separable is None else self.separable
        self._states = [self._restart(State(Normal.start(np.empty(0), 1.0), Choices.start([]), self._first))]

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        self._arrivals.tell(record)
        self._places.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        state = self._now()
        why = f"run {state.run}, generation {state.normal.generation}, step {state.normal.sigma:.2g}"
        return Proposal(self._tried.draw(lambda: self._draw(state, rng), rng), why)

    def _draw(self, state: State, rng: np.random.Generator) -> Params:
        """A point of the distribution, mirrored at the bounds, that meets the constraints; failing that, any point."""
        for _ in range(100):
            point = rng.random(self._cube.dimensions)
            if len(self._numbers):
                drawn = state.normal.colour(rng.standard_normal(len(self._numbers))[None])[0]
                point[self._numbers] = [reflect(unit) for unit in drawn.tolist()]
            for column, chance in zip(self._categorical, state.choices.chances, strict=True):
                point[column] = (int(np.searchsorted(chance.cumsum(), rng.random())) + 0.5) / len(chance)
            params = self._cube.space.at(point.tolist())
            if self._cube.space.allows(params):
                return params
        return self._tried.sample(rng)

    # ------------------------------------------------------------------ the fold

    def _now(self) -> State:
        """The state after all whole generations of what has arrived."""
        arrivals = self._arrivals
        while len(self._states) > 1 and self._states[-1].used > arrivals.changed:
            self._states.pop()
        arrivals.changed = len(arrivals.numbers)
        state = self._states[-1]
        if state.used + state.population > len(arrivals.numbers) and state.learned == state.used:
            return state
        with one_thread():
            while state.used + state.population <= len(arrivals.numbers):
                state = self._advance(state, arrivals.numbers[state.used : state.used + state.population])
                self._states.append(state)
                if len(self._states) > 2 * KEPT:  # the older, the further apart; the first stays
                    self._states[:KEPT] = self._states[:KEPT:2]
            self._states[-1] = self._warmed(state)
        return self._states[-1]

    def _warmed(self, state: State) -> State:
        """The state to draw from: where no trial of its own has counted so far, it begins where others were best."""
        if state.learned == state.used:
            return state
        arrivals, state = self._arrivals, replace(state, learned=state.used)
        if not self.among or state.run > 1 or state.normal.generation or state.waiting:
            return state
        numbers = [number for number in arrivals.numbers[: state.used] if math.isfinite(arrivals.loss(number))]
        if len(numbers) < FEW:
            return state
        numbers.sort(key=arrivals.loss)
        points = self._places.look()[numbers[: math.ceil(TOP * len(numbers))]]
        counts = self._cube.choices[self._categorical].tolist()
        choices = Choices.around(self._chosen(points), counts)
        if not len(self._numbers):
            return replace(state, choices=choices)
        rng = np.random.default_rng([self._seed, state.run, state.used])
        drawn = rng.normal(0.5, self.sigma, (len(points), len(self._numbers)))  # for params that are inactive
        known = points[:, self._numbers]
        normal = Normal.around(np.where(np.isnan(known), drawn, known), SPREAD, self._separable)
        return replace(state, normal=keep_moving(normal, self._edges, self._alpha(state)), choices=choices)

    def _chosen(self, points: Array) -> Array:
        """The choice of each categorical param, by its place [m, k]; NaN where inactive."""
        return np.asarray(np.floor(points[:, self._categorical] * self._cube.choices[self._categorical]))

    def _alpha(self, state: State) -> float:
        """The least chance to change a discrete param."""
        return 1.0 / (state.population * max(self._cube.dimensions, 1))

    def _advance(self, state: State, numbers: list[int]) -> State:
        """The state after some more trials. Strangers, and what lies far from the distribution, count only if
        they are the best."""
        own = [not self.among or self._history.why(number).startswith(self.among) for number in numbers]
        if any(own):
            state = self._warmed(state)
        state = replace(state, used=state.used + len(numbers), since=state.since + len(numbers))
        native = np.array(own)
        if len(self._numbers):
            rng = np.random.default_rng([self._seed, state.run, state.used])
            drawn = unfolded(state.normal, self._places.look()[numbers][:, self._numbers], rng)
            native &= state.normal.distances(drawn) <= state.normal.longest
        least = min(state.best, default=-math.inf)
        mine = [n for n, near in zip(numbers, native, strict=True) if near or self._arrivals.loss(n) < least]
        waiting = [*state.waiting, *mine]
        if len(waiting) < state.population:
            return replace(state, waiting=tuple(waiting))
        moved = self._generation(state, waiting[: state.population])
        return replace(moved, waiting=tuple(waiting[state.population :]) if moved.run == state.run else ())

    def _generation(self, state: State, numbers: list[int]) -> State:
        losses = np.array([self._arrivals.loss(number) for number in numbers])
        order = np.argsort(losses, kind="stable")
        points = self._places.look()[np.array(numbers)[order]]
        normal, choices = state.normal, state.choices
        alpha = self._alpha(state)
        if len(self._numbers):
            rng = np.random.default_rng([self._seed, state.run, normal.generation])
            normal = normal.update(unfolded(normal, points[:, self._numbers], rng))
            if losses[order[0]] == losses[order[int(FLAT * len(losses))]]:
                normal = normal.widened(state.population)
            normal = keep_moving(replace(normal, mean=np.clip(normal.mean, 0.0, 1.0)), self._edges, alpha)
        if len(self._categorical):
            half = state.population // 2
            weights = rates(max(len(self._numbers), 1), state.population, False).weights[:half]
            choices = choices.update(self._chosen(points[:half]), weights, alpha)
        kept = 10 + math.ceil(30 * max(self._cube.dimensions, 1) / state.population)
        state = replace(state, normal=normal, choices=choices, best=(*state.best, float(losses[order[0]]))[-kept:])
        return self._restart(state) if self._over(state, kept) else state

    def _over(self, state: State, kept: int) -> bool:
        """Whether the run is at its end: nothing moves, or nothing gets better (tutorial, appendix B.3)."""
        normal = state.normal
        flat = len(state.best) == kept and max(state.best) - min(state.best) <= 1e-12 * abs(min(state.best))
        if not len(self._numbers):
            return flat
        still = float(normal.deviations.max()) < 1e-15
        return flat or still or float(normal.lengths.max()) > 1e7 * float(normal.lengths.min())

    def _restart(self, state: State) -> State:
        """The first state of the next run. The first begins in the middle, with σ as set; others anywhere."""
        run = state.run + 1
        rng = np.random.default_rng([self._seed, run])
        n, population, sigma, small = len(self._numbers), self._first, self.sigma, False
        large, spent = state.large, list(state.spent)
        mean = np.full(n, 0.5)
        if run > 1:
            spent[state.small] += state.since
            mean = rng.random(n)
            small = run > 2 and spent[1] < spent[0]
            grown = self._first * 2 ** (large if small else large + 1)
            large += not small
            draw = rng.random()
            population = int(self._first * (0.5 * grown / self._first) ** (draw * draw)) if small else grown
            sigma = self.sigma * 10 ** (-2 * rng.random()) if small else self.sigma
        choices = Choices.start(self._cube.choices[self._categorical].tolist())
        normal = Normal.start(mean, sigma, self._separable)
        return State(
            normal,
            choices,
            max(population, 4),
            state.used,
            run=run,
            large=large,
            spent=(spent[0], spent[1]),
            small=small,
        )
