"""From a trial's number to its params: the same on every peer."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import shoal
from rules import At
from shoal.contracts import Proposal
from shoal.history import History
from shoal.proposals import Draws, Proposer
from shoal.records import AnyRecord, Definition, Ended, Started, write_params
from shoal.search.random import Random
from told import Told

N = 20_000
SPACE = shoal.Space({"x": (0.0, 1.0), "n": shoal.randint(1, 9, default=4), "k": "c"}, where="x * n < 8")
POINTS = [{"x": 0.5}, {}, {"n": 9, "x": 0.25}]


def proposer(seed: int = 0, search: Any = None, start: list[dict[str, Any]] | None = None) -> Proposer:
    definition = Definition(name="s", space=SPACE.to_json(), seed=seed, start=POINTS if start is None else start)
    return Proposer(History(definition), Random() if search is None else search)


class Fixed:
    """A user's own search: it proposes what it was told to, and remembers the numbers that it was asked for."""

    def __init__(self, params: dict[str, Any]) -> None:
        self.params, self.asked = params, list[int]()

    def begin(self, history: History) -> None: ...

    def tell(self, record: AnyRecord) -> None: ...

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        self.asked.append(number)
        return Proposal(dict(self.params), "fixed")


class Bare(Fixed):
    def ask(self, number: int, rng: np.random.Generator) -> Any:
        return self.params


class Counting:
    """A search of ask and tell alone, which knows its space from its user."""

    def __init__(self, space: shoal.Space) -> None:
        self.space, self.told = space, 0

    def tell(self, record: AnyRecord) -> None:
        self.told += 1

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        return Proposal(self.space.sample(rng), f"after {self.told} records")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"start": [{"x": 0.5, "n": 1}]},
        {"stopping": "asha-promote", "budget": shoal.Budget("epoch", 1, 9)},
        {"stopping": "hyperband", "budget": shoal.Budget("epoch", 1, 9)},
        {"stopping": "pbt", "budget": shoal.Budget("epoch", 1, 9)},
        {"islands": 2},
    ],
)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_search_needs_no_more_than_ask_and_tell(workers: int, options: dict[str, Any]) -> None:
    study = shoal.tune(
        epochs, SPACE, search=Counting(SPACE), trials=12, workers=workers, seed=0, progress=False, **options
    )
    assert len(study.trials) == 12
    assert {trial.outcome for trial in study.trials} <= {"done", "stopped"}
    assert any(re.search(r"after [1-9]\d* records", trial.why) for trial in study.trials)


def epochs(params: dict[str, Any]) -> Iterator[dict[str, float]]:
    for epoch in range(1, 10):
        yield {"epoch": epoch, "loss": params["x"] / epoch}


def test_a_search_that_cannot_be_told_is_refused_with_what_it_lacks() -> None:
    with pytest.raises(shoal.StudyError, match="search must be a name or an object with ask and tell"):
        shoal.Study({"x": (0.0, 1.0)}, search=object())  # type: ignore[arg-type]


def test_a_search_of_ones_own_that_gives_no_proposal_is_told_what_to_give() -> None:
    with pytest.raises(shoal.StudyError, match=r"search Bare gave {'x': 0.5} for trial 3, .* return Proposal"):
        proposer(search=Bare({"x": 0.5}), start=[]).propose(3)


def test_a_class_in_place_of_a_search_is_refused_with_the_way_out() -> None:
    with pytest.raises(shoal.StudyError, match=r"search is the class Fixed; pass an object of it: search=Fixed\(\)"):
        shoal.Study({"x": (0.0, 1.0)}, search=Fixed)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [0, 1, -1, 2**32, 2**63 - 1, 2**64 - 1])
def test_the_draws_of_a_number_are_the_same_however_often_and_in_which_order_it_is_asked_for(seed: int) -> None:
    ahead = {number: Draws(seed).at(number).random(5).tolist() for number in (0, 1, 7, 2**31)}
    shared = Draws(seed)
    for number in (7, 2**31, 0, 7, 1, 0):
        rng = shared.at(number)
        assert rng.random(5).tolist() == ahead[number]
        rng.integers(3, size=3, dtype=np.int8)  # what is left in a buffer must not leak into the next number
        rng.standard_normal()


