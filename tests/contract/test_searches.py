"""What every search owes: valid proposals, the same on every peer, and an end where there is nothing left to try."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import shoal
from shoal import Exhausted, Space
from shoal.contracts import Search
from shoal.history import History
from shoal.proposals import Proposer
from shoal.records import AnyRecord, Definition, Ended, Started, write_params
from shoal.search.auto import Auto
from shoal.search.cmaes import CMAES
from shoal.search.de import DE
from shoal.search.evolution import Evolution
from shoal.search.forest import ForestSearch
from shoal.search.genetic import Genetic
from shoal.search.gp import GP
from shoal.search.grid import Grid
from shoal.search.latin import Latin
from shoal.search.nelder_mead import NelderMead
from shoal.search.pareto import Pareto
from shoal.search.pso import PSO
from shoal.search.random import Random
from shoal.search.sobol import Sobol
from shoal.search.tpe import TPE

Make = Callable[[], Search]
LEARNERS: dict[str, Make] = {
    "auto": Auto, "thrifty auto": partial(Auto, free=0.0), "gp": GP, "tpe": TPE, "forest": ForestSearch,
    "hedged forest": partial(ForestSearch, acquisition="hedge"), "cmaes": CMAES,
    "small cmaes": partial(CMAES, population=4), "separable cmaes": partial(CMAES, separable=True), "de": DE,
    "genetic": Genetic, "small genetic": partial(Genetic, pop_size=5), "evolution": Evolution,
    "small evolution": partial(Evolution, population=12, sample=4), "pareto": Pareto,
    "pso": PSO, "small canonical pso": partial(PSO, kind="canonical", population=4),
    "stateless pso": partial(PSO, kind="stateless"), "nelder_mead": NelderMead,
}  # fmt: skip
FREE = {**LEARNERS, "random": Random, "latin": Latin}  # all but those that follow a fixed order


def over(**searches: Make) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("make", searches.values(), ids=searches.keys())


ENDLESS = over(**FREE, sobol=Sobol)
EVERY = over(**FREE, sobol=Sobol, grid=Grid)
RICH = Space(
    {
        "lr": shoal.loguniform(1e-5, 1.0), "opt": ["sgd", "adam", None], "layers": (1, 4),
        "momentum": shoal.reverseloguniform(0.0, 0.99).when(opt="sgd"), "q": shoal.quniform(0.0, 1.0, 0.1),
        "ql": shoal.qloguniform(0.5, 64.0, 0.5), "u1": shoal.lograndint(8, 256), "n": shoal.normal(0.0, 1.0, -2.0, 3.0),
        "u2": shoal.qlograndint(8, 256, 8).when(layers=shoal.at_least(2)), "ln": shoal.lognormal(0.0, 1.0),
        "o": shoal.ordinal([1, 10, 100], "log"), "f": shoal.finrange(0, 9, 4).when(u2=shoal.at_least(16)), "k": "fixed",
    },
    where="u2 <= u1",
)  # fmt: skip
FINITE = Space(
    {"a": (1, 4), "b": ["x", "y", None], "c": shoal.quniform(0.0, 1.0, 0.5).when(b="x"), "flag": [True, False], "k": 1},
    where="a < 4 or flag == True",
)
CONSTANT = Space({"k": "only"})


class Peer:
    """One peer's history and search; its trials are told as those of a study are."""

    def __init__(self, make: Make, space: Space, seed: int = 0, start: list[dict[str, Any]] | None = None) -> None:
        self.history = History(Definition(name="s", space=space.to_json(), seed=seed, start=start or []))
        self.search = make()
        self.proposer = Proposer(self.history, self.search)
        self.records: list[AnyRecord] = []

    def tell(self, *records: AnyRecord) -> None:
        for record in records:
            self.records.append(record)
            if self.history.fold(record):
                self.search.tell(record)

    def start(self, number: int, attempt: int = 0) -> dict[str, Any]:
        params = self.proposer.propose(number).params
        self.tell(Started(number, write_params(params), "p", 0.0, attempt=attempt))
        return params

    def run(self, numbers: range, loss: Callable[[dict[str, Any]], float] = lambda params: 0.0) -> list[dict[str, Any]]:
        told = []
        for number in numbers:
            told.append(self.start(number))
            self.tell(Ended(number, "done", 0.0, {"loss": loss(told[-1])}))
        return told


def rich_loss(params: dict[str, Any]) -> float:
    return abs(math.log10(params["lr"]) + 3) + params["layers"] + params.get("momentum", 0.5)


@ENDLESS
def test_proposals_lie_in_the_space_whatever_has_been_learnt(make: Make) -> None:
    for params in Peer(make, RICH).run(range(120), rich_loss):
        assert RICH.validate(params) == params


@EVERY
def test_proposals_lie_in_a_finite_space_with_conditions_and_constraints(make: Make) -> None:
    for params in Peer(make, FINITE).run(range(30)):
        assert FINITE.validate(params) == params


