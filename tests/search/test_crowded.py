"""Searches beside many trials that run at the same time."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from numpy.random import default_rng

import shoal
from shoal.history import History
from shoal.records import Definition, Ended, Started, write_params
from shoal.search.gp import GP
from shoal.space import Params

SPACE = shoal.Space({"x": (0.0, 1.0), "y": (0.0, 1.0)})


def loss(params: Params) -> float:
    """Hills and hollows, of which one is the deepest."""
    x, y = params["x"], params["y"]
    return math.sin(13 * x) * math.sin(11 * y + 1) + (x - 0.5) ** 2


def crowded(gp: GP, ended: int, running: int) -> History:
    """A study in which so many trials ended, and so many run."""
    history = History(Definition(name="s", space=SPACE.to_json()))
    gp.begin(history)
    rng = default_rng(0)
    for number in range(ended + running):
        begin(history, gp, number, SPACE.sample(rng))
        if number < ended:
            end = Ended(number, "done", 0.0, {"loss": loss(history.params(number))})
            history.fold(end)
            gp.tell(end)
    return history


def begin(history: History, gp: GP, number: int, params: Params) -> None:
    start = Started(number, write_params(params), "p", 0.0)
    history.fold(start)
    gp.tell(start)


def test_a_gaussian_process_beside_thousands_of_running_trials_takes_the_memory_of_those_that_it_holds() -> None:
    """A covariance of all 3,060 trials would take 75 MB, and there are several; one of 110 takes 0.1 MB."""
    gp = GP(most=50)
    crowded(gp, 60, 3_000)
    tracemalloc.start()
    gp.ask(3_060, default_rng(1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50e6


def test_a_gaussian_process_that_holds_but_some_of_what_runs_proposes_what_is_new_and_better() -> None:
    """Of sixty proposals in a row, none of which ends, each minds those before it."""
    gp = GP(most=50)
    history = crowded(gp, 40, 100)
    for number in range(140, 200):
        begin(history, gp, number, gp.ask(number, default_rng(number)).params)
    points = history.x[:200]
    assert len(np.unique(points, axis=0)) == 200
    losses = [loss(history.params(number)) for number in range(200)]
    assert min(losses[140:]) < min(losses[:140])
    assert np.median(losses[140:]) < np.quantile(losses[:140], 0.05)  # most proposals are among the best


@pytest.mark.parametrize("search", ["de", "cmaes"])
def test_a_population_that_has_converged_in_a_large_finite_space_goes_on_elsewhere(search: str) -> None:
    study = shoal.Study({"a": (0, 999), "b": (0, 999)}, search=search, seed=0)
    for _ in range(700):
        trial = study.ask()
        study.tell(trial, abs(trial.params["a"] - 370) + abs(trial.params["b"] - 600))
    assert len({tuple(trial.params.values()) for trial in study.trials}) == 700
