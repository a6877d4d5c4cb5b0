"""The searches that follow an order of their own, `grid`, `random`, `sobol` and `latin`: what they do not repeat."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import shoal
from shoal.contracts import Search
from shoal.errors import Exhausted
from shoal.history import History
from shoal.proposals import Proposer
from shoal.records import Definition, Started, write_params
from shoal.search.grid import Grid
from shoal.search.latin import Latin
from shoal.search.random import Random
from shoal.search.sobol import Sobol
from shoal.space import Space

SMALL = {"a": ["x", "y", "z"], "b": (1, 4)}
TIGHT = Space({"a": (0.0, 1.0), "b": (0.0, 1.0)}, where="a + b < 0.02")  # 0.02 % of the square
IN_TIGHT = {"a": 0.002, "b": 0.001}
DEALERS = pytest.mark.parametrize("search", ["grid", "random", "sobol"])


def ask_all(study: shoal.Study, most: int = 100) -> str:
    """Ask and tell until nothing is left to try; returns why."""
    with study:
        for _ in range(most):
            try:
                trial = study.ask()
            except Exhausted as end:
                return str(end)
            study.tell(trial, 1.0)
    return f"there were more than {most} trials"


def distinct(study: shoal.Study) -> tuple[int, int]:
    """How many trials there are, and how many different params."""
    trials = study.trials
    return len(trials), len({str(trial.params) for trial in trials})


@DEALERS
@pytest.mark.parametrize("first", ["tpe", "grid", "random", "sobol"])
def test_a_study_that_another_search_began_is_gone_through_to_the_last_point(
    search: str, first: str, tmp_path: Path
) -> None:
    place: dict[str, Any] = {"store": f"sqlite:///{tmp_path}/study.db", "name": "s", "seed": 1}
    ask_all(shoal.Study(SMALL, search=first, **place), most=5)
    study = shoal.Study(SMALL, search=search, **place)
    assert ask_all(study).endswith("have been tried")
    assert distinct(study) == (12, 12)


@DEALERS
def test_a_space_that_was_widened_is_gone_through_to_the_last_point(search: str, tmp_path: Path) -> None:
    place: dict[str, Any] = {"store": f"sqlite:///{tmp_path}/study.db", "name": "s", "seed": 1, "search": search}
    for space, most, tried in [(SMALL, 7, 7), ({**SMALL, "b": (0, 5)}, 100, 18), ({**SMALL, "b": (0, 6)}, 100, 21)]:
        study = shoal.Study(space, **place)
        ask_all(study, most)
        assert distinct(study) == (tried, tried)


@DEALERS
def test_starting_points_are_not_proposed_again(search: str) -> None:
    start: list[dict[str, Any]] = [
        {"a": "y", "b": 2},
        {"a": "z"},
        {"a": "y", "b": 2.0},
    ]  # the last is tried twice, as it was asked for
    study = shoal.Study(SMALL, search=search, start=start, seed=1)
    assert ask_all(study) == "all 12 points of the {} have been tried".format("grid" if search == "grid" else "space")
    assert distinct(study) == (13, 12)


def test_a_grid_finds_starting_points_among_values_of_every_kind() -> None:
    space = Space(
        {"q": shoal.quniform(0.0, 1.0, 0.1), "c": [1, True, "1"], "o": shoal.ordinal([10, 100], "log"),
         "f": shoal.finrange(0, 9, 4), "n": shoal.qlograndint(8, 32, 8)}
    )  # fmt: skip
    start = [dict(params) for params in space.points()][::97]
    study = shoal.Study(space, search="grid", start=start)
    assert ask_all(study, 2000) == f"all {int(space.size):,} points of the grid have been tried"
    assert distinct(study) == (space.size, space.size)


@DEALERS
def test_peers_that_do_not_read_what_the_others_try_share_what_is_left(search: str) -> None:
    """Three that know the same five trials of another search; the third joins later, and knows what they tried until
    then."""
    plan = Definition(name="s", space=Space(SMALL).to_json(), seed=1)
    makes: dict[str, type[Search]] = {"grid": Grid, "random": Random, "sobol": Sobol}
    others = list(Space(SMALL).points())[5:10]
    begun = [Started(number, write_params(params), "other", 0.0) for number, params in enumerate(others)]

    def peer(known: list[Started]) -> tuple[History, Proposer]:
        history = History(plan)
        history.fold_all(known)
        return history, Proposer(history, makes[search]())

    peers = [peer(begun), peer(begun)]
    for number in range(5, 12):
        if number == 9:
            peers.append(peer(begun))
        history, proposer = peers[number % len(peers)]
        begun.append(Started(number, write_params(proposer.propose(number).params), "p", 0.0))
        history.fold(begun[-1])
        proposer.tell(begun[-1])
    assert len({bytes(record.params) for record in begun}) == 12
    said = "have been tried or are with other peers"
    for _, proposer in peers:
        with pytest.raises(Exhausted, match=said):
            proposer.propose(12)


@pytest.mark.parametrize("search", ["random", "sobol", "latin"])
def test_constraints_that_chance_hardly_meets_are_met_from_a_starting_point_on(search: str) -> None:
    study = shoal.Study(TIGHT, search=search, start=[IN_TIGHT], trials=80, seed=1)
    assert "all of its 80 trials" in ask_all(study)
    assert distinct(study) == (80, 80)
    assert all(TIGHT.allows(trial.params) for trial in study.trials)


@pytest.mark.parametrize("search", [Random, Sobol])
def test_a_peer_that_has_not_heard_of_the_starting_point_goes_on_from_it_too(search: type[Random | Sobol]) -> None:
    space = Space({"a": (0.0, 1.0), "b": (0.0, 1.0)}, where="a + b < 1e-6")
    history = History(Definition(name="s", space=space.to_json(), start=[{"a": 1e-7, "b": 1e-7}]))
    assert space.allows(Proposer(history, search()).propose(7).params)


def test_a_latin_hypercube_refuses_more_rows_than_memory_holds() -> None:
    with pytest.raises(shoal.SpaceError, match=re.escape("rows <= 1,000,000, got 1,000,000,000")):
        Latin(rows=10**9)
    with pytest.raises(shoal.StudyError, match="search 'latin': latin holds all rows in memory"):
        shoal.Study(SMALL, search="latin", settings={"rows": 10**9})
    assert shoal.Study(SMALL, search="latin", settings={"rows": 1_000_000}).space.size == 12