@ENDLESS
def test_trials_that_fail_are_lost_or_end_without_a_value_do_no_harm(make: Make) -> None:
    peer = Peer(make, RICH)
    outcomes = ["failed", "lost", "stopped", "paused", "done", "done"]
    for number in range(60):
        params = peer.start(number)
        metrics = {"loss": rich_loss(params)} if number % 6 == 4 else {}
        peer.tell(Ended(number, outcomes[number % 6], 0.0, metrics))  # type: ignore[arg-type]
        assert RICH.validate(params) == params


@EVERY
@pytest.mark.parametrize("seed", [0, 7, -1, 2**63 - 1])
def test_two_peers_with_one_seed_propose_the_same_and_say_why(make: Make, seed: int) -> None:
    one, two = Peer(make, FINITE, seed), Peer(make, FINITE, seed)
    for number in range(20):
        first, second = one.proposer.propose(number), two.proposer.propose(number)
        assert first == second
        assert first.why
        for peer in (one, two):
            peer.run(range(number, number + 1))


@ENDLESS
def test_another_seed_gives_other_proposals(make: Make) -> None:
    assert Peer(make, RICH, 1).run(range(5), rich_loss) != Peer(make, RICH, 2).run(range(5), rich_loss)


@ENDLESS
@pytest.mark.parametrize("ties", [False, True])
def test_a_peer_that_joins_late_or_heard_in_another_order_proposes_the_same(make: Make, ties: bool) -> None:
    """The proposal is a function of number, generator and history, not of the way to that history."""

    def loss(params: dict[str, Any]) -> float:
        return params["layers"] if ties else rich_loss(params)

    watched = Peer(make, RICH, seed=3)
    watched.run(range(60), loss)
    late = Peer(make, RICH, seed=3)
    late.history.fold_all(watched.records)
    late.proposer = Proposer(late.history, late.search)
    shuffled = Peer(make, RICH, seed=3)
    trials = np.random.default_rng(0).permutation(60).tolist()  # a trial's own records always come in order
    shuffled.tell(*[record for trial in trials for record in watched.records[2 * trial : 2 * trial + 2]])
    for number in range(60, 80):
        wanted = watched.proposer.propose(number)
        assert late.proposer.propose(number) == wanted
        assert shuffled.proposer.propose(number) == wanted


@ENDLESS
def test_a_trial_that_begins_anew_is_forgotten_by_watchers_as_by_those_who_join(make: Make) -> None:
    watched = Peer(make, RICH, seed=3)
    watched.run(range(40), rich_loss)
    best = watched.history.best
    assert best is not None
    watched.tell(Started(best, write_params(watched.history.params(best)), "q", 0.0, attempt=1))
    late = Peer(make, RICH, seed=3)
    late.history.fold_all(watched.records)
    late.proposer = Proposer(late.history, late.search)
    for number in range(40, 60):
        assert late.proposer.propose(number) == watched.proposer.propose(number)


@over(**FREE, grid=Grid)
def test_a_finite_space_is_tried_without_repetition_and_then_is_exhausted(make: Make) -> None:
    peer = Peer(make, FINITE)
    size = int(FINITE.size)
    tried = [peer.start(number) for number in range(size)]  # all of them run at once: running trials count
    assert len({str(params) for params in tried}) == size
    with pytest.raises(Exhausted, match=f"all {size} points"):
        peer.proposer.propose(size)


@over(**FREE)
def test_starting_points_are_not_tried_again(make: Make) -> None:
    start = list(FINITE.points())[5:8]
    peer = Peer(make, FINITE, start=start)
    tried = [peer.start(number) for number in range(int(FINITE.size))]
    assert tried[:3] == start
    assert len({str(params) for params in tried}) == FINITE.size
    with pytest.raises(Exhausted):
        peer.proposer.propose(int(FINITE.size))


@over(**FREE)
def test_256_proposals_before_anyone_answers_are_all_different(make: Make) -> None:
    peer = Peer(make, RICH)
    asked = [peer.start(number) for number in range(256)]
    assert len({str(params) for params in asked}) == 256
    assert all(RICH.validate(params) == params for params in asked)


@over(**FREE)
def test_proposals_for_many_peers_differ_when_something_has_been_learnt(make: Make) -> None:
    peer = Peer(make, RICH)
    told = peer.run(range(20), rich_loss)
    asked = [peer.start(number) for number in range(20, 60)]
    assert len({str(params) for params in [*told, *asked]}) == 60


@over(**FREE, sobol=Sobol)
def test_a_finite_space_of_a_million_points_is_searched_without_repetition(make: Make) -> None:
    space = Space({"a": (1, 1000), "b": (1, 1000)})
    tried = Peer(make, space).run(range(40), lambda params: params["a"] + params["b"])
    assert len({str(params) for params in tried}) == 40


