"""The updates of CMA-ES against the package cmaes, and its margins against their promise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cmaes
import numpy as np
import pytest
from scipy.special import ndtr

from shoal.models.cma import Normal, rates
from shoal.models.margin import Choices, keep_moving
from shoal.models.mirror import unfolded
from shoal.space.domain import Array


def told(normal: Normal, reference: Any, population: int, generations: int) -> Normal:
    for _ in range(generations):
        points = [reference.ask() for _ in range(population)]
        losses = [sum(10**place * (x - 0.2) ** 2 for place, x in enumerate(point)) for point in points]
        reference.tell(list(zip(points, losses, strict=True)))
        normal = normal.update(np.array(points)[np.argsort(losses, kind="stable")])
    return normal


@pytest.mark.parametrize(("n", "population"), [(2, 6), (3, 7), (10, 12), (20, 40)])
def test_the_distribution_moves_as_that_of_the_package_cmaes(n: int, population: int) -> None:
    """The package keeps c_μ of the tutorial's version of 2016; it is given the present one, and its weights."""
    reference: Any = cmaes.CMA(mean=np.full(n, 0.5), sigma=0.3, seed=1, population_size=population)
    r = rates(n, population, separable=False)
    for ours, theirs in [(r.c_1, "_c1"), (r.c_c, "_cc"), (r.c_sigma, "_c_sigma"), (r.d_sigma, "_d_sigma")]:
        assert ours == pytest.approx(getattr(reference, theirs), rel=1e-12)
    reference._cmu, reference._weights = r.c_mu, r.weights
    normal = told(Normal.start(np.full(n, 0.5), 0.3), reference, population, 40)
    np.testing.assert_allclose(normal.mean, reference._mean, rtol=1e-6)
    np.testing.assert_allclose(normal.covariance, reference._C, rtol=1e-4, atol=1e-9)
    assert normal.sigma == pytest.approx(reference._sigma, rel=1e-5)


def test_the_separable_form_learns_the_scales_of_the_axes() -> None:
    rng, scales = np.random.default_rng(0), 10.0 ** np.arange(4)
    normal = Normal.start(np.full(4, 0.5), 0.3, separable=True)
    for _ in range(150):
        points = normal.colour(rng.standard_normal((12, 4)))
        normal = normal.update(points[np.argsort(((scales * (points - 0.2)) ** 2).sum(1))])
    np.testing.assert_allclose(normal.mean, 0.2, atol=1e-4)
    ratios = normal.deviations * scales
    assert ratios.max() / ratios.min() < 10  # without scales it would be 1,000


def test_a_point_far_away_is_pulled_in() -> None:
    normal = Normal.start(np.full(3, 0.5), 0.01)
    near = normal.colour(np.random.default_rng(0).standard_normal((8, 3)))
    moved = normal.update(np.concatenate([[[9.0, 9.0, 9.0]], near[1:]]))
    assert np.linalg.norm(moved.mean - normal.mean) < normal.longest * normal.sigma


