"""Particle swarms and simplices by Propulate's names: within the bounds, with categoricals, on several islands."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from evolving import LIMITS, bowl, evolved, outcomes, population, script

from shoal.dialects.propulate import propagators as props
from shoal.dialects.propulate.propagators import Propagator
from shoal.errors import SpaceError

RNG = random.Random(0)
START = {"x": 0.5, "n": 3, "kind": "flat"}
WHOLES: dict[str, Callable[[Any], Propagator]] = {
    "basic": lambda limits: props.BasicPSO(0.729, 1.49445, 1.49445, 0, limits, RNG),
    "clamping": lambda limits: props.VelocityClampingPSO(0.729, 1.49445, 1.49445, 0, limits, RNG, 0.6),
    "constriction": lambda limits: props.ConstrictionPSO(2.49, 2.49, 0, limits, RNG),
    "canonical": lambda limits: props.CanonicalPSO(2.49, 2.49, 0, limits, RNG),
    "stateless": lambda limits: props.StatelessPSO(0.6, 0.6, 0, limits, RNG),
    "nelder-mead": lambda limits: props.ParallelNelderMead(limits, RNG, START),
}
EVERY = pytest.mark.parametrize("make", WHOLES.values(), ids=WHOLES)


@EVERY
@pytest.mark.parametrize("behind", [False, True])
def test_all_stay_within_the_bounds_take_categoricals_and_find_what_is_good(make: Any, behind: bool) -> None:
    propagator = make(LIMITS)
    if behind:
        propagator = props.Conditional(6, propagator, props.InitUniformPSO(LIMITS, 0, rng=RNG))
    found = population(evolved(bowl, 120, propagator))
    assert len(found) == 120
    assert all(-1 <= one["x"] <= 1 and one["n"] in range(1, 6) and one["kind"] in LIMITS["kind"] for one in found)
    assert min(one.loss for one in found) < 1.2
    assert {one["kind"] for one in found} == set(LIMITS["kind"])


@EVERY
def test_islands_after_the_first_do_not_fail(make: Any) -> None:
    made = evolved(bowl, 30, make(LIMITS), num_islands=3, migration_probability=1.0)
    assert set(outcomes(made)) == {"done"}
    assert {one.island for one in population(made)} == {0, 1, 2}
    assert all(len(best) == 2 for best in made.summarize(top_n=2))


SCRIPT = """
import random
from mpi4py import MPI
from shoal.dialects.propulate import Islands
from shoal.dialects.propulate.propagators import BasicPSO, Conditional, InitUniformPSO

limits = {"x": (-1.0, 1.0), "n": (1, 5)}
rng = random.Random(MPI.COMM_WORLD.rank)
pso = BasicPSO(0.729, 1.49445, 1.49445, MPI.COMM_WORLD.rank, limits, rng)
propagator = Conditional(8, pso, InitUniformPSO(limits, rank=0, rng=rng))
islands = Islands(lambda ind: ind["x"] ** 2 + ind["n"], propagator, rng,
                  generations=40, num_islands=2, migration_probability=0.9, pollination=False)
islands.propulate(debug=0)
best = islands.summarize(top_n=1)
if MPI.COMM_WORLD.rank == 0:
    print(len(islands.propulator.population), len(best), min(one.loss for (one,) in best) < 1.1)
"""


def test_a_swarm_runs_on_islands_of_ranks() -> None:
    done = script(SCRIPT, ranks=4)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["160", "2", "True"]


def test_a_search_of_its_own_is_not_applied_by_hand() -> None:
    with pytest.raises(SpaceError, match="give it to Propulator or Islands"):
        WHOLES["basic"](LIMITS)([])
    with pytest.raises(SpaceError, match="one share of all ranges"):
        props.VelocityClampingPSO(0.7, 1.5, 1.5, 0, LIMITS, RNG, [0.5, 0.6])
    with pytest.raises(SpaceError, match="has 5 places, got 2"):
        props.ParallelNelderMead(LIMITS, RNG, [0.0, 1.0])


def test_a_simplex_begins_where_it_is_told() -> None:
    made = evolved(bowl, 10, WHOLES["nelder-mead"](LIMITS))
    assert dict(population(made)[0]) == START