@over(**LEARNERS, latin=Latin)
def test_the_one_point_that_is_left_is_proposed(make: Make) -> None:
    peer, points = Peer(make, FINITE), list(FINITE.points())
    for number, params in enumerate(points[:7] + points[8:]):
        peer.tell(Started(number, write_params(params), "other", 0.0))
        peer.tell(Ended(number, "done", 0.0, {"loss": rich_loss({**params, "lr": 1.0, "layers": params["a"]})}))
    assert peer.proposer.propose(len(points) - 1).params == points[7]


def test_genetic_leaves_out_the_points_that_others_are_trying() -> None:
    peer = Peer(Genetic, FINITE)
    others = list(FINITE.points())[:20]
    peer.tell(*[Started(100 + k, write_params(params), "other", 0.0) for k, params in enumerate(others)])
    mine = [peer.start(number) for number in range(int(FINITE.size) - 20)]
    assert len({str(params) for params in [*mine, *others]}) == FINITE.size
    with pytest.raises(Exhausted):
        peer.proposer.propose(99)


@EVERY
def test_a_search_ends_once_every_point_was_tried(make: Make) -> None:
    space = Space({"a": [1, 2], "b": [True, False]})
    peer = Peer(make, space)
    peer.tell(*[Started(k, write_params(params), "other", 0.0) for k, params in enumerate(space.points())])
    with pytest.raises(Exhausted):
        peer.proposer.propose(4)


@EVERY
def test_a_space_of_constants_is_tried_once(make: Make) -> None:
    peer = Peer(make, CONSTANT)
    assert peer.run(range(1)) == [{"k": "only"}]
    with pytest.raises(Exhausted):
        peer.proposer.propose(1)


@EVERY
def test_a_space_of_constants_that_two_peers_tried_at_once_is_exhausted(make: Make) -> None:
    peer = Peer(make, CONSTANT)
    for number in range(3):
        peer.tell(Started(number, write_params({"k": "only"}), "other", 0.0), Ended(number, "done", 0.0, {"loss": 1.0}))
    for number in range(3, 30):
        with pytest.raises(Exhausted):
            peer.proposer.propose(number)


@ENDLESS
def test_one_param_alone_can_be_searched(make: Make) -> None:
    for space in (Space({"x": (0.0, 1.0)}), Space({"n": (0, 10**9)}), Space({"x": shoal.normal(0.0, 1.0)})):
        for params in Peer(make, space).run(range(60), lambda params: next(iter(params.values()))):
            assert space.validate(params) == params


@over(**LEARNERS, latin=Latin)
def test_constraints_that_chance_does_not_meet_are_met_from_a_starting_point_on(make: Make) -> None:
    space = Space(
        {f"x{place}": (0.0, 1.0) for place in range(8)}, where=" + ".join(f"x{p}" for p in range(8)) + " < 0.5"
    )
    peer, late = (Peer(make, space, start=[dict.fromkeys(space.names, 0.05)]) for _ in range(2))
    told = peer.run(range(25), lambda params: -params["x0"])
    late.tell(*peer.records)
    assert late.proposer.propose(25).params == peer.proposer.propose(25).params
    assert all(space.validate(params) == params for params in told)
    assert len({tuple(params.values()) for params in told}) == 25


def test_a_grid_tries_every_point_in_order_on_however_many_peers() -> None:
    space = Space({"a": (1, 3), "k": 0, "b": ["x", "y"]})
    proposed = [Peer(Grid, space).proposer.propose(number).params for number in range(6)]
    assert proposed == [{"a": a, "k": 0, "b": b} for a in (1, 2, 3) for b in ("x", "y")]


def test_a_grid_refuses_what_has_no_end_and_what_is_too_large_to_list() -> None:
    with pytest.raises(shoal.SpaceError, match="x has infinitely many values"):
        Peer(Grid, Space({"x": (0.0, 1.0)}))
    with pytest.raises(shoal.SpaceError, match="may have 200,000 points"):
        Peer(Grid, Space({"a": (1, 1000), "b": (1, 1000)}, where="a < b"))
    assert Peer(Grid, Space({"a": (1, 10**6), "b": (1, 10**6)})).proposer.propose(10**6).params == {"a": 2, "b": 1}


def test_sobol_fills_the_cube_more_evenly_than_chance() -> None:
    """Every one of the 256 strips of each axis holds one of 256 points; by chance 37 % of them would stay empty."""
    peer = Peer(Sobol, Space({"x": (0.0, 1.0), "y": (0.0, 1.0), "z": (0.0, 1.0)}))
    points = np.array([list(peer.proposer.propose(number).params.values()) for number in range(256)])
    for axis in range(3):
        assert len(np.unique(np.floor(points[:, axis] * 256))) == 256


@pytest.mark.parametrize(
    "settings", [{"pop_size": 1}, {"crossover": 1.5}, {"mutation": -1}, {"random": math.nan}, {"sigma": -1}]
)
def test_a_genetic_search_refuses_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(shoal.SpaceError, match="genetic needs"):
        Genetic(**settings)
