"""The steps of a simplex against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.models.simplex import EXPAND, INSIDE, OUTSIDE, REFLECT, SHRINK, VERTEX, Coefficients, Simplex


def triangle() -> Simplex:
    """With losses of 1 at (0, 0), 3 at (2, 0) and 9 at (4, 4); the centroid of the better ones is (1, 0)."""
    points = [np.array([4.0, 4.0]), np.array([0.0, 0.0]), np.array([2.0, 0.0])]
    simplex = Simplex.begin(points, np.array([], dtype=int), Coefficients.adaptive(2))
    for trial, loss in enumerate((9.0, 1.0, 3.0)):
        assert simplex.step == VERTEX
        simplex = simplex.after(loss, trial)
    return simplex


def points(simplex: Simplex) -> list[list[float]]:
    return [vertex.point.tolist() for vertex in simplex.vertices]


def test_in_two_dimensions_the_coefficients_are_the_classic_ones_and_in_ten_those_of_gao_and_han() -> None:
    classic = Coefficients.adaptive(2)
    assert classic == Coefficients(1.0, 2.0, 0.5, 0.5)
    assert Coefficients.adaptive(10) == Coefficients(1.0, 1.2, 0.7, 0.9)
    assert Coefficients.adaptive(1) == classic


def test_the_worst_vertex_is_reflected_and_taken_if_that_is_neither_the_best_nor_the_worst() -> None:
    simplex = triangle()
    assert (simplex.step, simplex.wanted.tolist()) == (REFLECT, [-2.0, -4.0])
    assert points(simplex.after(2.0, 3)) == [[0, 0], [-2, -4], [2, 0]]


@pytest.mark.parametrize(("loss", "kept"), [(-1.0, [-5.0, -8.0]), (0.5, [-2.0, -4.0])])
def test_a_best_reflection_is_expanded_and_the_better_of_the_two_is_kept(loss: float, kept: list[float]) -> None:
    simplex = triangle().after(0.0, 3)
    assert (simplex.step, simplex.wanted.tolist()) == (EXPAND, [-5.0, -8.0])
    assert points(simplex.after(loss, 4))[0] == kept


def test_a_reflection_that_is_the_second_worst_is_contracted_outside() -> None:
    simplex = triangle().after(5.0, 3)
    assert (simplex.step, simplex.wanted.tolist()) == (OUTSIDE, [-0.5, -2.0])
    assert points(simplex.after(5.0, 4))[2] == [-0.5, -2.0]
    assert simplex.after(6.0, 4).step == SHRINK


def test_a_reflection_that_is_worse_than_all_is_contracted_inside() -> None:
    simplex = triangle().after(9.0, 3)
    assert (simplex.step, simplex.wanted.tolist()) == (INSIDE, [2.5, 2.0])
    assert points(simplex.after(8.0, 4))[2] == [2.5, 2.0]


def test_shrinking_moves_all_vertices_but_the_best_towards_the_best() -> None:
    simplex = triangle().after(9.0, 3).after(9.0, 4)
    assert simplex.step == SHRINK
    assert points(simplex) == [[0, 0]]
    assert [point.tolist() for point in simplex.pending] == [[1, 0], [2, 2]]
    whole = simplex.after(50.0, 5).after(40.0, 6)
    assert points(whole) == [[0, 0], [2, 2], [1, 0]]  # whatever their losses
    assert whole.step == REFLECT


def test_bounded_coordinates_stay_within_their_bounds() -> None:
    corners = [np.array([0.9, 0.5]), np.array([0.9, 0.9]), np.array([0.1, 0.5])]
    simplex = Simplex.begin(corners, np.array([0]), Coefficients.adaptive(2))
    for trial, loss in enumerate((1.0, 2.0, 3.0)):
        simplex = simplex.after(loss, trial)
    assert simplex.wanted.tolist() == pytest.approx([1.0, 0.9])


def test_what_may_follow_has_chances_that_add_up_to_one_and_each_leads_elsewhere() -> None:
    for simplex in (triangle(), triangle().after(0.0, 3), triangle().after(5.0, 3), triangle().after(9.0, 3)):
        outcomes = simplex.outcomes()
        assert sum(chance for chance, _ in outcomes) == pytest.approx(1)
        wanted = {str(simplex.after(loss, 9).wanted) for _, loss in outcomes}
        assert len(wanted) == len(outcomes)
