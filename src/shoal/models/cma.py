"""The normal distribution of CMA-ES and its update from ranked points.

N. Hansen: The CMA Evolution Strategy: A Tutorial. arXiv:1604.00772v2, 2023; equation numbers are its. With negative
weights (active CMA). The separable form keeps variances alone: R. Ros, N. Hansen: A Simple Modification in CMA-ES
Achieving Linear Time and Space Complexity. PPSN 2008.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from shoal.space.domain import Array

ALPHA_COV = 2.0


@dataclass(frozen=True)
class Rates:
    """Weights [λ] and learning rates for n dimensions and a population of λ: table 1."""

    weights: Array
    mu_eff: float
    c_sigma: float
    d_sigma: float
    c_c: float
    c_1: float
    c_mu: float
    expected: float  # E‖N(0, I)‖


@lru_cache(maxsize=64)
def rates(n: int, population: int, separable: bool) -> Rates:
    raw = math.log((population + 1) / 2) - np.log(np.arange(1, population + 1))  # eq. 49
    positive, negative = raw[: population // 2], raw[population // 2 :]
    mu_eff = positive.sum() ** 2 / (positive**2).sum()
    mu_eff_minus = negative.sum() ** 2 / (negative**2).sum()
    c_1 = ALPHA_COV / ((n + 1.3) ** 2 + mu_eff)  # eq. 57
    c_mu = min(  # eq. 58
        1 - c_1, ALPHA_COV * (0.25 + mu_eff + 1 / mu_eff - 2) / ((n + 2) ** 2 + ALPHA_COV * mu_eff / 2)
    )
    if separable:
        c_1, c_mu = (rate * (n + 2) / 3 for rate in (c_1, c_mu))
        c_mu = min(1 - c_1, c_mu)
    least = min(1 + c_1 / c_mu, 1 + 2 * mu_eff_minus / (mu_eff + 2), (1 - c_1 - c_mu) / (n * c_mu))  # eq. 50 to 52
    weights = np.where(raw >= 0, raw / raw[raw > 0].sum(), least * raw / -raw[raw < 0].sum())  # eq. 53
    c_sigma = (mu_eff + 2) / (n + mu_eff + 5)  # eq. 55
    return Rates(
        weights=weights, mu_eff=mu_eff, c_sigma=c_sigma,
        d_sigma=1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (n + 1)) - 1) + c_sigma,
        c_c=(4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n),  # eq. 56
        c_1=c_1, c_mu=c_mu, expected=math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)),
    )  # fmt: skip


@dataclass(frozen=True)
class Normal:
    """N(mean, σ² A C A): mean [n]; C = B D² Bᵀ with ``axes`` B [n, n] and ``lengths`` D [n]; A = diag(``margin``) [n].

    Separable: ``axes`` is None, C is diagonal.
    """

    mean: Array
    sigma: float
    covariance: Array  # [n, n], or [n] when separable
    axes: Array | None
    lengths: Array
    path_sigma: Array
    path_c: Array
    margin: Array
    generation: int = 0

    @classmethod
    def start(cls, mean: Array, sigma: float, separable: bool = False) -> Normal:
        n = len(mean)
        covariance, axes = (np.ones(n), None) if separable else (np.eye(n), np.eye(n))
        return cls(mean, sigma, covariance, axes, np.ones(n), np.zeros(n), np.zeros(n), np.ones(n))

    @classmethod
    def around(cls, points: Array, spread: float, separable: bool = False) -> Normal:
        """Of good points [m, n] that are known already, each with a deviation of its own: M. Nomura et al.: Warm
        Starting CMA-ES for Hyperparameter Optimization. AAAI 2021, section 4."""
        n = points.shape[1]
        away = points - points.mean(0)
        covariance = spread**2 * np.eye(n) + away.T @ away / len(points)
        sigma = math.exp(np.linalg.slogdet(covariance)[1] / (2 * n))
        shape = covariance / sigma**2
        return cls.start(points.mean(0), sigma, separable)._with(np.diag(shape).copy() if separable else shape)

    @property
    def deviations(self) -> Array:
        """Of each coordinate, [n]."""
        variances = self.covariance if self.axes is None else np.diag(self.covariance)
        return np.asarray(self.sigma * self.margin * np.sqrt(variances))

    @property
    def precision(self) -> Array:
        """The inverse of its covariance, [n, n]."""
        scale = self.sigma * self.margin
        squares = self.lengths**2
        inverse = np.diag(1 / squares) if self.axes is None else (self.axes / squares) @ self.axes.T
        return np.asarray(inverse / np.outer(scale, scale))

    def colour(self, z: Array) -> Array:
        """Points [m, n] from standard normal rows: eq. 38 to 40."""
        y = z * self.lengths if self.axes is None else (z * self.lengths) @ self.axes.T
        return np.asarray(self.mean + self.sigma * self.margin * y)

    def whiten(self, y: Array) -> Array:
        """C^(-1/2) y for rows y [m, n]."""
        if self.axes is None:
            return np.asarray(y / self.lengths)
        return np.asarray((y @ self.axes / self.lengths) @ self.axes.T)

    @property
    def longest(self) -> float:
        """How far from the mean, in deviations, a point of this distribution lies at most."""
        n = len(self.mean)
        return 2 * (math.sqrt(n) + 2 * n / (n + 2))

    def distances(self, points: Array) -> Array:
        """From the mean, in deviations [m], of points [m, n]: Mahalanobis distances."""
        return np.asarray(np.linalg.norm(self.whiten((points - self.mean) / (self.sigma * self.margin)), axis=1))

    def update(self, points: Array) -> Normal:
        """The next distribution, from a population [λ, n] with the best first.

        Points much further out than the distribution would have them, such as those of other searches, are pulled in:
        N. Hansen: Injecting External Solutions Into CMA-ES. arXiv:1110.4181, 2011, eq. 4, with twice its length, which
        the distribution's own points do not reach.
        """
        population, n = points.shape
        r = rates(n, population, self.axes is None)
        y = (points - self.mean) / (self.sigma * self.margin)
        norms = np.sqrt((self.whiten(y) ** 2).sum(1))
        longest = self.longest
        pull = np.minimum(1.0, longest / np.maximum(norms, 1e-300))
        y, norms = y * pull[:, None], norms * pull
        half = population // 2
        y_w = r.weights[:half] @ y[:half]  # eq. 41
        path_sigma = (1 - r.c_sigma) * self.path_sigma + math.sqrt(  # eq. 43
            r.c_sigma * (2 - r.c_sigma) * r.mu_eff
        ) * self.whiten(y_w[None])[0]
        length = float(np.linalg.norm(path_sigma))
        sigma = self.sigma * math.exp(min(r.c_sigma / r.d_sigma * (length / r.expected - 1), 1.0))  # eq. 44
        settled = math.sqrt(1 - (1 - r.c_sigma) ** (2 * (self.generation + 1)))
        h = float(length / settled < (1.4 + 2 / (n + 1)) * r.expected)
        path_c = (1 - r.c_c) * self.path_c + h * math.sqrt(r.c_c * (2 - r.c_c) * r.mu_eff) * y_w  # eq. 45
        weights = np.where(r.weights >= 0, r.weights, r.weights * n / np.maximum(norms**2, 1e-8))  # eq. 46
        keep = 1 + r.c_1 * (1 - h) * r.c_c * (2 - r.c_c) - r.c_1 - r.c_mu * r.weights.sum()
        if self.axes is None:
            spread, rank_one = weights @ (y * y), path_c * path_c
        else:
            spread, rank_one = (y.T * weights) @ y, np.outer(path_c, path_c)
        covariance = keep * self.covariance + r.c_1 * rank_one + r.c_mu * spread  # eq. 47
        moved = replace(
            self, mean=self.mean + self.sigma * self.margin * y_w, sigma=sigma, path_sigma=path_sigma, path_c=path_c,
            generation=self.generation + 1,
        )  # fmt: skip
        return moved._with(covariance)

    def widened(self, population: int) -> Normal:
        """The same with a larger σ, up to an edge of the cube, as for flat fitness (tutorial, appendix B.3, by as much
        as Hansen's pycma)."""
        r = rates(len(self.mean), population, self.axes is None)
        return replace(self, sigma=max(min(self.sigma * math.exp(0.2 + r.c_sigma / r.d_sigma), 1.0), self.sigma))

    def _with(self, covariance: Array) -> Normal:
        """The same with another covariance, and its axes and their lengths."""
        if self.axes is None:
            covariance = np.maximum(covariance, 1e-20)
            return replace(self, covariance=covariance, lengths=np.sqrt(covariance))
        covariance = (covariance + covariance.T) / 2
        squares, axes = np.linalg.eigh(covariance)
        if squares[0] <= 0:  # rounding
            squares = np.maximum(squares, 1e-20)
            covariance = (axes * squares) @ axes.T
        return replace(self, covariance=covariance, axes=axes, lengths=np.sqrt(squares))
