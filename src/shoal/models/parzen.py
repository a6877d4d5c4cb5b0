"""A kernel density over points of the cube, with one bandwidth a param, so that it is evaluated by matrix products.

S. Watanabe: Tree-Structured Parzen Estimator: Understanding Its Algorithm Components and Their Roles for Better
Empirical Performance. arXiv:2304.11127, 2023, section 3. Every component is a product over params: a normal cut off at
the faces of the cube for a number, a mixture of the choice and all choices for a categorical. Where a param is inactive
in a component or in the point, its factor is 1. One more component, the prior, is uniform.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from shoal.space.cube import Cube
from shoal.space.domain import Array

WIDTH = 0.2  # bandwidth of a number with one point: in edges of the cube
LEAST = 0.01  # … and however many there are
FEW = 3  # params that change at once, in half of the places that are drawn
LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)


class Parzen:
    """The density of points [n, d]; ``cube`` says which params are categorical."""

    def __init__(self, points: Array, cube: Cube) -> None:
        self._points, self._cube = points, cube
        n, d = len(points), cube.dimensions
        shrink = max(n, 1) ** (-1.0 / (d + 4))  # Scott's rule
        self._sigma = max(WIDTH * shrink, LEAST)
        self._blur = min(0.5, shrink * 0.4)  # how much of a categorical's mass goes to all choices
        self._right = self._components()

    def log_density(self, points: Array) -> Array:
        """log of the density [m] at points [m, d] of the cube."""
        exponents = self._left(points) @ self._right.T
        n = len(self._points)
        top = np.maximum(exponents.max(1, initial=0.0), 0.0)
        total = np.exp(exponents - top[:, None]).sum(1) + np.exp(-top)  # the prior's density is 1
        return np.asarray(np.log(total) + top - math.log(n + 1))

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Places [count, d] in the cube, not snapped; inactive params are drawn from the prior.

        Every other one differs from the centre of its component in about `FEW` params: where there are many, a place
        with all of them moved is hardly ever better.
        """
        d = self._cube.dimensions
        places = rng.random((count, d))
        chosen = rng.integers(len(self._points) + 1, size=count)
        real = np.flatnonzero(chosen < len(self._points))
        centres = self._points[chosen[real]]
        steps = centres + self._sigma * rng.standard_normal(centres.shape)
        outside = (steps < 0) | (steps > 1)
        for _ in range(20):  # a cut-off normal, by drawing again
            if not outside.any():
                break
            steps[outside] = (centres + self._sigma * rng.standard_normal(centres.shape))[outside]
            outside = (steps < 0) | (steps > 1)
        moved = np.where(self._cube.categorical & (rng.random(centres.shape) >= self._blur), centres, np.nan)
        moved[:, self._cube.numbers] = np.clip(steps[:, self._cube.numbers], 0.0, 1.0)
        kept = rng.random(centres.shape) * d >= FEW
        kept[np.arange(len(real)), rng.integers(d, size=len(real))] = False
        moved = np.where(kept & (real % 2 == 1)[:, None], centres, moved)
        places[real] = np.where(np.isnan(moved), places[real], moved)
        return places

    # A component's log density is a sum over params, each a product of something of the point and something of the
    # component: x² · (-1/2σ²) + x · (μ/σ²) + 1 · (-μ²/2σ² - log(σ√2π) - log Z) for a number.

    def _left(self, points: Array) -> Array:
        x = points[:, self._cube.numbers]
        active = (~np.isnan(x)).astype(float)
        x = np.where(np.isnan(x), 0.0, x)
        return np.concatenate([x * x, x, active, *self._cube.hot(points)], axis=1)

    def _components(self) -> Array:
        mu = self._points[:, self._cube.numbers]
        active = ~np.isnan(mu)
        precision = 1.0 / self._sigma**2
        z = ndtr((1.0 - mu) / self._sigma) - ndtr(-mu / self._sigma)
        rest = -0.5 * mu * mu * precision - math.log(self._sigma) - LOG_ROOT_2PI - np.log(z)
        parts = [np.where(active, part, 0.0) for part in (np.full(mu.shape, -0.5 * precision), mu * precision, rest)]
        for hot in self._cube.hot(self._points):
            known, count = hot.any(axis=1, keepdims=True), hot.shape[1]
            mass = np.log(hot * (1.0 - self._blur) + self._blur / count) + math.log(count)
            parts.append(np.where(known, mass, 0.0))
        return np.concatenate(parts, axis=1)
