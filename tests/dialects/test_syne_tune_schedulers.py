"""Which search, rule and budget each scheduler of Syne Tune becomes."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

import shoal
from shoal import catalog
from shoal.dialects.syne_tune.config_space import choice, loguniform, randint
from shoal.dialects.syne_tune.optimizer import baselines, schedulers
from shoal.dialects.syne_tune.optimizer.scheduler import Scheduler
from shoal.dialects.syne_tune.optimizer.schedulers import multiobjective
from shoal.errors import ShoalError, SpaceError, StudyError

SPACE = {"lr": loguniform(1e-4, 1), "units": randint(1, 9), "act": choice(["relu", "tanh"]), "epochs": 27}
ONE = {"metric": "loss", "mode": "min"}
MANY = {**ONE, "resource_attr": "epoch", "max_resource_attr": "epochs"}


@pytest.mark.parametrize(
    ("name", "options", "search", "rule"),
    [
        ("RandomSearch", ONE, "random", None), ("GridSearch", ONE, "grid", None),
        ("BayesianOptimization", ONE, "gp", None), ("BoTorch", ONE, "gp", None), ("BOTorch", ONE, "gp", None),
        ("KDE", ONE, "tpe", None), ("TPE", ONE, "tpe", None), ("BORE", ONE, "forest", None),
        ("CQR", ONE, "forest", None), ("REA", ONE, "evolution", None), ("ASHA", MANY, "random", "asha"),
        ("ASHABORE", MANY, "forest", "asha"), ("ASHACQR", MANY, "forest", "asha"), ("BOHB", MANY, "tpe", "asha"),
        ("MOBSTER", MANY, "gp", "asha"), ("MOBSTER", {**MANY, "type": "promotion"}, "gp", "asha-promote"),
        ("HyperTune", {**MANY, "brackets": 4}, "gp", "asha"), ("DyHPO", MANY, "gp", "freeze"),
        ("PASHA", MANY, "random", "pasha"), ("SyncHyperband", MANY, "random", "hyperband"),
        ("SyncBOHB", MANY, "tpe", "hyperband"), ("SyncMOBSTER", MANY, "gp", "hyperband"),
        ("DEHB", MANY, "de", "hyperband"),
    ],
)  # fmt: skip
def test_a_scheduler_is_a_search_and_a_rule_that_there_are(
    name: str, options: dict[str, Any], search: str, rule: str | None
) -> None:
    scheduler = getattr(baselines, name)(SPACE, **options)
    assert (scheduler.search, scheduler.stopping) == (search, rule)
    assert catalog.search(scheduler.search, scheduler.settings)
    if rule is not None:
        assert catalog.stopping(rule, scheduler.stopping_settings)
        assert scheduler.budget == shoal.Budget("epoch", 1, 27)
    assert str(scheduler).startswith(f"{name.replace('BOT', 'BoT')} is Shoal's search '{search}'")


def test_what_is_given_by_its_place_is_the_same() -> None:
    scheduler = baselines.ASHA(SPACE, "accuracy", "samples", 81, do_minimize=False, grace_period=3, reduction_factor=4,
                               brackets=2, random_seed=7)  # fmt: skip
    assert scheduler.budget == shoal.Budget("samples", 3, 81)
    assert scheduler.stopping_settings == {"eta": 4, "brackets": 2}
    assert (scheduler.goal, scheduler.metric_mode(), scheduler.seed) == ("maximize", "max", 7)
    assert baselines.TPE(SPACE, "loss", False, 3, num_candidates=9).settings == {"candidates": 9}
    assert baselines.RandomSearch(SPACE, metrics=["loss"]).metric == "loss"
    assert baselines.BayesianOptimization(SPACE, "loss", search_options={"num_init_random": 3}).settings == {
        "design": 3
    }


def test_schedulers_that_are_given_a_searcher() -> None:
    fifo = schedulers.FIFOScheduler(SPACE, metric="loss", mode="max", searcher="bore")
    assert (fifo.search, fifo.settings, fifo.goal) == ("forest", {"acquisition": "EI"}, "maximize")
    both = schedulers.HyperbandScheduler(SPACE, searcher="kde", type="promotion", **MANY)
    assert (both.search, both.stopping) == ("tpe", "asha-promote")
    median = schedulers.MedianStoppingRule(baselines.KDE(SPACE, **ONE), resource_attr="epoch", grace_time=3)
    assert (median.search, median.stopping) == ("tpe", "percentile")
    assert median.stopping_settings == {"percentile": 50.0, "competitors": 5, "warmup": 3.0}
    pbt = schedulers.PopulationBasedTraining(SPACE, "loss", "epoch", 9, population_size=6, perturbation_interval=2)
    assert pbt.stopping_settings == {"population": 6, "interval": 2}


def test_starting_points_are_completed_by_the_middle_of_the_space() -> None:
    start = baselines.RandomSearch(SPACE, points_to_evaluate=[{"units": 3}, {}], **ONE).start
    assert start[0]["units"] == 3
    assert start[1] == {"lr": pytest.approx(0.01), "units": 5, "act": "relu", "epochs": 27}


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: baselines.RandomSearch(SPACE), "needs metric"),
        (lambda: baselines.KDE(SPACE, metrics=["a", "b"]), "MOASHA, EHVI, NSGA2"),
        (lambda: baselines.EHVI(SPACE, metrics=["a", "a"]), "named twice"),
        (lambda: baselines.EHVI(SPACE, metrics=["a", "b"], mode=["min"]), "each metric needs its mode"),
        (lambda: baselines.NSGA2(SPACE, metric=["a", "b"], population_size=20), "population_size=20"),
        (lambda: multiobjective.MOASHA(SPACE, ["a", "b"], multiobjective_priority=dict), "multiobjective_priority="),
        (lambda: multiobjective.MOASHA(SPACE, ["a", "b"], brackets=3), "brackets=3"),
        (lambda: baselines.RandomSearch(SPACE, "loss", mode="maximum"), "mode is 'min' or 'max'"),
        (lambda: baselines.RandomSearch(SPACE, "loss", mode="min", do_minimize=False), "contradict"),
        (lambda: baselines.RandomSearch(SPACE, "loss", opt_nstarts=3), r"opt_nstarts=3\) of Syne Tune has no"),
        (lambda: baselines.BORE(SPACE, "loss", search_options={"gamma": 0.1}), "gamma"),
        (lambda: baselines.RandomSearch(SPACE, "loss", search_options={"allow_duplicates": True}), "nothing twice"),
        (lambda: baselines.ASHA(SPACE, "loss"), "needs max_t"),
        (lambda: baselines.ASHA(SPACE, "loss", max_resource_attr="lr"), "needs max_t"),
        (lambda: baselines.ASHA(SPACE, "loss", "epoch", 9, max_t=9), "given twice"),
        (lambda: baselines.ASHA(SPACE, "loss", "epoch", 9, True), "by name"),
        (lambda: baselines.ASHA(SPACE, "loss", "epoch", 0), "least <= most"),
        (lambda: baselines.ASHA(SPACE, type="rush_stopping", **MANY), "type='rush_stopping'"),
        (lambda: baselines.PASHA(SPACE, brackets=3, **MANY), "brackets=3"),
        (lambda: baselines.ASHA(SPACE, rung_levels=[1, 2], **MANY), "grace_period"),
        (lambda: baselines.ASHA(SPACE, searcher_data="all", **MANY), "every rung"),
        (lambda: schedulers.FIFOScheduler(SPACE, metric="loss", searcher="magic"), "searcher='magic'"),
        (lambda: schedulers.MedianStoppingRule(baselines.ASHA(SPACE, **MANY), "epoch"), "stops no trials"),
        (lambda: schedulers.MedianStoppingRule(baselines.KDE(SPACE, **ONE), "seconds"), "time_attr='seconds'"),
        (lambda: schedulers.MedianStoppingRule(baselines.KDE(SPACE, **ONE), "epoch", running_average=False), "leave"),
        (lambda: schedulers.PopulationBasedTraining(SPACE, custom_explore_fn=dict, **MANY), "extending"),
    ],
)  # fmt: skip
def test_what_cannot_be_translated_is_refused_with_the_reason(make: Any, reason: str) -> None:
    with pytest.raises(StudyError, match=reason):
        make()


def test_a_space_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(SpaceError):
        baselines.RandomSearch({}, "loss")


@pytest.mark.parametrize("place", ["baselines", "legacy_baselines", "schedulers.multiobjective"])
def test_several_metrics_are_searched_by_their_pareto_front_and_weighted_sums_are_refused(place: str) -> None:
    module = importlib.import_module(f"shoal.dialects.syne_tune.optimizer.{place}")
    for name in ("EHVI", "NSGA2", "MOREA", "MORandomScalarizationBayesOpt"):
        scheduler = getattr(module, name)(SPACE, metric=["loss", "accuracy"], mode=["min", "max"])
        assert (scheduler.search, scheduler.settings) == ("pareto", {"others": {"accuracy": "maximize"}})
        assert (scheduler.metric_names(), scheduler.metric_mode()) == (["loss", "accuracy"], ["min", "max"])
    with pytest.raises(ShoalError, match=r"MOLinearScalarizationBayesOpt of Syne Tune .* report the weighted sum"):
        module.MOLinearScalarizationBayesOpt  # noqa: B018
    assert not hasattr(module, "NoSuchThing")


def test_moasha_stops_by_the_pareto_front_at_each_rung_and_says_so() -> None:
    scheduler = multiobjective.MOASHA(SPACE, ["loss", "seconds"], time_attr="epoch", max_t=9, reduction_factor=2)
    assert (scheduler.search, scheduler.stopping) == ("random", "asha-pareto")
    assert scheduler.stopping_settings == {"eta": 2, "others": {"seconds": "minimize"}}
    assert catalog.stopping("asha-pareto", scheduler.stopping_settings)
    assert scheduler.metric_mode() == "min"
    assert str(scheduler) == (
        "MOASHA is Shoal's search 'random' with the rule 'asha-pareto', eta 2, others {'seconds': 'minimize'}, budget "
        "epoch 1 to 9"
    )


def test_a_list_in_a_config_space_is_a_constant() -> None:
    space = {"layers": [8, 4], "ends": (1, 2), "lr": loguniform(1e-4, 1)}
    scheduler: Scheduler = baselines.RandomSearch(space, "loss")
    assert scheduler.space.names == ("lr",)
