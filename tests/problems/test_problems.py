"""What every benchmark problem owes: a true minimum, reached where it says, and the same function every time."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from numpy.typing import NDArray

import shoal
from shoal import ObjectiveError, SpaceError
from shoal.problems import NAMES, Problem, bbob, problem
from shoal.problems.bbob_frame import draw
from shoal.problems.bbob_transforms import oscillate, ramp, rotation, skew
from shoal.problems.classic import CLASSIC, quartic

BBOB = [name for name in NAMES if name.startswith("bbob")]
FREE = ["sphere", "step", "quartic", "rastrigin", "griewank", "schwefel", "rosenbrock", "bisphere", "birastrigin"]
PLANE = ["bukin", "eggcrate", "himmelblau", "keane", "leon"]
every = pytest.mark.parametrize("name", NAMES)
Points = NDArray[np.float64]


def usual(name: str) -> Problem:
    return problem(name, 5 if name in BBOB else None)


def ends(made: Problem) -> tuple[Points, Points]:
    domains = made.space.searched.values()
    return np.array([domain.at(0.0) for domain in domains]), np.array([domain.at(1.0) for domain in domains])


def at(made: Problem, point: Points) -> dict[str, float]:
    return dict(zip(made.space.names, point.tolist(), strict=True))


# ---------------------------------------------------------------------- the contract


@every
def test_the_minimum_is_reached_at_a_point_of_the_space(name: str) -> None:
    made = usual(name)
    params = made.space.validate(at(made, made.argmin))
    assert made(params) == made.function(made.argmin) == pytest.approx(made.minimum, rel=1e-9, abs=1e-9)
    assert made.regret(made(params)) == pytest.approx(0.0, abs=1e-9 * max(1.0, abs(made.minimum)))


@every
def test_no_point_undercuts_the_minimum(name: str) -> None:
    made, rng = usual(name), np.random.default_rng(0)
    low, high = ends(made)
    anywhere = rng.uniform(low, high, (2_000, len(low)))
    distances = 10.0 ** rng.uniform(-12, -1, (2_000, 1))
    near = np.clip(made.argmin + (high - low) * distances * rng.standard_normal((2_000, len(low))), low, high)
    values = np.array([made.function(point) for point in np.vstack([anywhere, near])])
    assert np.isfinite(values).all()
    assert values.min() >= made.minimum - 1e-9
    assert np.ptp(values[:2_000]) > 0


@every
def test_a_name_gives_the_same_function_every_time_and_for_every_process(name: str) -> None:
    made, again = usual(name), usual(name)
    point = made.space.at([0.3] * len(made.space.names))
    assert made(point) == again(point)
    assert made.minimum == again.minimum
    assert made.argmin.tolist() == again.argmin.tolist()
    if name in BBOB:
        assert pickle.loads(pickle.dumps(made.function))(made.argmin) == made.function(made.argmin)


@every
def test_the_space_is_of_floats_named_by_their_place(name: str) -> None:
    made = problem(name, 2)
    assert (made.name, made.space.names) == (name, ("x0", "x1"))
    first, second = 0.1 * ends(made)[0] + 0.9 * ends(made)[1]
    assert made({"x1": second, "x0": first}) == made.function(np.array([first, second]))


@every
def test_the_point_of_the_minimum_cannot_be_changed_by_mistake(name: str) -> None:
    with pytest.raises(ValueError, match="read-only"):
        problem(name, 2).argmin[0] = 1.0


@pytest.mark.parametrize("name", [*FREE, *BBOB])
def test_the_minimum_holds_in_other_dimensions(name: str) -> None:
    for dimensions in (2, 3, 10, 40):
        made = problem(name, dimensions)
        assert len(made.space.names) == len(made.argmin) == dimensions
        assert made.regret(made.function(made.argmin)) == pytest.approx(0.0, abs=1e-9)


def test_a_study_takes_a_problem_as_its_objective() -> None:
    made = problem("rastrigin", 2)
    study = shoal.tune(made, made.space, trials=3, search="random", workers=0, progress=False)
    assert len(study.trials) == 3
    assert all(trial.value == made(trial.params) for trial in study.trials)


# ---------------------------------------------------------------------- values worked out by hand


@pytest.mark.parametrize(
    ("name", "point", "value"),
    [
        ("sphere", [3.0, -4.0], 25.0),
        ("rosenbrock", [0.0, 0.0], 1.0), ("rosenbrock", [2.0, 1.0], 901.0), ("rosenbrock", [1.0, 1.0, 2.0], 100.0),
        ("step", [2.9, -2.9, 0.5, -0.5, 5.0], 5.0), ("step", [-5.0] * 5, -25.0), ("step", [-5.12] * 5, -25.0),
        ("quartic", [1.0, 1.0, -1.0], 6.0), ("quartic", [0.0, 0.5, 0.0], 0.125),
        ("rastrigin", [1.0, 0.0], 1.0), ("rastrigin", [0.5, 0.0], 20.25),
        ("griewank", [0.0, math.pi * math.sqrt(2)], 2 + 2 * math.pi**2 / 4000),
        ("schwefel", [0.0, 0.0], 2 * 418.9828872724338), ("schwefel", [math.pi**2], 418.9828872724338),
        ("bisphere", [2.5, 1.5], 1.0), ("birastrigin", [2.5, 1.5], 1.0), ("birastrigin", [2.5, 2.0], 20.25),
        ("bukin", [-10.0, 1.0], 0.0), ("bukin", [-10.0, 2.0], 100.0), ("bukin", [-5.0, 0.25], 0.05),
        ("eggcrate", [math.pi, 0.0], math.pi**2), ("eggcrate", [math.pi / 2, 0.0], math.pi**2 / 4 + 25),
        ("himmelblau", [0.0, 0.0], 170.0), ("himmelblau", [-2.805118, 3.131312], 0.0),
        ("himmelblau", [-3.779310, -3.283186], 0.0), ("himmelblau", [3.584428, -1.848126], 0.0),
        ("keane", [0.0, math.pi / 2], -2 / math.pi), ("keane", [0.0, 0.0], 0.0), ("keane", [1.0, 1.0], 0.0),
        ("keane", [1.3932490753, 0.0], -0.6736675211), ("leon", [0.0, 1.0], 101.0), ("leon", [2.0, 8.0], 1.0),
    ],
)  # fmt: skip
def test_classic_functions_have_the_values_of_their_formulas(name: str, point: list[float], value: float) -> None:
    dimensions = len(point) if name in FREE else None
    assert problem(name, dimensions).function(np.array(point)) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "dimensions", "reach"),
    [
        ("sphere", 2, 5.12), ("rosenbrock", 2, 2.048), ("step", 5, 5.12), ("quartic", 30, 1.28),
        ("rastrigin", 20, 5.12), ("griewank", 10, 600.0), ("schwefel", 10, 500.0), ("bisphere", 30, 5.12),
        ("birastrigin", 30, 5.12), ("eggcrate", 2, 5.0), ("himmelblau", 2, 6.0), ("bbob_f1", 10, 5.0),
    ],
)  # fmt: skip
def test_the_usual_domains_and_dimensions_are_those_of_the_papers(name: str, dimensions: int, reach: float) -> None:
    low, high = ends(problem(name))
    assert (len(low), set(low), set(high)) == (dimensions, {-reach}, {reach})


def test_the_worse_funnel_of_bisphere_lies_one_a_dimension_higher() -> None:
    width = 1 - math.sqrt(1 / (2 * math.sqrt(50) - 8.2))
    worse = np.full(30, -math.sqrt(5.25 / width))
    assert problem("bisphere").function(worse) == pytest.approx(30.0)


def test_quartic_is_noisy_on_request_and_repeats_with_the_generator_s_seed() -> None:
    noisy, origin = quartic(3, noise=np.random.default_rng(1)), np.zeros(3)
    values = [noisy.function(origin) for _ in range(4_000)]
    again = quartic(3, noise=np.random.default_rng(1))
    assert values[:10] == [again.function(origin) for _ in range(10)]
    # |N(0, 3)| has the mean √(6/π) = 1.382 and the variance 3 - 6/π; five standard errors of 4,000 draws are 0.083
    assert min(values) >= 0
    assert np.mean(values) == pytest.approx(math.sqrt(6 / math.pi), abs=0.083)
    assert quartic(3).function(origin) == 0.0


# ---------------------------------------------------------------------- BBOB


@pytest.mark.parametrize("name", BBOB)
def test_instances_differ_in_optimum_least_value_and_shape(name: str) -> None:
    first, second = problem(name, 5, instance=1), problem(name, 5, instance=2)
    point = np.full(5, 1.5)
    assert first.argmin.tolist() != second.argmin.tolist()
    assert first.minimum != second.minimum
    assert first.regret(first.function(point)) != second.regret(second.function(point))


@pytest.mark.parametrize("function", range(1, 25))
def test_the_rotations_are_orthogonal_and_the_optimum_lies_inside(function: int) -> None:
    for dimensions in (2, 7):
        frame = draw(function, dimensions, np.random.default_rng(function))
        for matrix in (frame.R, frame.Q):
            np.testing.assert_allclose(matrix @ matrix.T, np.eye(dimensions), atol=1e-12)
        assert not np.allclose(frame.R, frame.Q)
        assert np.abs(frame.optimum).max() <= 5.0


def test_rotations_favour_no_direction() -> None:
    rng = np.random.default_rng(0)
    matrices = np.array([rotation(rng, 3) for _ in range(4_000)])
    # each entry has the mean 0 and the variance 1/3: five standard errors of 4,000 draws are 0.046
    assert np.abs(matrices.mean(axis=0)).max() < 0.046
    # each square has the mean 1/3 and the variance 3/15 - 1/9: five standard errors are 0.024
    assert np.abs((matrices**2).mean(axis=0) - 1 / 3).max() < 0.024
    assert 0.4 < np.mean(np.linalg.det(matrices) > 0) < 0.6


def test_the_transforms_have_the_values_of_their_formulas() -> None:
    assert oscillate(np.array([0.0, 1.0, -1.0])).tolist() == [0.0, 1.0, -1.0]
    expected = math.exp(2 + 0.049 * (math.sin(20) + math.sin(15.8)))
    assert oscillate(np.array([math.exp(2)]))[0] == pytest.approx(expected)
    expected = -math.exp(2 + 0.049 * (math.sin(11) + math.sin(6.2)))
    assert oscillate(np.array([-math.exp(2)]))[0] == pytest.approx(expected)
    bent = skew(0.5, np.array([4.0, 4.0, 4.0, -4.0]), np.array([0.0, 0.5, 1.0, 1.0]))
    assert bent.tolist() == pytest.approx([4.0, 4.0**1.5, 4.0**2, -4.0])
    assert ramp(3).tolist() == [0.0, 0.5, 1.0]


def test_the_sphere_of_bbob_is_the_squared_distance_to_its_optimum() -> None:
    made = bbob(1, 4)
    assert made.regret(made.function(made.argmin + np.array([0.0, 3.0, 0.0, -4.0]))) == pytest.approx(25.0)


def test_the_slope_of_bbob_falls_by_1_to_10_a_step_towards_its_corner() -> None:
    made = bbob(5, 3)
    assert np.abs(made.argmin).tolist() == [5.0, 5.0, 5.0]
    steps = np.sign(made.argmin) * np.eye(3)
    assert [made.regret(made.function(made.argmin - step)) for step in steps] == pytest.approx([1.0, 10**0.5, 10.0])
    assert made.regret(made.function(2 * made.argmin)) == pytest.approx(0.0, abs=1e-12)


def test_the_ellipsoid_of_bbob_is_a_thousand_times_as_sensitive_in_its_last_dimension() -> None:
    made = bbob(2, 3)
    steps = [made.regret(made.function(made.argmin + step)) for step in np.eye(3)]
    assert steps == pytest.approx([1.0, 1e3, 1e6])


@pytest.mark.parametrize("function", [8, 9])
def test_one_step_back_in_the_valley_of_rosenbrock_costs_one(function: int) -> None:
    made = bbob(function, 2)
    turn = np.eye(2) if function == 8 else draw(9, 2, _after_the_least_value(9, 2)).R
    assert made.regret(made.function(made.argmin + turn.T @ np.array([-1.0, -1.0]))) == pytest.approx(1.0)


def _after_the_least_value(function: int, dimensions: int) -> np.random.Generator:
    rng = np.random.default_rng([function, dimensions, 1])
    rng.standard_cauchy()
    return rng


@pytest.mark.parametrize(("function", "count"), [(21, 101), (22, 21)])
def test_the_second_highest_peak_of_gallagher_is_9_1_tenths_as_high(function: int, count: int) -> None:
    peaks = draw(function, 40, _after_the_least_value(function, 40)).peaks
    assert peaks is not None
    assert peaks.centers.shape == peaks.scales.shape == (count, 40)
    made = bbob(function, 40)
    expected = float(oscillate(np.array(10.0 - 9.1)) ** 2)
    assert made.regret(made.function(peaks.centers[-1])) == pytest.approx(
        expected
    )  # in 40 dimensions peaks are far apart
    np.testing.assert_allclose(peaks.scales.prod(axis=1), 1.0)


# ---------------------------------------------------------------------- what is refused


def test_a_misspelt_name_lists_the_valid_ones() -> None:
    with pytest.raises(
        ObjectiveError, match=r"unknown problem 'rastrign'; did you mean 'rastrigin'\? .*bbob_f24.*sphere"
    ):
        problem("rastrign")


def test_every_name_is_listed_once() -> None:
    assert len(NAMES) == len(set(NAMES)) == 38
    assert set(FREE) | set(PLANE) == set(CLASSIC)


@pytest.mark.parametrize(
    ("name", "dimensions", "instance", "message"),
    [
        ("keane", 3, 1, "keane has 2 dimensions, got dimensions=3"),
        ("sphere", 0, 1, "sphere needs a whole number of dimensions, 1 or more; got 0"),
        ("rosenbrock", 1, 1, "rosenbrock needs .* 2 or more; got 1"), ("bisphere", 1, 1, "2 or more; got 1"),
        ("bbob_f3", 1, 1, "bbob_f3 needs .* 2 or more; got 1"), ("bbob_f3", 2.5, 1, r"got 2\.5"),
        ("sphere", True, 1, "got True"), ("sphere", 2, 2, "sphere has one instance, got instance=2"),
        ("bbob_f3", 2, -1, "an instance is a whole number, 0 or more; got -1"),
    ],
)  # fmt: skip
def test_dimensions_and_instances_that_a_problem_has_not_are_refused(
    name: str, dimensions: int, instance: int, message: str
) -> None:
    with pytest.raises(SpaceError, match=message):
        problem(name, dimensions, instance)


@pytest.mark.parametrize("function", [0, 25, "f1"])
def test_a_bbob_function_that_there_is_not_is_refused(function: int) -> None:
    with pytest.raises(ObjectiveError, match="the BBOB functions are 1 to 24, got"):
        bbob(function, 2)
