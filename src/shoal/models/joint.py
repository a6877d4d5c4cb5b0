"""One Gaussian process over params and budget: where each learning curve ends, and how sure that is.

The budget is one more coordinate of a Matérn kernel (A. Klein et al.: Fast Bayesian Optimization of Machine Learning
Hyperparameters on Large Datasets. AISTATS 2017; A. Klein et al.: Model-based Asynchronous Hyperparameter and Neural
Architecture Search. 2020): its lengthscale says how soon a curve tells its end.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from shoal.models.acquisition import log_expected_improvement
from shoal.models.foreseen import Curves
from shoal.models.gp import GaussianProcess
from shoal.models.learner import Learner, spread
from shoal.models.outputs import LogWarp
from shoal.space.domain import Array

MOST = 400  # observations that the model holds
SAMPLES = 4  # of its hyperparameters, beside their mode


class Joint:
    """A model of curves, and of the coordinates [n, c] of their trials' params."""

    def __init__(self, group: NDArray[np.int_], seed: int) -> None:
        self._group = with_budget(group)
        self._learner = Learner(self._group, seed, SAMPLES)

    def tell(self, coordinates: Array, curves: Curves) -> None:
        x = np.column_stack([coordinates[curves.trial], curves.place])
        losses, learnt = curves.foreseen(len(curves)), self._learner(x, curves.foreseen)
        kept = spread(losses, MOST, curves.top)
        x, warp = x[kept], LogWarp(losses[kept], losses)
        ended = x[x[:, -1] == 1.0]
        self._any, ends = len(ended) > 0, ended if len(ended) else None
        self.models = [GaussianProcess(x, warp(t.warp), self._group, t, ends=ends) for t, _ in learnt]
        times = np.array([times for _, times in learnt], float)
        self.weights = times / times.sum()

    def log_improvement(self, x: Array) -> Array:
        """The log of the expected improvement at the end of curves [m, c], on the best that got there; while none has,
        on the best that is expected."""
        at = np.column_stack([x, np.ones(len(x))])
        found = []
        for model, weight in zip(self.models, self.weights, strict=True):
            mean, deviation = model.predict(at)
            best = model.best if self._any else float(mean.min())
            found.append(log_expected_improvement(mean, deviation, best) + math.log(weight))
        return np.asarray(np.logaddexp.reduce(found, axis=0))


def with_budget(group: NDArray[np.int_]) -> NDArray[np.int_]:
    """The param of each coordinate, where the budget is one more: the last."""
    return np.append(group, group.max() + 1 if len(group) else 0)
