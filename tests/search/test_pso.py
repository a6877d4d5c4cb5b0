"""Particle swarms: their equations, their bounds, and what each kind finds."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

import shoal
from shoal.history import History
from shoal.records import Definition, Ended, Started, write_params
from shoal.search.pso import KINDS, PSO, moved, pull
from shoal.search.random import Random
from tests.search.test_learning import MIXED, SEEDS, SPHERE, best, mixed, quantile, sphere

LINE = shoal.Space({"x": (0.0, 10.0)})


def swarm(search: PSO, space: shoal.Space, told: dict[int, tuple[dict[str, Any], float]]) -> History:
    """A search that has been told of some trials, a loss of NaN for one that runs, infinite for one that failed."""
    history = History(Definition(name="s", space=space.to_json()))
    search.begin(history)
    for number, (params, loss) in told.items():
        records: list[Any] = [Started(number, write_params(params), "p", 0.0)]
        if loss == math.inf:
            records.append(Ended(number, "failed", 0.0))
        elif loss == loss:
            records.append(Ended(number, "done", 0.0, {"loss": loss}))
        for record in records:
            history.fold(record)
            search.tell(record)
    return history


def test_the_velocity_is_that_of_the_equation_with_inertia() -> None:
    """0.5 · 0.2 + 2 · 0.25 · 0.4 + 1 · 0.5 · (-0.6) = 0.1 + 0.2 - 0.3."""
    found = moved(pull("basic", 0.5, 2.0, 1.0, 0.6), np.array([0.2]), np.array([0.4]), np.array([-0.6]), 0.25, 0.5)
    assert found == pytest.approx([0.0])


def test_the_constriction_is_that_of_clerc_and_kennedy() -> None:
    """With c₁ + c₂ = 4.1, χ is 0.7298; it shrinks all three parts, and the canonical kind goes no further than 1."""
    way = [np.array([value]) for value in (0.2, 0.4, 5.0)]
    assert moved(pull("constriction", 0.1, 2.05, 2.05, 0.6), *way, 0.5, 1.0) == pytest.approx(
        [0.72984 * (0.2 + 2.05 * 0.5 * 0.4 + 2.05 * 5.0)], rel=1e-5
    )
    assert moved(pull("canonical", 0.1, 2.05, 2.05, 0.6), *way, 0.5, 1.0) == [1.0]


def test_the_clamping_kind_is_no_faster_than_told_and_the_stateless_kind_has_no_inertia() -> None:
    way = [np.array([value]) for value in (-0.9, -0.9, -0.9)]
    assert moved(pull("clamping", 0.7, 1.5, 1.5, 0.25), *way, 1.0, 1.0) == [-0.25]
    assert moved(pull("stateless", 0.7, 2.0, 1.0, 0.25), *way, 0.5, 0.5) == pytest.approx([-0.9 - 0.45])


def test_a_particle_goes_on_from_its_latest_trial_which_may_still_run() -> None:
    """Of particle 1 are trials 1, 3 and 5; it was at 4 and is at 5. Without pull it goes on by half as much."""
    told = {0: ({"x": 9.0}, 3.0), 1: ({"x": 2.0}, 1.0), 3: ({"x": 4.0}, 2.0), 5: ({"x": 5.0}, math.nan)}
    search = PSO(population=2, inertia=0.5, cognitive=0.0, social=1e-12)
    swarm(search, LINE, told)
    proposal = search.ask(7, default_rng(0))
    assert proposal.params["x"] == pytest.approx(5.5)
    assert proposal.why == "particle 1: from trial 5 towards trial 1, the best"


def test_neither_a_failed_trial_nor_one_without_a_value_is_ever_a_best() -> None:
    told = {0: ({"x": 9.0}, math.inf), 1: ({"x": 2.0}, math.nan), 2: ({"x": 4.0}, 7.0), 3: ({"x": 5.0}, math.nan)}
    search = PSO(population=2)
    swarm(search, LINE, told)
    assert "towards trial 2, the best" in search.ask(4, default_rng(0)).why
    assert "towards trial 2, the best" in search.ask(5, default_rng(0)).why


def test_a_particle_that_hits_a_bound_comes_back() -> None:
    """From 8 to 9.5 and on by 1.4: it is mirrored at 10, and then flies the other way."""
    search = PSO(population=2, inertia=0.95, cognitive=0.0, social=1e-12)
    told = {0: ({"x": 8.0}, 2.0), 1: ({"x": 1.0}, 3.0), 2: ({"x": 9.5}, 1.0)}
    swarm(search, LINE, told)
    there = search.ask(4, default_rng(0)).params["x"]
    assert there == pytest.approx(20 - (9.5 + 0.95 * 1.5))
    swarm(search, LINE, {**told, 4: ({"x": there}, 0.0)})
    assert search.ask(6, default_rng(0)).params["x"] == pytest.approx(there + 0.95 * (there - 9.5))
    assert there < 9.5


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_beats_random_on_a_sphere(kind: str) -> None:
    """The median of nine lies below the 5 % quantile of random by chance once in 30,000 runs: C(9, 5) 0.05⁵."""
    found = [best(PSO(kind=kind), SPHERE, sphere, 200, seed) for seed in range(SEEDS)]
    assert np.median(found) < quantile(0.05, 200)


def test_a_swarm_beats_random_where_choices_and_conditions_matter() -> None:
    """Nine pairs with the same seeds: that eight or more are won by chance happens once in 51 runs, all nine in 512."""
    pairs = [(best(PSO(), MIXED, mixed, 200, seed), best(Random(), MIXED, mixed, 200, seed)) for seed in range(SEEDS)]
    assert sum(learnt < drawn for learnt, drawn in pairs) >= 8


def test_a_discrete_number_moves_one_step_as_often_as_small_velocities_add_up_to_one() -> None:
    """A velocity of 0.3 steps moves it 30 times of 100; of 1,000 draws by chance 3σ = 43 more or fewer."""
    space = shoal.Space({"n": (0, 9), "x": (0.0, 1.0)})  # a step is a tenth of the range; x keeps points from being old
    search = PSO(population=2, inertia=0.3, cognitive=0.0, social=1e-12)
    told = {0: ({"n": 4, "x": 0.5}, 1.0), 1: ({"n": 1, "x": 0.2}, 2.0), 2: ({"n": 5, "x": 0.6}, 0.5)}
    swarm(search, space, told)
    steps = [search.ask(4, default_rng(seed)).params["n"] - 5 for seed in range(1_000)]
    assert set(steps) == {0, 1}
    assert abs(sum(steps) - 300) < 44


def test_a_choice_comes_from_where_the_particle_is_drawn_to() -> None:
    """With w = 0 and r₁, r₂ uniform: chances max(1 - r₁ - r₂, 0), r₁ and r₂ of its own, its best's and the best's
    choice; no other but one time in P·d · 5/4, when it is drawn anew."""
    space = shoal.Space({"c": list("abcde"), "x": (0.0, 1.0)})
    search = PSO(kind="stateless", population=100, cognitive=1.0, social=1.0)
    told = {100: ({"c": "a", "x": 0.5}, 3.0), 0: ({"c": "b", "x": 0.2}, 2.0), 1: ({"c": "c", "x": 0.6}, 0.5)}
    swarm(search, space, told)
    drawn = [search.ask(200, default_rng(seed)).params["c"] for seed in range(1_000)]
    share = {choice: drawn.count(choice) / 1_000 for choice in "abcde"}
    assert share["b"] > 0.3
    assert share["c"] > 0.3
    assert 0.05 < share["a"] < 0.3
    assert share["d"] + share["e"] < 0.02


def test_a_swarm_that_stands_still_goes_on_elsewhere_and_never_tries_a_point_twice() -> None:
    told = {number: ({"x": 5.0}, 1.0) for number in range(8)}
    search = PSO(population=2)
    history = swarm(search, LINE, told)
    for number in range(8, 40):
        proposal = search.ask(number, default_rng(number))
        assert proposal.params["x"] not in history.x[: history.length, 0]
        for record in (
            Started(number, write_params(proposal.params), "p", 0.0),
            Ended(number, "done", 0.0, {"loss": 1.0}),
        ):
            history.fold(record)
            search.tell(record)


def test_gaps_in_the_numbers_and_trials_of_others_do_not_stop_a_swarm() -> None:
    """It sees every third number alone, and some trials of others among them."""
    history, search = History(Definition(name="s", space=shoal.Space(SPHERE).to_json())), PSO()
    search.begin(history)
    for number in range(0, 900, 3):
        own = number % 30
        params = search.ask(number, default_rng(number)).params if own else history.space.sample(default_rng(number))
        for record in (
            Started(number, write_params(params), "p", 0.0),
            Ended(number, "done", 0.0, {"loss": sphere(params)}),
        ):
            history.fold(record)
            search.tell(record)
    assert history.best_value is not None
    assert history.best_value < quantile(0.05, 300)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "canonicle"}, "did you mean 'canonical'"), ({"population": 1}, "population >= 2"),
        ({"inertia": math.nan}, "inertia in"), ({"clamping": 0.0}, "clamping and start in"),
        ({"social": math.inf}, "cognitive and social >= 0"), ({"cognitive": 0.0, "social": 0.0}, "not both"),
        ({"kind": "constriction", "cognitive": 2.0, "social": 2.0}, "cognitive [+] social > 4, got 4"),
    ],
)  # fmt: skip
def test_a_swarm_refuses_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(shoal.SpaceError, match=message):
        PSO(**settings)


def test_it_says_which_trials_draw_a_particle() -> None:
    study = shoal.Study(SPHERE, search="pso", settings={"population": 5}, seed=0)
    for _ in range(60):
        trial = study.ask()
        study.tell(trial, sphere(trial.params))
    words = re.compile(r"particle \d: from trial \d+ towards trial \d+, the best(, and its own, trial \d+)?$")
    assert all(words.match(trial.why) for trial in study.trials[5:])
