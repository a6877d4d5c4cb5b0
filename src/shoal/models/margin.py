"""Discrete params in CMA-ES: no value of them dies out.

R. Hamano, S. Saito, M. Nomura, S. Shirakawa: CMA-ES with Margin: Lower-Bounding Marginal Probability for Mixed-Integer
Black-Box Optimization. GECCO 2022, section 4.2, for numbers; CatCMA: Stochastic Optimization for Mixed-Category
Problems. GECCO 2024, section 3, for choices.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from shoal.models.cma import Normal
from shoal.space.domain import Array

TRUST: Final = 1.5  # α of the adaptation of the step


def keep_moving(normal: Normal, edges: list[Array | None], alpha: float) -> Normal:
    """The distribution with the chance of each discrete number to leave its cell at least α on either side together.

    ``edges`` holds, for each coordinate, the inner edges of its cells, or None for a continuous one.
    """
    mean, margin = normal.mean.copy(), normal.margin.copy()
    deviations = normal.deviations
    for place, inner in enumerate(edges):
        if inner is None or not len(inner):
            continue
        m, s = float(mean[place]), float(deviations[place])
        cell = int(np.searchsorted(inner, m))
        if cell in (0, len(inner)):  # the first or the last: one edge to cross (eq. 15 and 16)
            edge = float(inner[min(cell, len(inner) - 1)])
            reach = s * -float(ndtri(alpha))
            mean[place] = min(max(m, edge - reach), edge + reach)
            continue
        low, high = float(inner[cell - 1]), float(inner[cell])
        below, above = float(ndtr((low - m) / s)), float(ndtr((m - high) / s))
        if min(below, above) >= alpha / 2:
            continue
        raised = np.maximum([below, above], alpha / 2)  # eq. 17 to 19
        stays = max(1 - below - above, alpha / 2)
        over = 1 - raised.sum() - stays
        below, above = raised + over / (raised.sum() + stays - 1.5 * alpha) * (raised - alpha / 2)
        left, right = -float(ndtri(below)), -float(ndtri(above))
        wanted = (high - low) / (left + right)  # so that both tails have just these chances
        mean[place] = (low * right + high * left) / (left + right)
        margin[place] *= wanted / s
    return replace(normal, mean=mean, margin=margin)


@dataclass(frozen=True)
class Choices:
    """Probabilities of the choices of each categorical param, and the step of their natural gradient.

    The step adapts to how well the gradients agree: Y. Akimoto et al.: Adaptive Stochastic Natural Gradient Method for
    One-Shot Neural Architecture Search. ICML 2019, algorithm 1.
    """

    chances: tuple[Array, ...]
    path: Array
    gamma: float = 0.0
    step: float = 1.0

    @classmethod
    def start(cls, counts: list[int]) -> Choices:
        return cls(tuple(np.full(count, 1.0 / count) for count in counts), np.zeros(sum(counts)))

    @classmethod
    def around(cls, chosen: Array, counts: list[int]) -> Choices:
        """As often as in good points [m, k] that are known already, with one of each choice besides."""
        known = [column[~np.isnan(column)].astype(int) for column in chosen.T]
        seen = [np.bincount(column, minlength=count) + 1.0 for column, count in zip(known, counts, strict=True)]
        return replace(cls.start(counts), chances=tuple(count / count.sum() for count in seen))

    def update(self, chosen: Array, weights: Array, alpha: float) -> Choices:
        """The next probabilities, from the choices [μ, k] of the better half and their weights; NaN where inactive."""
        gradients = []
        for column, chance in enumerate(self.chances):
            known = ~np.isnan(chosen[:, column])
            hot = chosen[known, column][:, None] == np.arange(len(chance))
            gradients.append(weights[known] @ (hot - chance))
        scaled = np.concatenate([gradient / np.sqrt(q) for gradient, q in zip(gradients, self.chances, strict=True)])
        norm = float(np.linalg.norm(scaled))
        if norm < 1e-12:
            return self
        freedom = sum(len(chance) - 1 for chance in self.chances)
        beta = min(self.step / math.sqrt(max(freedom, 1)), 1.0)
        path = (1 - beta) * self.path + math.sqrt(beta * (2 - beta)) * scaled / norm
        gamma = (1 - beta) ** 2 * self.gamma + beta * (2 - beta)
        step = min(self.step * math.exp(beta * (float(path @ path) / TRUST - gamma)), 1.0)
        chances = tuple(
            _floored(chance + self.step * gradient / max(norm, 1.0), alpha)
            for chance, gradient in zip(self.chances, gradients, strict=True)
        )
        return Choices(chances, path, gamma, step)


def _floored(chance: Array, alpha: float) -> Array:
    """Probabilities of at least α / (K - 1) each."""
    least = min(alpha / max(len(chance) - 1, 1), 1.0 / len(chance))
    raised = np.maximum(chance, least)
    spare = raised - least
    total = spare.sum()
    return np.asarray(least + spare * (1 - least * len(chance)) / total if total > 0 else raised / raised.sum())
