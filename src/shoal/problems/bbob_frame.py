"""What an instance of a BBOB function is drawn: where its optimum lies, how it is rotated, and its peaks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from shoal.problems.bbob_transforms import conditioning, ramp, rotation
from shoal.space.domain import Array

SCHWEFEL: Final = 4.2096874633  # f20: a hundredth of where t sin √t is greatest in [0, 500]
PEAKS: Final = {21: (101, 1000.0, 5.0), 22: (21, 1000.0**2, 4.9)}  # how many, α of the highest, reach of the others


@dataclass(frozen=True, eq=False)
class Peaks:
    """The Gaussian peaks of f21 and f22; the first is the highest and stands at the optimum."""

    centers: Array  # y [p, d]
    scales: Array  # the diagonals of C [p, d]
    heights: Array  # w [p]


@dataclass(frozen=True, eq=False)
class Frame:
    """One instance's optimum, rotations and peaks; the peaks are there for f21 and f22 alone."""

    optimum: Array  # x_opt [d]
    R: Array  # [d, d]
    Q: Array  # [d, d]
    steps: Array  # (i - 1) / (d - 1) [d]
    peaks: Peaks | None = None

    @property
    def signs(self) -> Array:
        """The signs of the optimum's coordinates, 1 or -1 [d]."""
        return np.where(self.optimum < 0, -1.0, 1.0)

    def rotated(self, x: Array) -> Array:
        """R (x - x_opt)."""
        return np.asarray(self.R @ (x - self.optimum))

    def conditioned(self, alpha: float, x: Array) -> Array:
        """Q Λ^α R (x - x_opt)."""
        return np.asarray(self.Q @ (conditioning(alpha, self.steps) * self.rotated(x)))


def draw(function: int, dimensions: int, rng: np.random.Generator) -> Frame:
    first, second = rotation(rng, dimensions), rotation(rng, dimensions)
    optimum = _optimum(function, rng.uniform(-4.0, 4.0, dimensions), first)
    steps = ramp(dimensions)
    return Frame(optimum, first, second, steps, _peaks(function, optimum, steps, rng) if function in PEAKS else None)


def valley_scale(dimensions: int) -> float:
    """The factor of f8, f9 and f19, which keeps their valley inside the domain."""
    return max(1.0, math.sqrt(dimensions) / 8)


def _optimum(function: int, drawn: Array, first: Array) -> Array:
    """x_opt for a point drawn from [-4, 4]^d, which most functions take as it is."""
    signs = np.where(drawn < 0, -1.0, 1.0)
    if function == 4:  # positive where f4 is skewed, as in the authors' code: the report does not say
        return np.where(np.arange(len(drawn)) % 2 == 0, np.abs(drawn), drawn)
    if function in (9, 19):  # where their z is 1
        return np.asarray(first.T @ np.full(len(drawn), 0.5 / valley_scale(len(drawn))))
    special = {5: 5.0 * signs, 8: 0.75 * drawn, 20: 0.5 * SCHWEFEL * signs, 22: 0.98 * drawn, 24: 1.25 * signs}
    return special.get(function, drawn)


def _peaks(function: int, optimum: Array, steps: Array, rng: np.random.Generator) -> Peaks:
    count, highest, reach = PEAKS[function]
    others = rng.permutation(1000.0 ** (2 * ramp(count - 1)))
    alpha = np.concatenate([[highest], others])[:, None]
    return Peaks(
        centers=np.vstack([optimum, rng.uniform(-reach, reach, (count - 1, len(optimum)))]),
        scales=rng.permuted(alpha ** (0.5 * steps - 0.25), axis=1),  # Λ^α / α^¼, its diagonal shuffled
        heights=np.concatenate([[10.0], np.linspace(1.1, 9.1, count - 1)]),
    )
