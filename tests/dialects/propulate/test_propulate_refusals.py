"""What Propulate's dialect cannot do is refused in words, before anything is evaluated."""

from __future__ import annotations

import math
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evolving import LIMITS, bowl, default, evolved, islands, outcomes, population

from shoal.dialects.propulate import Islands, Migrator, Pollinator, Propulator, get_default_propagator
from shoal.dialects.propulate.propagators import (
    ActiveCMA,
    CMAPropagator,
    Compose,
    InitUniform,
    IntervalMutationNormal,
    PointMutation,
    Propagator,
    SelectMax,
    SelectMin,
    SelectUniform,
)
from shoal.dialects.propulate.surrogate import StaticSurrogate
from shoal.errors import ShoalError, SpaceError, StudyError


@pytest.mark.parametrize(
    "limits",
    [{}, None, {"x": ()}, {"x": 5}, {"x": (0.0,)}, {"x": (0.0, math.nan)}, {"x": (0.0, math.inf)}, {"x": (1, 2, 3)},
     {"x": ("a", "a")}, {"x": ("a", 1)}, {"x": (True, False)}, {5: (0.0, 1.0)}, {"x": "abc"}],
    ids=repr,
)  # fmt: skip
def test_limits_that_cannot_be_read_are_refused(limits: Any) -> None:
    for make in (lambda: get_default_propagator(4, limits), lambda: islands(propagator=InitUniform(limits))):
        with pytest.raises(SpaceError):
            make()


def test_limits_may_be_in_either_order_and_hold_one_value_or_numpy_s_numbers() -> None:
    limits = {
        "a": (1.0, -1.0),
        "b": (5, 2),
        "c": ("only",),
        "d": (0.5, 0.5),
        "e": (np.int64(3), np.int64(1)),
        "f": [0, 1.5],
    }
    found = population(evolved(lambda params: params["a"], 12, default(limits)))
    assert all(-1 <= one["a"] <= 1 and 2 <= one["b"] <= 5 and 1 <= one["e"] <= 3 for one in found)
    assert {(one["c"], one["d"]) for one in found} == {("only", 0.5)}
    assert {type(one["f"]) for one in found} == {float}


@pytest.mark.parametrize(
    "wrong",
    [{"generations": 1.5}, {"generations": "3"}, {"generations": -2}, {"generations": math.nan}, {"workers": -1},
     {"workers": 1.5}, {"workers": True}, {"num_islands": 0}, {"num_islands": 2.5}, {"num_islands": True},
     {"ranks_per_worker": 0}, {"ranks_per_worker": 2}, {"island_sizes": []}, {"island_sizes": [1.5, 2]},
     {"island_sizes": [0, 2]}, {"island_sizes": "ab"}, {"island_sizes": 5}, {"island_sizes": [3, 3], "workers": 4},
     {"migration_probability": 1.1}, {"migration_probability": math.nan}, {"migration_probability": "often"},
     {"emigration_propagator": PointMutation}, {"emigration_propagator": 1},
     {"immigration_propagator": "worst"}, {"checkpoint_path": "a-file"}, {"checkpoint_path": None}],
    ids=repr,
)  # fmt: skip
def test_wrong_arguments_of_islands_are_refused(wrong: dict[str, Any]) -> None:
    Path("a-file").touch()
    words = {"generations": 3, "num_islands": 2, "checkpoint_path": "ckpt", **wrong}
    with pytest.raises(StudyError, match=next(iter(wrong))):
        Islands(bowl, default(), random.Random(0), **words)


@pytest.mark.parametrize(
    "topology",
    [[[0, 1]], [[1, 1], [1, 1]], [[0, -1], [1, 0]], [[0, 0.5], [1, 0]], [[0, "a"], [1, 0]], np.array([0, 1]), 5,
     "line"],
    ids=repr,
)  # fmt: skip
def test_a_topology_that_is_none_is_refused(topology: Any) -> None:
    with pytest.raises(StudyError, match="topology"):
        islands(num_islands=2, migration_probability=0.5, migration_topology=topology)


def test_a_topology_of_floats_that_are_whole_and_one_by_name_will_do() -> None:
    for place, topology in enumerate((np.array([[0.0, 2.0], [1.0, 0.0]]), "ring")):
        made = evolved(path=f"ckpt{place}", num_islands=2, migration_probability=0.9, migration_topology=topology)
        assert len(made.summarize(top_n=1)) == 2


@pytest.mark.parametrize("factory", [5, lambda: 5, StaticSurrogate()], ids=["5", "gives 5", "made already"])
def test_what_makes_no_surrogates_is_refused(factory: Any) -> None:
    with pytest.raises(StudyError, match="surrogate_factory"):
        islands(surrogate_factory=factory).propulate()


def test_a_folder_that_cannot_be_made_and_a_generator_that_is_none_are_refused() -> None:
    with pytest.raises(StudyError, match="checkpoint_path /proc/none cannot be made"):
        islands(path="/proc/none").propulate()
    with pytest.raises(StudyError, match="rng"):
        Islands(bowl, default(), 42, generations=3, checkpoint_path="ckpt")  # type: ignore[arg-type]


def test_a_run_does_not_go_on_with_limits_that_do_not_go_with_its_individuals() -> None:
    evolved()
    with pytest.raises(SpaceError, match="kind"):
        evolved(propagator=default({**LIMITS, "kind": (0.0, 1.0)}))


