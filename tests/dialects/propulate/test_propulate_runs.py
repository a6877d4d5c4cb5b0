"""Runs by Propulate's names: on any number of workers, gone on with on others, with parts of one's own."""

from __future__ import annotations

import functools
import importlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from evolving import LIMITS, bowl, default, evolved, islands, outcomes, population, script

from shoal.dialects.propulate import Individual, Migrator, Pollinator, Propulator
from shoal.dialects.propulate.propagators import SelectMax, SelectMin
from shoal.errors import StudyError


@pytest.mark.parametrize("pollination", [True, False], ids=["pollinate", "migrate"])
@pytest.mark.parametrize("count", [1, 3])
def test_a_run_goes_on_with_any_number_of_workers(count: int, pollination: bool) -> None:
    many: dict[str, Any] = {"num_islands": count, "migration_probability": 0.9, "pollination": pollination}
    first = evolved(generations=3, workers=4, **many)
    begun = [(trial.number, trial.params, trial.value) for trial in first.propulator.study.trials]
    for workers, generations, trials in ((None, 15, 15), (2, 9, 18), (5, 4, 20), (1, 5, 20)):
        made = evolved(generations=generations, workers=workers, **many)
        assert outcomes(made) == ["done"] * trials
        assert [(one.number, one.params, one.value) for one in made.propulator.study.trials[:12]] == begun
        if not pollination and count > 1:
            assert sorted(number for living in made.propulator.study.islands for number in living) == list(
                range(trials)
            )


def test_islands_of_given_sizes_go_on_with_other_sizes() -> None:
    evolved(generations=3, workers=4, island_sizes=[3, 1], migration_probability=0.6)
    made = evolved(generations=8, workers=2, island_sizes=[1, 1], migration_probability=0.6)
    assert len(population(made)) == 16


def test_islands_that_are_to_be_others_are_refused() -> None:
    evolved(num_islands=2, migration_probability=0.5)
    for other in ({"num_islands": 3}, {"migration_probability": 0.9}, {"pollination": False}):
        with pytest.raises(StudyError, match="islands"):
            evolved(**{"num_islands": 2, "migration_probability": 0.5, **other})


def test_a_run_that_is_complete_shows_what_was_found_and_evaluates_nothing() -> None:
    best = evolved(generations=10).summarize(top_n=3)

    def never(params: Any) -> float:
        raise AssertionError("evaluated again")

    never.__name__ = "bowl"
    again = evolved(never, 10)
    assert again.summarize(top_n=3) == best


def test_individuals_know_where_they_come_from() -> None:
    made = evolved(generations=4, num_islands=2, migration_probability=0.5)
    found = population(made)
    assert [(one.generation, one.rank) for one in found] == [(place, 0) for place in range(4)]
    assert {one.island for one in found} == {0, 1}
    assert all(one.evalperiod >= 0 and one.evaltime > 1e9 and one.active for one in found)
    assert all(one.position.shape == (5,) for one in found)  # two numbers, three choices


def test_loss_functions_may_be_partial_or_callable_objects_and_take_a_communicator() -> None:
    class Objective:
        def __call__(self, params: Individual) -> Iterator[float]:
            yield bowl(params) + 1
            yield bowl(params)

    def shifted(params: Individual, by: float) -> float:
        return bowl(params) + by

    def together(params: Individual, comm: Any) -> float:
        return float(comm.allreduce(bowl(params)))

    for place, loss in enumerate((Objective(), functools.partial(shifted, by=1.0), together)):
        assert outcomes(evolved(loss, 4, path=f"ckpt{place}")) == ["done"] * 4


def test_a_propulator_of_its_own_evolves_too() -> None:
    run = Propulator(bowl, default(), random.Random(0), generations=10, checkpoint_path="ckpt")
    ((best, second),) = run.evolve(top_n=2, debug=0)
    assert best.loss == min(one.loss for one in run.population) <= second.loss


OWN = """
import random, sys
from shoal.dialects.propulate import Individual, Islands, Surrogate, get_default_propagator
from shoal.dialects.propulate.propagators import *

LIMITS = {"x": (-1.0, 1.0), "n": (1, 5), "kind": ("round", "flat", "steep")}

def loss(params):
    for epoch in range(1, 7):
        yield params["x"] ** 2 + params["n"] + 1 / epoch

class Shrinks(Propagator):
    limits = LIMITS

    def __call__(self, inds):
        best = min(inds, key=lambda one: one.loss)
        return Individual({**best, "x": 0.9 * best["x"]}, LIMITS)

class Compares(Surrogate):
    '''Cancels what is 1 behind the best curve; what it learns by merging counts as much as its own.'''

    def __init__(self):
        self.best, self.run = [], []

    def start_run(self, ind):
        assert set(ind) == set(LIMITS)
        self.run = []

    def cancel(self, loss):
        self.run.append(loss)
        return bool(self.best) and loss > self.best[len(self.run) - 1] + 1.0

    def update(self, loss):
        self.merge(self.run)

    def merge(self, data):
        if data and (not self.best or data[-1] < self.best[-1]):
            self.best = list(data)

    def data(self):
        return self.best

workers = int(sys.argv[1]) or None
rng = random.Random(0)
breed = Compose([SelectMin(3), Shrinks(), PointMutation(LIMITS, probability=0.5, rng=rng)])
propagator = Conditional(4, breed, InitUniform(LIMITS, rng=rng))
islands = Islands(loss, propagator, rng, 16, num_islands=2, migration_probability=0.9, checkpoint_path="ckpt",
                  surrogate_factory=Compares, workers=workers)
best = islands.evolve(top_n=1, debug=0)
found = islands.propulator.population
cancelled = [one for one in found if one.cancelled]
least = min(one["n"] for one in found if not one.cancelled)
assert len(best) == 2 and all(one for one in best)
assert cancelled and all(one["n"] > least for one in cancelled), found
trials = islands.propulator.study.trials
assert any("Shrinks" in trial.why for trial in trials)
assert {trial.reason.split()[0] for trial in trials if trial.outcome == "stopped"} == {"Compares"}
print(len(found), "found")
"""


