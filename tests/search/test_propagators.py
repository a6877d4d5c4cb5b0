"""Propagators: what each does to members, by its distribution, and that they compose."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

import shoal
from shoal.search.population import Member, Scene
from shoal.search.propagation import Propagation
from shoal.search.propagators import (
    Compose,
    Conditional,
    DifferentialMutation,
    Either,
    IntervalMutation,
    MultipleCrossover,
    PointMutation,
    Propagator,
    SelectMax,
    SelectMin,
    SelectUniform,
    SigmoidCrossover,
    UniformCrossover,
    UniformInit,
)
from shoal.space import Space

SPACE = Space({"x": (0.0, 1.0), "y": (0.0, 1.0), "n": (1, 9), "c": ["a", "b", "c"]})
MEMBERS = [Member([place / 10] * 4, loss=float(place), why=f"trial {place}") for place in (3, 1, 4, 0, 5)]
DRAWS = 2000


@pytest.fixture
def scene() -> Scene:
    return Scene(SPACE, np.random.default_rng(0))


def within(count: int, chance: float, draws: int = DRAWS) -> bool:
    """Whether a count is as likely draws give, within five deviations."""
    return abs(count - draws * chance) <= 5 * math.sqrt(draws * chance * (1 - chance)) + 1e-9


def test_selections_pick_by_loss(scene: Scene) -> None:
    assert [member.loss for member in SelectMin(2)(MEMBERS, scene)] == [0.0, 1.0]
    assert [member.loss for member in SelectMax(2)(MEMBERS, scene)] == [5.0, 4.0]
    assert len(SelectMin(9)(MEMBERS, scene)) == 5
    picked = Counter(member.loss for _ in range(DRAWS) for member in SelectUniform(2)(MEMBERS, scene))
    assert all(within(picked[loss], 2 / 5) for loss in (0.0, 1.0, 3.0, 4.0, 5.0))


def test_one_whose_loss_is_not_known_is_never_the_best(scene: Scene) -> None:
    assert SelectMin(1)([Member([0.0] * 4), *MEMBERS], scene)[0].loss == 0.0


@pytest.mark.parametrize("points", [1, 3, (1, 4)])
def test_point_mutation_draws_as_many_anew_as_it_says(scene: Scene, points: Any) -> None:
    first = Member([2.0] * 4)  # nothing drawn anew lies there
    changed = Counter(
        sum(place != 2.0 for place in PointMutation(points)([first], scene)[0].point) for _ in range(DRAWS)
    )
    least, most = (points, points) if isinstance(points, int) else points
    assert set(changed) == set(range(least, most + 1))
    assert all(within(count, 1 / (most - least + 1)) for count in changed.values())


def test_interval_mutation_moves_numbers_alone_and_stays_inside(scene: Scene) -> None:
    first = Member([0.99, 0.01, 0.5, 0.5])
    moved = np.array([IntervalMutation(0.3, points=3)([first], scene)[0].point for _ in range(DRAWS)])
    assert (moved[:, 3] == 0.5).all(), "a categorical has no neighbours"
    assert ((moved >= 0) & (moved <= 1)).all()
    steps = np.array([IntervalMutation(0.05, points=3)([Member([0.5] * 4)], scene)[0].point for _ in range(DRAWS)])
    assert steps[:, 0].std() == pytest.approx(0.05, rel=0.1)


def test_interval_mutation_can_meet_any_scale(scene: Scene) -> None:
    steps = [
        max(abs(place - 0.5) for place in IntervalMutation(0.1, finer=16)([Member([0.5] * 4)], scene)[0].point)
        for _ in range(DRAWS)
    ]
    median_deviation = 0.1 * 2 ** (-16 / 8)  # u = 1/2
    assert 0.3 * median_deviation < float(np.median(steps)) < 1.5 * median_deviation
    assert min(steps) < 1e-5 < 0.1 < max(steps)


def test_differential_mutation_follows_the_difference_of_two_others(scene: Scene) -> None:
    ahead, behind = Member([0.6, 0.5, 0.5, 0.9]), Member([0.5, 0.7, 0.5, 0.1])
    for _ in range(50):
        moved = DifferentialMutation()([Member([0.5] * 4), ahead, behind], scene)
        (x, y, n, c), first = moved[0].point, moved[0]
        assert len(moved) == 1
        assert n == c == 0.5
        assert (0 < x < 1 and 0 < y < 1) is True
        if abs(x - 0.5) < 0.2:  # not reflected
            assert (y - 0.5) == pytest.approx(-2 * (x - 0.5))
        assert " · (" in first.why


def test_uniform_crossover_mixes_two_and_hands_on_the_rest(scene: Scene) -> None:
    children = [UniformCrossover(mix=0.25)(MEMBERS, scene) for _ in range(DRAWS)]
    assert all([member.loss for member in child[1:]] == [4.0, 0.0, 5.0] for child in children)
    assert within(sum(child[0].point[1] == 0.1 for child in children), 0.25)
    assert within(sum(UniformCrossover(0.3)(MEMBERS, scene)[0] is MEMBERS[0] for _ in range(DRAWS)), 0.7)


def test_multiple_crossover_takes_from_all_parents(scene: Scene) -> None:
    taken = Counter(MultipleCrossover()(MEMBERS, scene)[0].point[0] for _ in range(DRAWS))
    assert set(taken) == {0.0, 0.1, 0.3, 0.4, 0.5}
    assert all(within(count, 1 / 5) for count in taken.values())
    three = MultipleCrossover(parents=3)(MEMBERS, scene)
    assert len(three) == 3


@pytest.mark.parametrize("temperature", [0.5, 2.0])
@pytest.mark.parametrize("worse_first", [True, False])
def test_sigmoid_crossover_favours_the_better_parent(scene: Scene, temperature: float, worse_first: bool) -> None:
    better, worse = Member([0.0] * 4, loss=1.0), Member([1.0] * 4, loss=2.0)
    pair = [worse, better] if worse_first else [better, worse]
    places = [SigmoidCrossover(temperature)(pair, scene)[0].point[0] for _ in range(DRAWS)]
    chance = 1 / (1 + math.exp(-1 / temperature))  # that a param comes from the better one
    assert within(places.count(0.0), chance)


def test_sigmoid_crossover_bears_losses_that_are_far_apart(scene: Scene) -> None:
    pair = [Member([0.0] * 4, loss=-1e308), Member([1.0] * 4, loss=1e308)]
    assert SigmoidCrossover(1e-9)(pair, scene)[0].point == [0.0] * 4
    assert SigmoidCrossover(1e-9)(pair[::-1], scene)[0].point == [0.0] * 4


def test_either_and_conditional_choose(scene: Scene) -> None:
    low, high = SelectMin(1), SelectMax(1)
    chosen = Counter(Either(low, high, 0.2)(MEMBERS, scene)[0].loss for _ in range(DRAWS))
    assert within(chosen[0.0], 0.2)
    assert Conditional(5, low, high)(MEMBERS, scene)[0].loss == 0.0
    assert Conditional(6, low, high)(MEMBERS, scene)[0].loss == 5.0


def test_each_choice_of_a_categorical_can_come_out(scene: Scene) -> None:
    drawn = Counter(SPACE.at(PointMutation(4)(MEMBERS, scene)[0].point)["c"] for _ in range(DRAWS))
    assert all(within(drawn[choice], 1 / 3) for choice in "abc")
    drawn = Counter(SPACE.at(UniformInit()([], scene)[0].point)["c"] for _ in range(DRAWS))
    assert all(within(drawn[choice], 1 / 3) for choice in "abc")


@pytest.mark.parametrize(
    "make",
    [
        lambda: PointMutation(0), lambda: PointMutation((3, 2)), lambda: UniformCrossover(1.5),
        lambda: IntervalMutation(-1.0), lambda: SigmoidCrossover(0.0), lambda: SelectMin(0), lambda: UniformInit(-0.1),
        lambda: IntervalMutation(float("nan")), lambda: Either(SelectMin(1), SelectMin(1), float("nan")),
    ],
)  # fmt: skip
def test_what_no_operator_can_be_is_refused(make: Any) -> None:
    with pytest.raises(shoal.SpaceError, match="needs"):
        make()


class Halfway(Propagator):
    """One of the user's own: between the two best."""

    def __call__(self, members: Any, scene: Scene) -> list[Member]:
        a, b = members[0], members[1]
        return [Member([(p + q) / 2 for p, q in zip(a.point, b.point, strict=True)], why="between the two best")]


def test_propagators_compose_to_a_search_also_with_those_of_one_s_own() -> None:
    breed = Compose([Either(Halfway(), SelectMin(2), 0.5), IntervalMutation(0.1, points=(1, 2))])
    study = shoal.Study({"x": (-1.0, 1.0), "y": (-1.0, 1.0)}, search=Propagation(Conditional(5, breed, UniformInit())))
    whys = set()
    for _ in range(80):
        trial = study.ask()
        whys.add(study._journal.history.why(trial.number).partition(",")[0])
        study.tell(trial, trial.params["x"] ** 2 + trial.params["y"] ** 2)
    assert "between the two best" in whys
    assert study.best.value is not None
    assert study.best.value < 0.02
