"""Kernel densities, forests, ties and expected improvement: each against what it must be by definition."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import shoal
from shoal.models.acquisition import log_expected_improvement
from shoal.models.features import Cuts
from shoal.models.forest import Forest
from shoal.models.parzen import Parzen
from shoal.models.success import log_success
from shoal.models.ties import Ties
from shoal.space import Params, Space
from shoal.space.cube import Cube
from shoal.space.domain import Array

CUBE = Cube(Space({"x": (0.0, 1.0), "c": ["a", "b", "c"], "y": shoal.uniform(0.0, 1.0).when(c="a")}))


@pytest.mark.parametrize("z", [3.0, 0.5, -0.9, -1.1, -4.0])
def test_expected_improvement_is_its_integral(z: float) -> None:
    wanted = quad(lambda f: max(z - f, 0.0) * norm.pdf(f), -12.0, max(z, -11.0), epsabs=1e-14)[0]
    assert log_expected_improvement(np.zeros(1), np.ones(1), z)[0] == pytest.approx(np.log(wanted), rel=1e-4)


def test_expected_improvement_falls_without_end_and_without_a_jump() -> None:
    z = -np.geomspace(0.01, 1e8, 5_000)
    found = log_expected_improvement(-z, np.ones(len(z)), 0.0)
    assert np.isfinite(found).all()
    assert (np.diff(found) < 0).all()
    far = z < -100
    np.testing.assert_allclose(found[far], -0.5 * z[far] ** 2, rtol=3e-3)


def test_a_density_has_mass_one_and_its_samples_follow_it() -> None:
    rng = np.random.default_rng(0)
    told = CUBE.snap(rng.random((12, 3)) ** 2)
    density = Parzen(told, CUBE)
    uniform = CUBE.snap(rng.random((40_000, 3)))
    mass = np.exp(density.log_density(uniform))
    assert mass.mean() == pytest.approx(1.0, abs=4 * mass.std() / 200)  # 200: the root of how many there are
    drawn = CUBE.snap(density.sample(40_000, rng))
    for inside in (lambda p: p[:, 0] < 0.2, lambda p: p[:, 1] < 0.3, lambda p: (p[:, 0] > 0.5) & (p[:, 1] > 0.6)):
        assert inside(drawn).mean() == pytest.approx((mass * inside(uniform)).mean(), abs=0.02)


def test_the_chance_of_success_is_that_of_the_param_that_tells_the_least_of_it() -> None:
    """Four trials, of which the two with choice b fail: their share counts as one trial more."""
    a, b, c = ({"x": 0.5, "c": "a", "y": 0.5}, {"x": 0.5, "c": "b"}, {"x": 0.5, "c": "c"})
    told, failed = points(a, b, b, c), np.array([False, True, True, False])
    wanted = [2.5 / 5, 0.5 / 3, 1.5 / 4]  # by x, of all; by c, of two that failed; by y that is absent, of three
    np.testing.assert_allclose(np.exp(log_success(points(a, b, c), told, failed, CUBE)), wanted)
    far = log_success(points({"x": 1.0, "c": "c"}), told[:3], failed[:3], CUBE)
    assert far[0] == pytest.approx(np.log((1 / 3) / 3))


def points(*params: Params) -> Array:
    return np.concatenate([CUBE.of_params(each) for each in params])


def test_a_forest_tells_any_two_points_apart() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((200, 4)), 1e-6 * rng.random(200)  # tiny differences count like large ones
    forest = Forest(x, y, rng)
    mean, _ = forest.predict(x)
    np.testing.assert_allclose(mean, y, rtol=1e-6)


def test_a_forest_finds_the_param_that_matters_and_doubts_where_it_knows_nothing() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((300, 5)) * [0.5, 1, 1, 1, 1]
    forest = Forest(x, 10 * x[:, 2] + x[:, 0], rng)
    low, high = (forest.predict(np.tile([0.25, 0.5, level, 0.5, 0.5], (1, 1)))[0][0] for level in (0.1, 0.9))
    assert high - low == pytest.approx(8.0, abs=1.5)
    between, told = np.full((1, 5), 0.5), x[:1]
    assert forest.predict(between)[1][0] > forest.predict(told)[1][0]


def test_trees_tell_hundred_choices_apart_by_a_few_coordinates() -> None:
    space = Space({"c": [f"v{k}" for k in range(100)], "d": shoal.choice([*range(100)]).when(c="v7"), "e": ["a", "b"]})
    cube, rng = Cube(space), np.random.default_rng(0)
    points = cube.snap(np.column_stack([(np.arange(100) + 0.5) / 100, rng.random(100), np.full(100, 0.25)]))
    coordinates = Cuts(cube, rng)(points)
    assert coordinates.shape == (100, 10)  # 202 if each choice had its own
    assert len(np.unique(coordinates[:, :4], axis=0)) == 100
    inactive = np.isnan(points[:, 1])
    assert inactive.sum() == 99
    assert (coordinates[inactive, 4:8] < 0).all()
    assert (coordinates[~inactive, 4:8] >= 0).all()


def test_neighbours_of_tied_trials_are_no_news_and_far_places_are() -> None:
    x = np.linspace(0.0, 1.0, 21)[:, None]
    steps = np.floor(4 * x[:, 0])
    ties = Ties(x, steps, np.zeros(21, dtype=bool))
    near, far = ties.log_novelty(np.array([[1e-4**2, 1.0], [0.3**2, 1.0]]))
    assert near < -2 < -0.7 < far
    assert not Ties(x, x[:, 0], np.zeros(21, dtype=bool)).reach  # no ties, no effect
    assert not Ties(x, steps, np.ones(21, dtype=bool)).reach  # failed trials share a loss, but do not tie
