"""Extremely randomised trees, cut off where their leaves would take chance for truth."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.models.forest import LEAVES, Forest, best_leaf
from shoal.space.domain import Array


def bowl(count: int, noise: float, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x = rng.random((count, 3))
    return x, ((x - 0.4) ** 2).sum(1) + noise * rng.standard_normal(count)


def test_leaves_that_are_not_cut_off_foresee_as_the_forest_does() -> None:
    x, y = bowl(60, 0.1)
    forest = Forest(x, y, np.random.default_rng(1))
    places = np.random.default_rng(2).random((20, 3))
    assert forest.pruned(places, np.array([1]))[:, 0] == pytest.approx(forest.predict(places)[0])


def test_leaves_of_all_points_or_more_foresee_the_mean() -> None:
    x, y = bowl(60, 0.1)
    found = Forest(x, y, np.random.default_rng(1)).pruned(x, np.array([60, 61]))
    assert found == pytest.approx(np.full((60, 2), y.mean()))


def test_with_choices_and_numbers_any_two_points_are_told_apart_after_enough_tries() -> None:
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(2, size=40), rng.random(40)]).astype(float)
    y = rng.random(40)
    assert Forest(x, y, rng, retries=60).predict(x)[0] == pytest.approx(y)


def test_without_noise_a_leaf_holds_one_point_and_with_much_noise_several() -> None:
    def usual(noise: float) -> float:
        return float(np.median([best_leaf(*bowl(100, noise, seed), np.random.default_rng(seed)) for seed in range(9)]))

    assert usual(0.0) == usual(0.02) == 1  # of a bowl that is 0.13 deep, by the deviation
    assert usual(1.0) >= 4


def test_of_outputs_that_are_all_alike_leaves_hold_one_point() -> None:
    x = np.random.default_rng(0).random((30, 2))
    assert best_leaf(x, np.zeros(30), np.random.default_rng(0)) == LEAVES[0]
