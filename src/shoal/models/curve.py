"""Where a learning curve ends: an ensemble of parametric curves, with proper uncertainty, in closed form.

The families are those of T. Domhan, J. T. Springenberg, F. Hutter: Speeding Up Automatic Hyperparameter Optimization of
Deep Neural Networks by Extrapolation of Learning Curves. IJCAI 2015 that are linear but for one shape: y = c + a·φ(x).
The shape lies on a grid; c, a and the noise have a normal-inverse-gamma prior, so that the evidence of each curve and
its Student-t forecast are exact (C. M. Bishop: Pattern Recognition and Machine Learning, 2006, section 3.3 and 3.5).
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaln, logsumexp, stdtr

from shoal.space.domain import Array

POWERS = np.geomspace(0.1, 2.0, 8)  # x^-p
RATES = np.geomspace(1.0, 30.0, 8)  # exp(-r·x / end)
WIDE = 1e4  # variance of c and a, in that of the noise: little is known of them
SHAPE, SCALE = 1.0, 1e-3  # of the inverse gamma: the noise is a few percent of what was seen to change
BENT = (
    0.05  # deviation of what no curve of the ensemble tells, as a share of the change so far: grows with the way to go
)


class CurveEnsemble:
    """The forecast of a curve's value at its end: a mixture of Student-t distributions.

    ``steps`` [n] are budgets above 0, ``losses`` [n] what was reported, ``end`` the budget that is asked about.
    ``off`` is by how much such forecasts have been off elsewhere, as far as is known.
    """

    def __init__(self, steps: Array, losses: Array, end: float, off: float = 0.0) -> None:
        self._low, self._span = float(losses.min()), float(np.ptp(losses)) or 1.0
        y = (losses - self._low) / self._span
        phi, at_end = _bases(steps, end)  # [k, n], [k]
        n = len(y)
        design = np.stack([np.ones_like(phi), phi], axis=-1)  # [k, n, 2]
        precision = np.eye(2) / WIDE + design.transpose(0, 2, 1) @ design
        moment = design.transpose(0, 2, 1) @ y
        weights = np.linalg.solve(precision, moment[..., None])[..., 0]  # [k, 2]
        shape = SHAPE + 0.5 * n
        scale = SCALE + 0.5 * np.maximum(y @ y - np.einsum("ki,ki->k", moment, weights), 1e-12)
        evidence = -0.5 * np.linalg.slogdet(precision)[1] - shape * np.log(scale) + gammaln(shape)
        ahead = np.stack([np.ones_like(at_end), at_end], axis=-1)
        spread = np.einsum("ki,ki->k", ahead, np.linalg.solve(precision, ahead[..., None])[..., 0])
        self._chances = np.exp(evidence - logsumexp(evidence))
        self._freedom = 2.0 * shape
        self._means = np.einsum("ki,ki->k", ahead, weights)
        beyond = BENT * math.log(max(end / float(steps[-1]), 1.0))
        self._deviations = np.sqrt(scale / shape * (1.0 + spread) + beyond**2 + (off / self._span) ** 2)

    @property
    def mean(self) -> float:
        return self._low + self._span * float(self._chances @ self._means)

    @property
    def deviation(self) -> float:
        """Of the whole mixture."""
        centre = self._chances @ self._means
        variance = self._chances @ (self._deviations**2 + (self._means - centre) ** 2)
        return self._span * math.sqrt(float(variance))

    def chance_below(self, loss: float) -> float:
        """The probability that the curve ends below a loss."""
        away = ((loss - self._low) / self._span - self._means) / self._deviations
        return float(self._chances @ stdtr(self._freedom, away))


def _bases(steps: Array, end: float) -> tuple[Array, Array]:
    """φ of each curve, at the steps and at the end, scaled so that the steps alone vary by 1."""
    x, ahead = steps / end, np.array([1.0])
    first = max(float(x[0]), 1e-9)
    made = [((x / first) ** -p, (ahead / first) ** -p) for p in POWERS]
    made += [(np.exp(-r * x), np.exp(-r * ahead)) for r in RATES]
    made += [(1.0 / np.log(steps / steps[0] + math.e - 1.0), 1.0 / np.log(end / steps[:1] + math.e - 1.0))]
    made += [(np.zeros_like(x), np.zeros(1))]  # it stays as it is
    phi = np.stack([at for at, _ in made])
    at_end = np.concatenate([then for _, then in made])
    scale = np.ptp(phi, axis=1)
    scale[scale < 1e-12] = 1.0
    return phi / scale[:, None], at_end / scale
