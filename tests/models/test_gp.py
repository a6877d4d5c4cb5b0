"""The Gaussian process against scikit-learn's, and its hyperparameters' posterior against finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from shoal.models.evidence import Evidence, Theta
from shoal.models.gp import GaussianProcess
from shoal.models.kernel import JITTER
from shoal.models.outputs import LogWarp

pytestmark = pytest.mark.usefixtures("one_blas_thread")
RNG = np.random.default_rng(0)
X = RNG.random((40, 3))
LOSSES = np.exp(2 * X[:, 0]) + np.sin(5 * X[:, 1]) + 0.1 * RNG.standard_normal(40)
GROUP = np.arange(3)
THETA = Theta(np.log([0.4, 0.7, 2.0]), math.log(0.05), math.log(1.7), 0.3)


def reference() -> GaussianProcessRegressor:
    kernel = ConstantKernel(1.7) * Matern([0.4, 0.7, 2.0], nu=2.5) + WhiteKernel(0.05 + JITTER)
    return GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(X, LogWarp(LOSSES)(THETA.warp))


def test_the_posterior_is_that_of_scikit_learn() -> None:
    places = RNG.random((20, 3))
    model = GaussianProcess(X, LogWarp(LOSSES)(THETA.warp), GROUP, THETA)
    mean, deviation = model.predict(places)
    wanted_mean, wanted_deviation = reference().predict(places, return_std=True)
    np.testing.assert_allclose(mean, wanted_mean, rtol=1e-8)
    np.testing.assert_allclose(deviation**2 + 0.05 + JITTER, wanted_deviation**2, rtol=1e-7)  # theirs has the noise


def test_the_evidence_is_the_marginal_likelihood_of_scikit_learn_with_the_priors_and_the_jacobian() -> None:
    evidence = Evidence(X, LOSSES, GROUP)
    packed = THETA.pack()
    away = (packed - evidence.mean) / evidence.deviation
    jacobian = LogWarp(LOSSES).at(THETA.warp)[1]
    wanted = -reference().log_marginal_likelihood_value_ - jacobian + 0.5 * away @ away
    assert evidence(packed)[0] == pytest.approx(wanted - 0.5 * len(X) * math.log(2 * math.pi), rel=1e-9)


@pytest.mark.parametrize("group", [np.arange(3), np.array([0, 1, 1])])
def test_the_gradient_of_the_evidence_is_that_of_finite_differences(group: np.ndarray) -> None:
    evidence = Evidence(X, LOSSES, group)
    for packed in RNG.normal(0.0, 0.5, (5, int(group.max()) + 4)):
        numeric = approx_fprime(packed, lambda at: evidence(at)[0], 1e-6)
        np.testing.assert_allclose(evidence(packed)[1], numeric, rtol=1e-3, atol=1e-3)


def test_the_jacobian_is_that_of_the_warp() -> None:
    """Warped with a fixed minimum, median, mean and deviation, the derivative of each loss is seen numerically."""
    losses = np.array([1.0, 2.0, 3.0, 7.0, 30.0])
    y, log_jacobian, _, _ = LogWarp(losses).at(0.5)
    c, span = math.exp(0.5), 2.0 - 0.0
    w = np.log1p(c * (losses - 1.0) / span)
    slopes = c / span / (1 + c * (losses - 1.0) / span) / w.std()
    scale = len(losses) * math.log(span)  # of the losses themselves, which no hyperparameter changes
    assert log_jacobian == pytest.approx(np.log(slopes).sum() + scale)
    np.testing.assert_allclose(y, (w - w.mean()) / w.std())


def test_the_mode_is_found_and_samples_lie_around_it() -> None:
    evidence = Evidence(X, LOSSES, GROUP)
    mode = None
    for _ in range(8):
        mode = evidence.mode(mode)
    assert mode is not None
    samples = evidence.sample(mode, 300, np.random.default_rng(1))
    assert np.abs(evidence(mode.pack())[1]).max() < 0.01
    assert mode.lengths[2] > mode.lengths[0] + 0.5  # the third coordinate does nothing
    least = evidence(mode.pack())[0]
    heights = [evidence(theta.pack())[0] - least for theta in samples]
    assert len({theta.noise for theta in samples}) > 150  # most trajectories are accepted
    assert 1.0 < np.mean(heights[50:]) < 8.0  # half the number of hyperparameters for a normal posterior: 3


def test_a_start_that_takes_a_curve_for_noise_is_left_for_a_higher_mode() -> None:
    x = np.random.default_rng(2).random((60, 4))
    losses = np.sin(9 * x[:, 0]) + np.cos(7 * x[:, 1]) * x[:, 2]
    evidence = Evidence(x, losses, np.arange(4))
    noise = Theta(np.full(4, 4.0), 1.0, -2.0, 2.0)
    stayed, left = evidence._climb(noise, 8), evidence.mode(noise)
    assert evidence(left.pack())[0] < evidence(stayed.pack())[0] - 20
    assert left.noise < -4.0 < stayed.noise


def test_trials_around_the_best_leave_what_was_told_before_its_differences() -> None:
    """Else the losses of the others would all come to mean the same."""
    losses = np.concatenate([np.linspace(0.0, 1.0, 20), np.linspace(0.0, 1e-4, 200)])
    alone, among = LogWarp(losses)(0.0)[:20], LogWarp(losses, losses)(0.0)[:20]
    assert np.diff(np.sort(alone))[-5:].max() < 1e-9
    assert np.diff(among).min() > 0.1
    assert LogWarp(losses[:20], losses)(0.0) == pytest.approx(LogWarp(losses[:20])(0.0))


def test_ties_do_not_drive_the_warp_to_its_bound() -> None:
    x = np.random.default_rng(3).random((60, 3))
    losses = np.maximum(np.round(4 * x[:, 0] + 2 * x[:, 1], 1), 2.3)  # many tie at the minimum
    assert (losses == 2.3).sum() > 8
    evidence = Evidence(x, losses, GROUP)
    for packed in np.random.default_rng(4).normal(0.0, 0.5, (3, 6)):
        numeric = approx_fprime(packed, lambda at: evidence(at)[0], 1e-6)
        np.testing.assert_allclose(evidence(packed)[1], numeric, rtol=1e-3, atol=1e-3)
    assert abs(evidence.mode(evidence.mode(None)).warp) < 4.0


@pytest.mark.parametrize("losses", [[1.0] * 6, [0.0, 1e300, -1e300, 5.0, 5.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0, 9.0]])
def test_losses_that_are_all_alike_or_astronomic_make_a_model_too(losses: list[float]) -> None:
    x, y = X[:6], np.array(losses)
    theta = Evidence(x, y, GROUP).mode(None)
    mean, deviation = GaussianProcess(x, LogWarp(y)(theta.warp), GROUP, theta).predict(X)
    assert np.isfinite(mean).all()
    assert (deviation > 0).all()


@pytest.mark.parametrize("huge", [1e4, 1e30, 1.7e308])
@pytest.mark.parametrize("diverged", [1, 24])
def test_losses_that_are_off_by_orders_of_magnitude_leave_the_others_their_differences(
    huge: float, diverged: int
) -> None:
    losses = LOSSES.copy()
    losses[np.argsort(LOSSES)[-diverged:]] = huge
    order = np.argsort(LOSSES)
    for warp in (-1.0, 0.0, 1.0):
        y = LogWarp(losses)(warp)[order]
        assert y[15] - y[0] > 0.01  # in deviations of all; 1e-28 if 1e30 stood as it is
        assert y[-1] - y[0] < 10.0


def test_losses_that_differ_by_little_of_their_size_differ() -> None:
    small = np.array([0.3, 0.1, 0.9, 0.5, 0.2])
    assert LogWarp(1.0 + 1e-12 * small)(0.0) == pytest.approx(LogWarp(small)(0.0), abs=0.01)


def test_running_trials_lower_the_deviation_and_leave_the_mean() -> None:
    y, running = LogWarp(LOSSES)(THETA.warp), RNG.random((3, 3))
    alone, beside = GaussianProcess(X, y, GROUP, THETA), GaussianProcess(X, y, GROUP, THETA, running)
    np.testing.assert_allclose(beside.predict(running)[0], alone.predict(running)[0], atol=1e-6)
    assert (beside.predict(running)[1] < alone.predict(running)[1]).all()


def test_who_proposes_beside_a_promising_trial_that_runs_has_to_beat_what_is_expected_of_it() -> None:
    y, places = LogWarp(LOSSES)(THETA.warp), RNG.random((500, 3))
    alone = GaussianProcess(X, y, GROUP, THETA)
    promising = places[[alone.mean(places).argmin()]]
    beside = GaussianProcess(X, y, GROUP, THETA, promising, np.concatenate([X, promising]))
    assert beside.best == pytest.approx(alone.mean(promising)[0])
    assert beside.best < alone.best
    improvement = [math.exp(model.log_improvement(model.squares(promising))[0]) for model in (alone, beside)]
    assert improvement[1] < 0.5 * improvement[0]
    assert GaussianProcess(X, y, GROUP, THETA, promising).best == alone.best
