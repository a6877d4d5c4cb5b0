"""Stops trials whose forecast, from their params and from their own curve, is worse than the best.

What Propulate's dynamic surrogate is for (O. Taubert et al. ISC 2023; its DynamicSurrogate): a Gaussian process over
the params gives the expected final loss, with choices as the distances that they are; it meets the forecast of the
trial's own curve as one normal distribution meets another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from shoal.contracts import GO, Decision
from shoal.errors import StudyError
from shoal.fold import DONE
from shoal.history import History
from shoal.models.contest import Contest
from shoal.models.curve import CurveEnsemble
from shoal.models.evidence import Evidence, Theta
from shoal.models.features import Features
from shoal.models.foreseen import HUGE
from shoal.models.gp import GaussianProcess
from shoal.models.learner import spread
from shoal.models.threads import one_thread
from shoal.records import AnyRecord, Reported
from shoal.space.cube import Cube
from shoal.trial import Report

SAMPLES = 8  # of hyperparameters, beside their mode: few trials leave much doubt
FLAT = -10.0  # log of the strength of the losses' warp: none, as forecasts are of the losses themselves


@dataclass
class Forecast:
    """Settings: the least probability to beat the best, how many reports a trial must have sent, and how many trials
    must be done."""

    chance: float = 0.05
    reports: int = 3
    trials: int = 5
    most: int = 200  # trials that the model over the params holds

    def __post_init__(self) -> None:
        if not 0 < self.chance < 1 or self.reports < 3 or self.trials < 2 or self.most < 2:
            raise StudyError(f"forecast needs chance in (0, 1), reports >= 3, trials >= 2, most >= 2; got {self}")

    def begin(self, history: History) -> None:
        self._cube = Cube(history.space)
        self._features = Features(self._cube)
        self._models: list[tuple[GaussianProcess, float]] = []  # each with the variance of its noise
        self._learnt = 0  # from which trials, and what they ended with
        self._contest = Contest(history)
        self._prior: dict[int, tuple[float, float]] = {}

    def tell(self, record: AnyRecord) -> None:
        self._contest.tell(record)

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        ended = np.flatnonzero(history.usable & (history.state[: history.length] == DONE))
        entry = None if len(ended) < self.trials else self._contest.entry(number, report, self.reports)
        if entry is None:
            return GO
        ensemble, best = entry
        count = int(1.1 ** int(math.log(len(ended), 1.1) + 1e-9))  # of 1, 1.1, 1.1² …: all peers learn from the same
        key = hash((ended[:count].tobytes(), history.value[ended[:count]].tobytes()))
        if key != self._learnt:  # one of them may come late, and have another's place
            with one_thread():
                self._learn(history, ended[:count])
            self._learnt, self._prior = key, {}
        if number not in self._prior:
            self._prior[number] = self._expected(number, history)
        mean, deviation = self._meet(self._prior[number], ensemble)
        chance = float(ndtr((best - mean) / deviation))
        if chance >= self.chance:
            return GO
        return Decision(
            stop=True,
            reason=f"forecast {mean * history.sign:.4g} ± {deviation:.2g}: {chance:.1%} chance to beat "
            f"{best * history.sign:.4g}",
        )

    def _learn(self, history: History, ended: NDArray[np.int_]) -> None:
        """Learn from these trials, which are done."""
        losses = np.clip(history.value[ended], -HUGE, HUGE)
        kept = spread(losses, self.most)
        x, losses = self._features(self._cube.of_codes(history.x[ended[kept]])), losses[kept]
        self._centre, self._scale = float(losses.mean()), float(losses.std())
        if self._scale <= 1e-12 * float(np.abs(losses).max()):  # all are alike
            self._scale = 1.0
        y = (losses - self._centre) / self._scale
        evidence = Evidence(x, losses, self._features.group)
        evidence.mean[-1] = FLAT
        mode = evidence.mode(Theta.unpack(evidence.mean))
        thetas = [mode, *evidence.sample(mode, SAMPLES, np.random.default_rng(len(ended)))]
        self._models = [(GaussianProcess(x, y, self._features.group, theta), math.exp(theta.noise)) for theta in thetas]
        self._doubt = max(1.0, float(np.mean([_surprise(model) for model, _ in self._models])))

    def _expected(self, number: int, history: History) -> tuple[float, float]:
        """What the params let expect: a final loss and its deviation."""
        x = self._features(self._cube.of_codes(history.x[number : number + 1]))
        found = [(*model.predict(x), noise) for model, noise in self._models]
        means = np.array([float(mean[0]) for mean, _, _ in found])
        variances = [float(deviation[0]) ** 2 + noise for _, deviation, noise in found]
        spread = math.sqrt(self._doubt * float(np.mean(variances)) + float(means.var()))
        return self._centre + self._scale * float(means.mean()), self._scale * spread

    def _meet(self, prior: tuple[float, float], curve: CurveEnsemble) -> tuple[float, float]:
        """The product of two normal distributions."""
        (m, s), (mean, deviation) = prior, (curve.mean, max(curve.deviation, 1e-12))
        weight = s**-2 / (s**-2 + deviation**-2)
        return weight * m + (1 - weight) * mean, (s**-2 + deviation**-2) ** -0.5


def _surprise(model: GaussianProcess) -> float:
    """The mean of the squared residuals of what was told, each as foreseen from all others, over their variances: 1 of
    a model that knows how much it does not know. Rasmussen and Williams 2006, eq. 5.12."""
    inverse = np.einsum("ij,ij->j", model.whiten, model.whiten)
    return float((model.alpha**2 / inverse).mean())