def test_a_distribution_around_good_points_is_that_of_the_package_cmaes() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((60, 4)) * [1.0, 0.1, 0.01, 1.0]
    losses = points.sum(1)
    mean, sigma, covariance = cmaes.get_warm_start_mgd(list(zip(points, losses, strict=True)), gamma=0.2, alpha=0.05)
    normal = Normal.around(points[np.argsort(losses)[:12]], 0.05)
    np.testing.assert_allclose(normal.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(normal.sigma**2 * normal.covariance, sigma**2 * covariance, rtol=1e-9, atol=1e-12)
    assert normal.sigma == pytest.approx(sigma, rel=1e-12)
    separable = Normal.around(points[np.argsort(losses)[:12]], 0.05, separable=True)
    np.testing.assert_allclose(separable.deviations, normal.deviations, rtol=1e-9)


def mirrored(points: Array) -> Array:
    return 1 - abs(np.mod(points, 2) - 1)


def test_points_that_were_mirrored_are_put_back_as_they_had_been_distributed() -> None:
    """Means of 40,000 are off by five standard errors once in a million times, variances too."""
    count, mean, lengths = 40_000, np.array([0.0, 0.03, 0.98, 0.5]), np.array([1.0, 0.5, 2.0, 1.0])
    normal = replace(Normal.start(mean, 0.1), covariance=np.diag(lengths**2), lengths=lengths)
    rng = np.random.default_rng(3)
    points = mirrored(normal.colour(rng.standard_normal((count, 4))))
    drawn = unfolded(normal, points, rng)
    np.testing.assert_allclose(mirrored(drawn), points, atol=1e-12)
    error = normal.deviations / count**0.5
    assert (abs(points.mean(0) - mean) > 5 * error).tolist() == [True, True, True, False]
    assert (abs(drawn.mean(0) - mean) < 5 * error).all()
    np.testing.assert_allclose(drawn.var(0), normal.deviations**2, rtol=5 * (2 / count) ** 0.5)


def test_a_point_is_put_back_together_with_the_coordinates_that_it_depends_on() -> None:
    """With a correlation of 0.99, both coordinates lie on the same side of their means."""
    covariance = np.array([[1.0, 0.99], [0.99, 1.0]])
    squares, axes = np.linalg.eigh(covariance)
    normal = replace(
        Normal.start(np.array([0.0, 0.5]), 0.1), covariance=covariance, lengths=np.sqrt(squares), axes=axes
    )
    rng = np.random.default_rng(4)
    points = mirrored(normal.colour(rng.standard_normal((1_000, 2))))
    drawn = unfolded(normal, points, rng) - normal.mean
    assert np.corrcoef(points.T)[0, 1] < 0.5
    assert np.corrcoef(drawn.T)[0, 1] > 0.95


def test_what_is_inactive_stands_at_the_mean_and_changes_nothing_else() -> None:
    """With a correlation of 0.95, were it moved, the other coordinate would be moved along more often."""
    covariance = np.array([[1.0, 0.95], [0.95, 1.0]])
    squares, axes = np.linalg.eigh(covariance)
    normal = replace(
        Normal.start(np.array([0.05, 0.05]), 0.1), covariance=covariance, lengths=np.sqrt(squares), axes=axes
    )
    count = 40_000
    points = np.column_stack([np.full(count, 0.1), np.full(count, np.nan)])
    drawn = unfolded(normal, points, np.random.default_rng(5))
    assert (drawn[:, 1] == 0.05).all()
    ahead, back = (normal.distances(np.array([[x, 0.05]]))[0] ** 2 / 2 for x in (0.1, -0.1))
    chance = 1 / (1 + np.exp(back - ahead))
    assert (drawn[:, 0] < 0).mean() == pytest.approx(chance, abs=5 * (chance / count) ** 0.5)


@pytest.mark.parametrize("mean", [0.02, 0.55, 0.52, 0.99])
def test_a_discrete_number_leaves_its_cell_with_the_promised_chance(mean: float) -> None:
    edges, alpha = np.arange(1, 10) / 10, 0.05
    stuck = Normal.start(np.array([mean, 0.5]), 1e-6)
    normal = keep_moving(stuck, [edges, None], alpha)
    m, s = normal.mean[0], normal.deviations[0]
    cell = int(np.searchsorted(edges, m))
    assert cell == int(np.searchsorted(edges, mean))
    below = ndtr((edges[cell - 1] - m) / s) if cell > 0 else 0.0
    above = ndtr((m - edges[cell]) / s) if cell < len(edges) else 0.0
    inside = 0 < cell < len(edges)
    assert below + above == pytest.approx(alpha, rel=0.1)
    assert not inside or min(below, above) >= 0.4 * alpha
    assert normal.deviations[1] == stuck.deviations[1]


def test_choices_learn_which_is_best_and_give_up_none() -> None:
    rng, choices = np.random.default_rng(0), Choices.start([3, 4])
    for _ in range(60):
        drawn = np.stack([rng.choice(len(q), 10, p=q) for q in choices.chances], axis=1).astype(float)
        best_first = drawn[np.argsort(-(drawn == [2, 1]).sum(1), kind="stable")][:5]
        choices = choices.update(best_first, np.full(5, 0.2), alpha=0.05)
    for chance, best in zip(choices.chances, (2, 1), strict=True):
        assert chance.argmax() == best
        assert chance[best] > 0.8
        assert chance.min() >= 0.05 / (len(chance) - 1) - 1e-12
        assert chance.sum() == pytest.approx(1.0)


def test_inactive_choices_say_nothing() -> None:
    start = Choices.start([3])
    moved = start.update(np.array([[np.nan], [np.nan]]), np.array([0.5, 0.5]), alpha=0.05)
    np.testing.assert_allclose(moved.chances[0], 1 / 3)