@pytest.mark.parametrize("loss", [None, 5, "loss"])
def test_a_loss_function_that_is_none_is_refused(loss: Any) -> None:
    with pytest.raises(StudyError, match="loss_fn"):
        Islands(loss, default(), generations=3, checkpoint_path="ckpt")


@pytest.mark.parametrize(
    "propagator", [None, 5, InitUniform, lambda inds: inds[0]], ids=["none", "5", "class", "function"]
)
def test_what_is_no_propagator_is_refused(propagator: Any) -> None:
    with pytest.raises(SpaceError, match="propagator"):
        Islands(bowl, propagator, generations=3, checkpoint_path="ckpt")


@pytest.mark.parametrize("count", [0, -1, 1.5, "4"])
def test_a_population_that_is_none_is_refused(count: Any) -> None:
    with pytest.raises(StudyError, match="pop_size"):
        default(pop_size=count)
    with pytest.raises(SpaceError, match="count"):
        SelectMin(count)


@pytest.mark.parametrize("sigma", [-1, math.nan, math.inf, "wide"])
def test_a_width_that_is_none_is_refused(sigma: Any) -> None:
    with pytest.raises(StudyError, match="sigma_factor"):
        default(sigma_factor=sigma)


@pytest.mark.parametrize("chance", [-0.1, 1.1, math.nan, "often"])
@pytest.mark.parametrize("name", ["crossover_prob", "mutation_prob", "random_init_prob", "mut_prob"])
def test_a_probability_that_is_none_is_refused(name: str, chance: Any) -> None:
    with pytest.raises(StudyError, match="probability"):
        default(**{name: chance})
    with pytest.raises(SpaceError, match="probability"):
        PointMutation(LIMITS, probability=chance)


def test_an_argument_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="mutate_prob"):
        default(mutate_prob=0.1)


def test_more_points_than_genes_are_refused() -> None:
    with pytest.raises(ValueError, match="4 points"):
        PointMutation(LIMITS, points=4)
    with pytest.raises(ValueError, match="3 points"):
        IntervalMutationNormal(LIMITS, points=3)  # two are numbers


def test_a_search_among_operators_and_a_propagator_without_limits_are_refused() -> None:
    with pytest.raises(SpaceError, match="whole search"):
        islands(propagator=Compose([CMAPropagator(ActiveCMA(), LIMITS), PointMutation(LIMITS)]))
    with pytest.raises(SpaceError, match="no limits"):
        islands(propagator=Propagator())
    with pytest.raises(SpaceError, match="by hand"):
        CMAPropagator(ActiveCMA(), LIMITS)([])


@pytest.mark.parametrize("kind", [Propulator, Migrator, Pollinator])
def test_islands_by_hand_are_refused_where_they_have_no_counterpart(kind: Any) -> None:
    with pytest.raises(StudyError, match="island_idx"):
        kind(bowl, default(), random.Random(0), 1, generations=3, checkpoint_path="ckpt")
    with pytest.raises(StudyError, match="island_counts"):
        kind(bowl, default(), random.Random(0), generations=3, checkpoint_path="ckpt", island_counts=[1.5, 1])


class Touches:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("unpickled"),)


@pytest.mark.parametrize("name", ["island_0_ckpt.pickle", "island_3_ckpt.bkp"])
def test_a_checkpoint_of_propulate_s_is_refused_and_never_read(name: str) -> None:
    Path("ckpt").mkdir()
    Path("ckpt", name).write_bytes(pickle.dumps([Touches()]))
    with pytest.raises(StudyError, match=r"pickle.*another checkpoint_path"):
        islands()
    assert not Path("unpickled").exists()
    assert [path.name for path in Path("ckpt").iterdir()] == [name]


def test_asking_for_a_summary_of_nothing_is_refused() -> None:
    with pytest.raises(StudyError, match=r"call propulate\(\) first"):
        islands().summarize()
    with pytest.raises(StudyError, match="generations is 0"):
        islands(generations=0).evolve()


@pytest.mark.parametrize(("top_n", "shown"), [(-1, 0), (0, 0), (10**6, 5)])
def test_any_number_of_the_best_can_be_asked_for(top_n: int, shown: int) -> None:
    assert len(evolved(generations=5).summarize(top_n)[0]) == shown


def test_a_study_whose_first_evaluations_all_fail_ends_with_the_reason() -> None:
    with pytest.raises(ShoalError, match="ZeroDivisionError"):
        evolved(lambda params: 1 / 0, 20)


def test_a_loss_function_that_changes_its_individual_changes_no_other() -> None:
    def meddles(params: Any) -> float:
        found = bowl(params)
        params["x"], params["more"] = 100.0, 5
        return found

    made = evolved(meddles, 20)
    assert outcomes(made) == ["done"] * 20
    assert all(-1 <= one["x"] <= 1 and set(one) == set(LIMITS) for one in population(made))


@pytest.mark.parametrize("rule", [SelectMin, SelectMax, SelectUniform])
def test_migrants_may_be_the_best_the_worst_or_any(rule: Any) -> None:
    made = evolved(
        generations=20, num_islands=2, migration_probability=1.0, pollination=False, emigration_propagator=rule
    )
    living = made.propulator.study.islands
    assert sorted(number for island in living for number in island) == list(range(20))
