"""What the data say of a Gaussian process's hyperparameters: their posterior, its mode, and samples of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.optimize import minimize

from shoal.models.kernel import JITTER, matern, matern_slope, squared_distances
from shoal.models.outputs import LogWarp
from shoal.space.domain import Array

NOISE = (-4.0, 1.0)  # mean and deviation of log σ², after Hvarfner et al.
SIGNAL = (0.0, 1.0)  # … of the log of the signal's variance: the outputs are standardised
BOUND = 10.0  # of each logarithm, on either side
NEAR, FAR = 8, 20  # steps to a mode: to tell which of several starts leads higher, and on from there
MANY = 30  # observations for that; fewer are fitted less closely by the first steps alone, which proposes better
ROUGH = (-1.0, -4.0)  # how much shorter lengths are, and less noise there is, where a function bends much without noise
STEP = 0.2  # of the leapfrog, in deviations of the prior
LEAPS = 6


@dataclass(frozen=True)
class Theta:
    """Hyperparameters, all as logarithms: lengthscales [g], variances of noise and signal, strength of the warp."""

    lengths: Array
    noise: float
    signal: float
    warp: float

    def pack(self) -> Array:
        return np.concatenate([self.lengths, [self.noise, self.signal, self.warp]])

    @classmethod
    def unpack(cls, packed: Array) -> Theta:
        return cls(packed[:-3], float(packed[-3]), float(packed[-2]), float(packed[-1]))


def prior_of_lengths(groups: int) -> tuple[float, float]:
    """Mean and deviation of log ℓ for so many params.

    They grow with the dimension: C. Hvarfner, E. O. Hellsten, L. Nardi: Vanilla Bayesian Optimization Performs Great in
    High Dimensions. ICML 2024. The mean is 1 lower than theirs: a tuned loss bends more than their functions.
    """
    return math.sqrt(2.0) - 1.0 + 0.5 * math.log(max(groups, 1)), math.sqrt(3.0)


class Evidence:
    """The negative log posterior of packed hyperparameters, and its gradient.

    ``x`` are coordinates [n, c], ``group`` [c] names the param of each, ``losses`` [n] are as they came, of all that
    were ``told``. C. E. Rasmussen, C. K. I. Williams: Gaussian Processes for Machine Learning, 2006, eq. 5.8 and 5.9.
    """

    def __init__(self, x: Array, losses: Array, group: NDArray[np.int_], told: Array | None = None) -> None:
        self._x, self._group = x, group
        self._groups = int(group.max()) + 1 if len(group) else 0
        self._warp = LogWarp(losses, told)
        mean, deviation = prior_of_lengths(self._groups)
        self.mean = np.array([mean] * self._groups + [NOISE[0], SIGNAL[0], LogWarp.prior[0]])
        self.deviation = np.array([deviation] * self._groups + [NOISE[1], SIGNAL[1], LogWarp.prior[1]])

    def __call__(self, packed: Array) -> tuple[float, Array]:
        if np.abs(packed).max() > BOUND:
            return math.inf, np.zeros(len(packed))
        theta = Theta.unpack(packed)
        signal, noise = math.exp(theta.signal), math.exp(theta.noise)
        scaled = self._x / np.exp(theta.lengths)[self._group]
        squares = squared_distances(scaled, scaled)
        kernel = matern(squares)
        covariance = signal * kernel
        covariance.flat[:: len(kernel) + 1] += noise + JITTER
        factor, failed = lapack.dpotrf(covariance, lower=1)
        if failed:
            return math.inf, np.zeros(len(packed))
        y, log_jacobian, y_slope, jacobian_slope = self._warp.at(theta.warp)
        alpha, _ = lapack.dpotrs(factor, y, lower=1)
        away = (packed - self.mean) / self.deviation
        value = 0.5 * y @ alpha + np.log(np.diag(factor)).sum() - log_jacobian + 0.5 * away @ away
        half, _ = lapack.dpotri(factor, lower=1)  # the lower triangle; zeros above
        half.flat[:: len(half) + 1] *= 0.5
        inverse = half + half.T
        outer = 0.5 * (inverse - np.outer(alpha, alpha))  # eq. 5.9: dL/dθ = Σ outer ∘ dK/dθ
        weights = signal * outer * matern_slope(squares)
        pull = weights.sum(1)[:, None] * scaled - weights @ scaled  # a quarter of dL/dscaled
        lengths = -4.0 * np.bincount(self._group, (pull * scaled).sum(0), self._groups)
        rest = [noise * np.trace(outer), signal * (outer * kernel).sum(), alpha @ y_slope - jacobian_slope]
        return float(value), np.concatenate([lengths, rest]) + away / self.deviation

    def mode(self, start: Theta | None) -> Theta:
        """The hyperparameters of greatest posterior density, with a start that is near them.

        With many observations the density has several modes, of which all but one can be 100 nats lower: the highest of
        those near the start, near the prior's mean, and where a function bends much without noise.
        """
        if len(self._x) < MANY:
            return self._climb(start, NEAR)
        rough = self.mean.copy()
        rough[: self._groups] += ROUGH[0]
        rough[-3] += ROUGH[1]
        starts = [None, Theta.unpack(rough)] if start is None else [start, None, Theta.unpack(rough)]
        found = [self._climb(one, NEAR) for one in starts]
        return self._climb(min(found, key=lambda theta: self(theta.pack())[0]), FAR)

    def _climb(self, start: Theta | None, steps: int) -> Theta:
        """What a few steps of L-BFGS-B reach."""
        first = self.mean if start is None else start.pack()

        def bounded(packed: Array) -> tuple[float, Array]:
            value, gradient = self(packed)
            return (value if value < math.inf else 1e10), gradient

        bounds = [(-BOUND, BOUND)] * len(first)
        found = minimize(bounded, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": steps})
        return Theta.unpack(found.x if found.fun < 1e9 else first)

    def sample(self, start: Theta, count: int, rng: np.random.Generator) -> list[Theta]:
        """States of a Hamiltonian Monte Carlo chain, one a trajectory: the very same object where one was rejected.

        R. M. Neal: MCMC using Hamiltonian dynamics. Handbook of Markov Chain Monte Carlo, 2011, figure 2. The priors'
        deviations serve as scales; the step grows and shrinks so that two trajectories of three are accepted.
        """
        states: list[Theta] = []
        theta, state, width = start, start.pack(), STEP
        value, gradient = self(state)
        for _ in range(count):
            momentum = rng.standard_normal(len(state))
            energy = value + 0.5 * momentum @ momentum
            step = width * rng.uniform(0.6, 1.4) * self.deviation
            place, slope, reached = state, gradient, value
            for _ in range(LEAPS):
                momentum = momentum - 0.5 * step * slope
                place = place + step * momentum
                reached, slope = self(place)
                if reached == math.inf:
                    break
                momentum = momentum - 0.5 * step * slope
            chance = rng.random()
            if reached < math.inf and math.log(chance) < energy - reached - 0.5 * momentum @ momentum:
                state, value, gradient = place, reached, slope
                theta = Theta.unpack(state)
                width *= 1.2
            else:
                width *= 0.7
            states.append(theta)
        return states
