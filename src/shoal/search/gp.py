"""Bayesian optimisation with a Gaussian process: for trials that are dear, up to some thousands of them.

What is proposed has the greatest expected improvement, averaged over hyperparameters that the data allow for: their
mode and a few samples (J. Snoek, H. Larochelle, R. Adams: Practical Bayesian Optimization of Machine Learning
Algorithms. NeurIPS 2012, section 3.2). Running trials are imagined to have ended as expected, and are to be beaten,
too; not with a budget, of which most see little. Where losses tie, places close to what was tried count for less; while
all do, what is proposed fills the space evenly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.models.ensemble import Ensemble
from shoal.models.features import Features
from shoal.models.gp import GaussianProcess
from shoal.models.joint import with_budget
from shoal.models.kernel import squared_distances
from shoal.models.learner import Learner, spread
from shoal.models.outputs import LogWarp
from shoal.models.threads import one_thread
from shoal.models.ties import Ties
from shoal.records import AnyRecord
from shoal.search.candidates import Score, climb, pool, untried
from shoal.search.design import Design
from shoal.search.observed import Observed, Watch
from shoal.search.tried import Tried
from shoal.space.cube import Cube
from shoal.space.domain import Array

NEAR: Final = 0.25  # squared distance, in lengthscales, up to which a place is near a trial


@dataclass
class GP:
    """Settings: trials before the model is asked, how much is averaged, and how widely its advice is looked for."""

    design: int = 5
    samples: int = 8  # of the hyperparameters, beside their mode; fewer with many trials, which leave less doubt
    candidates: int = 400  # drawn from the whole space; as many lie around the best trials
    starts: int = 6  # the best candidates, from which to climb on
    most: int = 500  # trials that the model holds; beyond, the best half and an even choice of the others …
    # … and as many running ones: those that promise most

    def __post_init__(self) -> None:
        if min(self.design, self.candidates, self.starts, self.most) < 1 or self.samples < 0:
            raise SpaceError(f"gp needs design, candidates, starts, most >= 1 and samples >= 0; got {self}")

    def begin(self, history: History) -> None:
        self._called, self._cube = history.called, Cube(history.space)
        self._watch = Watch(history, self._cube)
        self._seed = history.definition.seed % 2**64
        self._features = Features(self._cube)
        self._tried = Tried(history)
        self._first = Design(self._cube, self._tried, self._seed)
        self._group = self._features.group
        if history.definition.budget is not None:
            self._group = with_budget(self._group)
        self._learner = Learner(self._group, self._seed, self.samples)

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        self._watch.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        seen = self._watch.look()
        if len(seen.losses) < self.design or not self._cube.dimensions:
            return Proposal(self._first(number, rng), "exploring: a first look")
        if seen.losses.min() == seen.losses.max():  # failures count as worse, and tell where not to look
            return Proposal(self._first(number, rng), "exploring: all losses tie so far")
        with one_thread():
            return self._advise(seen, rng)

    def _advise(self, seen: Observed, rng: np.random.Generator) -> Proposal:
        """The most promising place, as a proposal."""
        x, known, at_end = self._data(seen)
        losses, curves = known(len(x)), seen.curves
        trials, kept = spread(seen.losses, self.most), spread(losses, self.most, None if curves is None else curves.top)
        ends = at_end(seen.points[trials])
        learnt = self._learner(x, known)
        mode, _ = learnt[0]
        warp, running = LogWarp(losses[kept], losses), at_end(seen.running)
        if len(running) > self.most:
            usual = GaussianProcess(x[kept], warp(mode.warp), self._group, mode, ends=ends)
            running = running[np.argsort(-usual.log_improvement(usual.squares(running)), kind="stable")[: self.most]]
        beaten = ends if curves is not None else np.concatenate([ends, running])
        models = [GaussianProcess(x[kept], warp(t.warp), self._group, t, running, beaten) for t, _ in learnt]
        ensemble = Ensemble(models, [times for _, times in learnt])
        close = ends * models[0].scale  # the trials, in lengthscales
        ties = Ties(close, seen.losses[trials], seen.failed[trials])

        def glance(places: Array) -> Array:
            squares = models[0].squares(at_end(places))
            return models[0].log_improvement(squares) + ties.log_novelty(squares)

        def score(places: Array) -> Array:
            squares = ensemble.squares(at_end(places))
            return ensemble.log_improvement(squares) + ties.log_novelty(squares[0])

        order = np.argsort(seen.losses[trials], kind="stable")
        point = self._best(glance, score, seen.points[trials][order[:5]], rng)
        if point is None:
            return Proposal(self._tried.draw(lambda: self._tried.sample(rng), rng), "random: all else was tried")
        place = at_end(point[None])
        told = [warp(theta.warp).min() for theta, _ in learnt] if curves is None else [model.best for model in models]
        chance = ensemble.chance(ensemble.squares(place), np.array(told))[0]
        squares = squared_distances(place * models[0].scale, close)[0]
        nearest = int(squares.argmin())
        where = (
            f"near trial {self._called(int(seen.numbers[trials][nearest]))}" if squares[nearest] < NEAR else "exploring"
        )
        return Proposal(self._cube.params(point), f"{where}, {chance:.0%} chance of a new best")

    def _data(self, seen: Observed) -> tuple[Array, Callable[[int], Array], Callable[[Array], Array]]:
        """Coordinates of what was observed, the losses of the first so many as known by then, and how points become
        coordinates.

        With a budget it is one more coordinate: every rung of every trial is observed, and points mean their ends.
        """
        features, curves = self._features, seen.curves
        if curves is None:
            return features(seen.points), lambda count: seen.losses[:count], features
        x = np.column_stack([features(seen.points)[curves.trial], curves.place])
        return x, curves.foreseen, lambda points: np.column_stack([features(points), np.ones(len(points))])

    def _best(self, glance: Score, score: Score, top: Array, rng: np.random.Generator) -> Array | None:
        """The place of the highest score that was not tried yet."""
        places = pool(self._cube, top, self.candidates, rng)
        if not len(places):
            return None
        places = places[np.argsort(-glance(places), kind="stable")]
        order = np.argsort(-score(places[: 10 * self.starts]), kind="stable")
        climbed, heights = climb(self._cube, places[order[: self.starts]], score, rng)
        ranked = np.concatenate([climbed[np.argsort(-heights, kind="stable")], places])
        return untried(self._cube, ranked, self._tried)
