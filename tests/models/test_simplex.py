"""The moves of a simplex against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.models.simplex import EXPAND, FURTHER, INSIDE, OUTSIDE, REFLECT, Coefficients, Simplex

CLASSIC = Coefficients.adaptive(2)
TRIANGLE = Simplex.of(np.array([[4.0, 4.0], [0.0, 0.0], [2.0, 0.0]]), [9.0, 1.0, 3.0], [5, 6, 7])


def test_in_two_dimensions_the_coefficients_are_the_classic_ones_and_in_ten_those_of_gao_and_han() -> None:
    assert Coefficients(1.0, 2.0, 0.5, 0.5) == CLASSIC
    assert Coefficients.adaptive(10) == Coefficients(1.0, 1.2, 0.7, 0.9)
    assert Coefficients.adaptive(1) == CLASSIC


def test_the_best_vertex_comes_first_and_of_equals_the_earlier_trial() -> None:
    assert TRIANGLE.numbers == (6, 7, 5)
    assert Simplex.of(np.zeros((3, 2)), [1.0, 0.0, 1.0], [9, 3, 4]).numbers == (3, 4, 9)


@pytest.mark.parametrize(
    ("move", "where"),
    [(REFLECT, [-2, -4]), (EXPAND, [-5, -8]), (OUTSIDE, [-0.5, -2]), (INSIDE, [2.5, 2])],
)
def test_the_worst_vertex_moves_about_the_centroid_of_the_others(move: str, where: list[float]) -> None:
    """It is (4, 4), and the centroid (1, 0)."""
    assert TRIANGLE.moved(2, CLASSIC.along(move)) == pytest.approx(where)


def test_a_best_vertex_that_was_reflected_goes_on_to_where_the_expansion_of_the_worst_would_be() -> None:
    reflected = Simplex.of(np.array([[-2.0, -4.0], [0.0, 0.0], [2.0, 0.0]]), [0.0, 1.0, 3.0], [8, 6, 7])
    assert reflected.moved(0, CLASSIC.along(FURTHER)) == pytest.approx(TRIANGLE.moved(2, CLASSIC.along(EXPAND)))


def test_shrinking_moves_towards_the_best_vertex() -> None:
    assert TRIANGLE.shrunk(2, 0.5) == pytest.approx([2.0, 2.0])
    assert TRIANGLE.shrunk(1, 0.5) == pytest.approx([1.0, 0.0])


def test_several_vertices_that_are_reflected_at_once_keep_the_volume() -> None:
    points = np.random.default_rng(0).random((6, 5))
    simplex = Simplex.of(points, list(range(6)), list(range(6)))
    for moving in (1, 2, 3):
        after = simplex.points.copy()
        for vertex in range(6 - moving, 6):
            after[vertex] = simplex.moved(vertex, 1.0, moving)
        before, now = (abs(np.linalg.det(vertices[1:] - vertices[0])) for vertices in (simplex.points, after))
        assert now == pytest.approx(before)