@pytest.mark.parametrize(("workers", "ranks"), [(0, 0), (4, 0), (0, 4)], ids=["alone", "local", "mpi"])
def test_propagators_and_surrogates_of_one_s_own_work_everywhere(workers: int, ranks: int) -> None:
    done = script(OWN, workers, ranks=ranks)
    assert done.returncode == 0, done.stderr
    assert f"{16 * max(workers, ranks, 1)} found" in done.stdout


def test_a_propagator_of_one_s_own_that_raises_ends_the_run_and_says_where() -> None:
    done = script(OWN.replace("best = min(inds", "best = max(nothing"), 0)
    assert done.returncode != 0
    assert "script.py" in done.stderr
    assert "name 'nothing' is not defined" in done.stderr


TEAMS = """
import random
from mpi4py import MPI
from shoal.dialects.propulate import Islands, get_default_propagator

LIMITS = {"x": (-1.0, 1.0)}

def loss(params, comm):
    assert comm.size == 2
    return comm.allreduce(params["x"] ** 2)

rng = random.Random(MPI.COMM_WORLD.rank)
islands = Islands(loss, get_default_propagator(4, LIMITS, rng=rng), rng, 6, checkpoint_path="ckpt", ranks_per_worker=2)
islands.evolve(debug=0)
found = islands.propulator.population
assert [one.loss for one in found] == [2 * one["x"] ** 2 for one in found]
assert len(found) == 12
"""


def test_ranks_evaluate_individuals_together() -> None:
    done = script(TEAMS, ranks=4)
    assert done.returncode == 0, done.stderr


def test_an_mpi_job_is_told_that_workers_are_for_processes_of_their_own() -> None:
    done = script(OWN, 4, ranks=2)
    assert done.returncode != 0
    assert "workers=4 is for a process of its own" in done.stderr


def test_generations_go_on_where_more_are_asked_for() -> None:
    made = evolved(generations=4)
    assert [len(population(made)), len(population(evolved(generations=9)))] == [4, 9]
    assert len(population(evolved(generations=2))) == 9
    assert LIMITS.keys() == islands().propulator._plan.limits.keys()


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("population", "Individual"),
        ("propulator", "Propulator"),
        ("islands", "Islands"),
        ("migrator", "Migrator"),
        ("pollinator", "Pollinator"),
        ("surrogate", "Surrogate StaticSurrogate DynamicSurrogate"),
        ("propagators.base", "Propagator Stochastic Compose Conditional SelectMin SelectMax SelectUniform InitUniform"),
        ("propagators.ga", "PointMutation RandomPointMutation IntervalMutationNormal CrossoverUniform"),
        ("propagators.ga", "CrossoverMultiple CrossoverSigmoid"),
        ("propagators.cmaes", "ActiveCMA BasicCMA CMAAdapter CMAPropagator"),
        ("propagators.pso", "BasicPSO VelocityClampingPSO ConstrictionPSO CanonicalPSO StatelessPSO InitUniformPSO"),
        ("propagators.nm", "ParallelNelderMead"),
        ("utils", "get_default_propagator set_logger_config"),
        ("utils.benchmark_functions", "get_function_search_space parse_arguments"),
    ],
)
def test_names_are_in_the_modules_that_propulate_has_them_in(module: str, names: str) -> None:
    found = importlib.import_module(f"shoal.dialects.propulate.{module}")
    assert not [name for name in names.split() if not hasattr(found, name)]


@pytest.mark.parametrize(("kind", "policy"), [(Migrator, "migrate"), (Pollinator, "pollinate")])
def test_islands_by_hand_exchange_migrants(kind: Any, policy: str) -> None:
    made = kind(bowl, default(), random.Random(0), generations=20, checkpoint_path=Path("ckpt"), migration_prob=1.0,
                migration_topology=[[0, 1], [1, 0]], island_counts=[1, 1], workers=2)  # fmt: skip
    made.propulate(debug=0)
    living = [number for island in made.study.islands for number in island]
    assert len(living) >= 38
    assert len(made.population) == 40
    assert (len(set(living)) == len(living) == 40) == (policy == "migrate")


def test_a_pollinator_takes_its_arguments_in_the_order_of_propulate_s() -> None:
    places = (0, None, None, None, 20, "ckpt", [[0, 1], [1, 0]], 1.0, SelectMin, SelectMax, None, [1, 1])
    made = Pollinator(bowl, default(), random.Random(0), *places)
    made.propulate(debug=0)
    assert len(made.summarize()) == 2
