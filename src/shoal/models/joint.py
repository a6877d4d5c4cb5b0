"""One Gaussian process over params and budget: where each learning curve ends, and how sure that is.

The budget is one more coordinate of a Matérn kernel (A. Klein et al.: Fast Bayesian Optimization of Machine Learning
Hyperparameters on Large Datasets. AISTATS 2017; A. Klein et al.: Model-based Asynchronous Hyperparameter and Neural
Architecture Search. 2020): its lengthscale says how soon a curve tells its end.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from shoal.models.acquisition import log_expected_improvement
from shoal.models.evidence import Evidence, Theta
from shoal.models.gp import GaussianProcess
from shoal.models.outputs import LogWarp
from shoal.space.domain import Array

LEARNT = 200  # observations that hyperparameters are learnt from
MOST = 400  # … and that the model holds
STEPS = 8
SAMPLES = 4


class Joint:
    """Observations are rows of coordinates [r, c] (params, then the budget), and losses [r]; `MOST` at most."""

    def __init__(self, group: NDArray[np.int_], seed: int) -> None:
        self._group = np.concatenate([group, [group.max() + 1 if len(group) else 0]])
        self._seed = seed
        self._thetas: tuple[int, list[Theta]] = (0, [])

    def tell(self, x: Array, losses: Array) -> None:
        thetas = self._learn(x, losses)
        times = Counter(map(id, thetas))
        unique = list({id(theta): theta for theta in thetas}.values())
        self.models = [GaussianProcess(x, LogWarp(losses)(theta.warp), self._group, theta) for theta in unique]
        self.weights = np.array([times[id(theta)] for theta in unique], float) / len(thetas)
        self._ended = x[x[:, -1] == 1.0]

    def _learn(self, x: Array, losses: Array) -> list[Theta]:
        learnt, thetas = self._thetas
        if len(x) < 1.1 * learnt and thetas:
            return thetas
        some = spread(losses, LEARNT)
        evidence = Evidence(x[some], losses[some], self._group)
        mode = evidence.mode(thetas[0] if thetas else None, STEPS if thetas else 3 * STEPS)
        samples = evidence.sample(mode, SAMPLES, np.random.default_rng([self._seed, len(x)]))
        self._thetas = (len(x), [mode, *samples])
        return self._thetas[1]

    def log_improvement(self, x: Array) -> Array:
        """The log of the expected improvement at the end of curves [m, c], on the best that got there; while none has,
        on the best that is expected."""
        at = np.column_stack([x, np.ones(len(x))])
        found = []
        for model, weight in zip(self.models, self.weights, strict=True):
            mean, deviation = model.predict(at)
            best = float((model.predict(self._ended)[0] if len(self._ended) else mean).min())
            found.append(log_expected_improvement(mean, deviation, best) + math.log(weight))
        return np.asarray(np.logaddexp.reduce(found, axis=0))


def spread(losses: Array, most: int) -> NDArray[np.int_]:
    """Which to keep, in order: all, or the best half of ``most`` and an even choice among the others."""
    if len(losses) <= most:
        return np.arange(len(losses))
    order = np.argsort(losses, kind="stable")
    best, rest = order[: most // 2], np.sort(order[most // 2 :])
    return np.sort(np.concatenate([best, rest[np.linspace(0, len(rest) - 1, most - len(best)).astype(int)]]))
