"""How likely a point brings exactly what its nearest neighbour brought: then trying it is a waste.

Losses tie where params act in steps (a batch size that is rounded, a tree that splits) or where the metric does (an
accuracy on a few hundred examples). A Gaussian process knows nothing of steps and would look for more beside its best
point again and again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from shoal.models.kernel import squared_distances
from shoal.space.domain import Array

REACHES = np.geomspace(1e-4, 10.0, 60)


class Ties:
    """P(tie | distance δ to the nearest told point) = exp(-δ / τ), with τ of greatest likelihood; 0 without ties.

    ``x`` are coordinates [n, c] in lengthscales, ``losses`` [n] in the order of the trials; those of failed trials are
    none, and tie with nothing.
    """

    def __init__(self, x: Array, losses: Array, failed: NDArray[np.bool_]) -> None:
        squares = squared_distances(x, x)
        squares[np.triu_indices(len(x))] = np.inf
        nearest = squares.argmin(1)[1:]
        distances = np.sqrt(squares.min(1)[1:])
        tied: NDArray[np.bool_] = (losses[1:] == losses[nearest]) & ~failed[1:]
        self.reach = 0.0
        if tied.any():
            ratios = np.maximum(distances, 1e-9)[:, None] / REACHES
            likelihood = np.where(tied[:, None], -ratios, np.log(-np.expm1(-ratios))).sum(0)
            self.reach = float(REACHES[likelihood.argmax()])

    def log_novelty(self, squares: Array) -> Array:
        """log of the probability of no tie, for squared distances [m, n] to what was told or is running."""
        if not self.reach:
            return np.zeros(len(squares))
        return np.asarray(np.log(-np.expm1(-np.sqrt(np.maximum(squares.min(1), 1e-18)) / self.reach)))