def test_numbers_and_seeds_have_draws_of_their_own() -> None:
    draws = {tuple(Draws(seed).at(number).random(2)) for seed in range(20) for number in range(200)}
    assert len(draws) == 20 * 200


def test_the_draws_of_neighbouring_numbers_are_independent_and_uniform() -> None:
    draws = Draws(3)
    first, second = np.array([draws.at(number).random(2) for number in range(N)]).T
    margin = 4.5 / math.sqrt(N)  # the correlation of independent columns has a standard deviation of 1/sqrt(N)
    assert abs(np.corrcoef(first, second)[0, 1]) < margin
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < margin
    assert abs(first.mean() - 0.5) < margin / math.sqrt(12)
    places = np.sort(first)
    assert np.max(np.abs(places - (np.arange(N) + 0.5) / N)) < 1.95 / math.sqrt(N)  # Kolmogorov-Smirnov, p = 0.001


def test_the_draws_of_neighbouring_seeds_are_independent() -> None:
    first = np.array([Draws(seed).at(0).random() for seed in range(2_000)])
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < 4.5 / math.sqrt(2_000)


def test_starting_points_come_first_in_their_order_and_completed() -> None:
    tried = [proposer().propose(number) for number in range(4)]
    for number, point in enumerate(POINTS):
        params = tried[number].params
        assert SPACE.validate(params) == params
        assert {name: params[name] for name in point} == point
        assert tried[number].why == f"starting point {number}"
    assert tried[0].params["n"] == 4  # the default, where there is one
    assert tried[3].why == "random"


def test_a_search_counts_its_trials_from_0_after_the_starting_points() -> None:
    search = Fixed({"x": 0.5, "n": 1})
    made = proposer(search=search)
    for number in range(6):
        made.propose(number)
    assert search.asked == [0, 1, 2]


def test_a_proposal_does_not_depend_on_what_was_asked_before() -> None:
    forward, backward = proposer(5), proposer(5)
    there = [forward.propose(number).params for number in range(30)]
    back = [backward.propose(number).params for number in reversed(range(30))]
    assert there == back[::-1]
    assert there != [proposer(6).propose(number).params for number in range(30)]


def test_a_proposal_may_be_changed_without_changing_the_study() -> None:
    made = proposer(start=[{"x": 0.5, "n": 2}])
    made.propose(0).params["x"] = 99.0
    assert made.propose(0).params == {"x": 0.5, "n": 2, "k": "c"}


def test_what_a_users_own_search_proposes_is_checked_and_brought_into_type() -> None:
    params = proposer(search=Fixed({"x": 1, "n": 2.0}), start=[]).propose(0).params
    assert params == {"x": 1.0, "n": 2, "k": "c"}
    assert (type(params["x"]), type(params["n"])) == (float, int)


def test_a_trial_that_was_lost_is_begun_again_with_its_params_and_says_why() -> None:
    told = Told(At(9))
    told.tell(Started(0, write_params({"x": 0.25}), "p", 0.0, "random"))
    told.tell(Ended(0, "lost", 1.0, reason="its process was killed", attempt=0))
    again = told.proposer.propose(0)
    assert (again.params, again.why) == ({"x": 0.25}, "begun again: its process was killed")
    told.tell(Started(0, write_params(again.params), "p", 2.0, again.why, attempt=1))
    trial = told.history.trial(0)
    assert (trial.why, trial.resumed) == ("random", (again.why,))


@pytest.mark.parametrize("params", [{"x": 2.0, "n": 1}, {"x": 0.5}, {"x": 1.0, "n": 9}, {"x": math.nan, "n": 1}, {}])
def test_what_lies_outside_of_the_space_is_refused_from_a_users_own_search(params: dict[str, Any]) -> None:
    with pytest.raises(shoal.SpaceError, match="the search Fixed proposed for trial 0: "):
        proposer(search=Fixed(params), start=[]).propose(0)


def test_a_starting_point_outside_of_the_space_is_refused() -> None:
    with pytest.raises(shoal.SpaceError, match="starting point"):
        proposer(start=[{"x": 7.0}]).propose(0)
