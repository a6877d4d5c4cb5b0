"""Searches, evaluators, jobs and stoppers by DeepHyper's names: what they do, and what they refuse."""

from __future__ import annotations

import asyncio
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal import ShoalError
from shoal.dialects.deephyper import (
    AMBS,
    CBO,
    ConstantStopper,
    Evaluator,
    HpProblem,
    IdleStopper,
    LCModelStopper,
    LoggerCallback,
    MedianStopper,
    RandomSearch,
    RegularizedEvolution,
    SearchEarlyStopping,
    SuccessiveHalvingStopper,
    TqdmCallback,
    profile,
)
from shoal.dialects.deephyper import configspace as cs
from shoal.dialects.deephyper.settings import model_based
from shoal.study import Study


def square(job: Any) -> float:
    return float(-(job.parameters["x"] ** 2))


def problem() -> HpProblem:
    made = HpProblem()
    made.add_hyperparameter((-10.0, 10.0), "x")
    return made


def definition(search: Any) -> Any:
    return search.study._journal.history.definition


# ---------------------------------------------------------------------- searching


@pytest.mark.parametrize("kind", [CBO, AMBS, RandomSearch, RegularizedEvolution])
def test_a_search_makes_exactly_as_many_evaluations_and_returns_the_table(kind: Any, folder: Path) -> None:
    found = kind(problem(), random_state=1).search(Evaluator.create(square), max_evals=12)
    assert list(found) == ["p:x", "objective", "job_id", "job_status", "m:timestamp_submit", "m:timestamp_gather"]
    assert found.job_id.tolist() == list(range(12))
    assert np.allclose(found.objective, -(found["p:x"] ** 2))
    assert (found["m:timestamp_gather"] >= found["m:timestamp_submit"]).all()
    assert set(found.job_status) == {"DONE"}


def test_cbo_finds_the_maximum_that_random_search_does_not(folder: Path) -> None:
    best = {}
    for kind in (CBO, RandomSearch):
        found = kind(problem(), random_state=3, log_dir=kind.__name__).search(Evaluator.create(square), max_evals=30)
        best[kind] = found.objective.max()
    assert best[CBO] > -0.01
    assert best[CBO] > best[RandomSearch]


def test_starting_points_come_first_in_their_order_those_of_the_problem_before_initial_points(folder: Path) -> None:
    made = problem()
    made.add_starting_point(x=3.0)
    made.add_starting_point(x=-7.0)
    found = CBO(made, initial_points=[{"x": 1.5}]).search(Evaluator.create(square), max_evals=5)
    assert found["p:x"].tolist()[:3] == [3.0, -7.0, 1.5]


def test_the_evaluator_may_be_given_first_and_max_evals_last_as_in_the_first_versions(folder: Path) -> None:
    search = AMBS(problem(), Evaluator.create(square), random_state=1)
    assert len(search.search(4)) == 4
    assert len(search.search(max_evals=3, timeout=60)) == 7  # three more
    assert len(list(folder.glob("results*.csv"))) == 1


def test_results_csv_is_the_table_and_that_of_an_earlier_search_is_kept(folder: Path) -> None:
    first = CBO(problem()).search(Evaluator.create(square), max_evals=3)
    second = CBO(problem()).search(Evaluator.create(square), max_evals=4)
    kept = list(folder.glob("results_*.csv"))
    assert [len(pd.read_csv(path)) for path in kept] == [3]
    pd.testing.assert_frame_equal(pd.read_csv("results.csv"), second)
    pd.testing.assert_frame_equal(pd.read_csv(kept[0]), first)
    log = Path("shoal.log").read_text()
    assert log.count(" began with x=") == log.count(" done after ") == 4


def test_the_table_may_be_left_out_and_go_elsewhere(folder: Path) -> None:
    RandomSearch(problem(), log_dir="a/b").search(Evaluator.create(square), max_evals=2)
    assert {path.name for path in Path("a/b").iterdir()} >= {"results.csv", "shoal.log", "shoal.db"}
    CBO(problem(), checkpoint_history_to_csv=False).search(Evaluator.create(square), max_evals=2)
    assert not Path("results.csv").exists()


def test_workers_are_processes_of_their_own(folder: Path) -> None:
    def run(job: Any) -> dict[str, Any]:
        return {"objective": job["x"], "metadata": {"pid": os.getpid()}}

    evaluator = Evaluator.create(run, method="process", method_kwargs={"num_workers": 2})
    found = CBO(problem()).search(evaluator, max_evals=8)
    assert os.getpid() not in set(found["m:pid"])
    assert 1 <= found["m:pid"].nunique() <= 2


# ---------------------------------------------------------------------- run-functions


def test_a_run_function_of_a_point_gets_its_params_as_a_dict(folder: Path) -> None:
    def run(point: dict[str, Any]) -> float:
        assert isinstance(point, dict)
        return float({**point}["x"] + point.get("y", 1.0))

    found = RandomSearch(problem()).search(Evaluator.create(run), max_evals=3)
    assert np.allclose(found.objective, found["p:x"] + 1.0)


def test_failures_metadata_coroutines_and_further_arguments(folder: Path) -> None:
    async def run(job: Any, limit: float) -> Any:
        await asyncio.sleep(0)
        if job["x"] < limit:
            return "F_too_low"
        return {"objective": job["x"], "metadata": {"x": 1, "note": "fine", "many": [1, 2], "flag": True}}

    evaluator = Evaluator.create(run, method_kwargs={"run_function_kwargs": {"limit": 0.0}})
    found = RandomSearch(problem(), random_state=1).search(evaluator, max_evals=12)
    low = found["p:x"] < 0
    assert 0 < low.sum() < 12
    assert set(found.objective[low]) == {"F_too_low"}
    assert set(found.job_status[low]) == {"FAILED"}
    assert np.allclose(found.objective[~low].astype(float), found["p:x"][~low])
    assert set(found["m:note"][~low]) == {"fine"}
    assert set(found["m:many"][~low]) == {"[1, 2]"}
    assert set(found["m:x"][~low]) == {1}  # beside the param of that name


@pytest.mark.parametrize(
    "answer", [(1.0, 2.0), {"loss": 1.0}, "bad", None, float("nan"), {"objective": [1, 2]}], ids=str
)
def test_an_answer_that_is_no_objective_fails_its_trial_and_the_search_goes_on(answer: Any, folder: Path) -> None:
    def run(job: Any) -> Any:
        return answer if job["x"] < 0 else 1.0

    found = RandomSearch(problem(), random_state=1).search(Evaluator.create(run), max_evals=8)
    assert found.objective[found["p:x"] < 0].str.startswith("F").all()
    assert (found.objective[found["p:x"] >= 0] == 1.0).all()
    assert found["m:reason"].notna().any()


def test_an_exception_costs_its_evaluation_alone(folder: Path) -> None:
    def run(job: Any) -> float:
        if job["x"] < 0:
            raise ValueError("no roots")
        return float(job["x"])

    found = RandomSearch(problem(), random_state=1).search(Evaluator.create(run), max_evals=8)
    assert set(found.objective[found["p:x"] < 0]) == {"F"}
    assert found["m:reason"].dropna().str.contains("ValueError: no roots").all()


def test_profile_tells_when_a_run_began_and_ended(folder: Path) -> None:
    @profile
    def run(job: Any) -> float:
        return float(job["x"])

    found = RandomSearch(problem()).search(Evaluator.create(run), max_evals=2)
    assert (found["m:timestamp_end"] >= found["m:timestamp_start"]).all()
    with pytest.raises(ShoalError, match="memory"):
        profile(run, memory=True)


def test_what_is_not_searched_is_handed_over_as_deephyper_does_and_left_empty_in_the_table(folder: Path) -> None:
    made = HpProblem()
    optimizer = made.add_hyperparameter(["sgd", "adam"], "optimizer")
    made.add_condition(cs.EqualsCondition(made.add_hyperparameter((0.1, 0.9), "momentum"), optimizer, "sgd"))
    made.add_starting_point(optimizer="adam")  # which fails in the original: KeyError: 'momentum'

    def run(job: Any) -> float:
        assert job.parameters["momentum"] == 0.1 or job["optimizer"] == "sgd"
        return float(job.parameters["momentum"])

    found = CBO(made, random_state=1).search(Evaluator.create(run), max_evals=12)
    assert set(found.job_status) == {"DONE"}
    assert found["p:optimizer"][0] == "adam"
    assert found["p:momentum"].isna().tolist() == (found["p:optimizer"] == "adam").tolist()
    assert found.objective[found["p:optimizer"] == "adam"].eq(0.1).all()


# ---------------------------------------------------------------------- stoppers


def curve(job: Any) -> Any:
    """Ends at x, and gets there slowly."""
    for step in range(1, 10_000):
        job.record(step, job["x"] * step / (step + 1))
        if job.stopped():
            return {"objective": job.objective, "metadata": {"steps": step}}
    return "F_never_stopped"


@pytest.mark.parametrize(
    ("stopper", "last", "rule"),
    [
        (IdleStopper(max_steps=20), 20, "none"), (ConstantStopper(max_steps=50, stop_step=7), 7, "none"),
        (SuccessiveHalvingStopper(max_steps=27, reduction_factor=3), 27, "asha"),
        (MedianStopper(max_steps=27, min_competing=3), 27, "median"), (LCModelStopper(max_steps=27), 27, "extrapolate"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_stopper_stops_at_its_last_step_and_what_lags_before(
    stopper: Any, last: int, rule: str, folder: Path
) -> None:
    search = RandomSearch(problem(), random_state=2, stopper=stopper)
    found = search.search(Evaluator.create(curve), max_evals=30)
    assert definition(search).stopping == rule
    assert found["m:steps"].max() == last
    assert (found["m:steps"] < last).any() == (rule != "none")
    assert np.allclose(found.objective, found["p:x"] * found["m:steps"] / (found["m:steps"] + 1))
    best = found.loc[found["p:x"].idxmax()]
    assert best["m:steps"] == last  # the one that ends best was let go on


def test_what_a_stopper_cannot_do_is_refused() -> None:
    for bad in (
        lambda: SuccessiveHalvingStopper(max_steps=9, min_fully_completed=1),
        lambda: SuccessiveHalvingStopper(max_steps=9, min_competing=2),
        lambda: MedianStopper(max_steps=9, epsilon=0.1),
        lambda: LCModelStopper(max_steps=9, lc_model="mmf4"),
        lambda: CBO(problem(), stopper="asha"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ShoalError):
            bad()


# ---------------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("given", "search", "settings"),
    [
        ({}, "forest", {"design": 7}),
        ({"acq_func": "UCB"}, "forest", {"acquisition": "LCB", "design": 7}),
        ({"surrogate_model": "RF", "acq_func": "EI", "liar_strategy": "cl_min"}, "forest",
         {"acquisition": "EI", "liar": "min", "design": 7}),
        ({"learner": "ET", "acq_func": "gp_hedge", "multi_point_strategy": "cl_mean"}, "forest",
         {"acquisition": "hedge", "liar": "mean", "design": 7}),
        ({"acq_func": "UCB", "kappa": 3, "multi_point_strategy": "qUCB", "n_initial_points": 4}, "forest",
         {"acquisition": "qLCB", "kappa": 3.0, "design": 4}),
        ({"acq_func_kwargs": {"kappa": 5.0, "scheduler": {"type": "periodic-exp-decay", "period": 25,
                                                          "kappa_final": 0.5}}}, "forest",
         {"acquisition": "LCB", "kappa": 5.0, "design": 7, "period": 25, "final_kappa": 0.5}),
        ({"surrogate_model_kwargs": {"n_estimators": 50}, "acq_optimizer_kwargs": {"n_points": 900, "n_jobs": 1}},
         "forest", {"design": 7, "trees": 50, "candidates": 900}),
        ({"surrogate_model": "GP", "n_initial_points": 6}, "gp", {"design": 6}),
        ({"surrogate_model": "DUMMY", "n_jobs": 1}, "random", {}),
    ],
)  # fmt: skip
def test_options_become_the_settings_of_a_search_that_takes_them(given: Any, search: str, settings: Any) -> None:
    assert model_based(given, 3) == (search, settings)
    shoal.catalog.search(search, settings)


@pytest.mark.parametrize(
    "bad",
    [
        {"surrogate_model": "GBRT"},
        {"acq_func": "MES"}, {"acq_func": "EI", "xi": 0.01}, {"acq_func": "PI", "kappa": 2.0},
        {"acq_func": "EI", "multi_point_strategy": "qUCB"}, {"liar_strategy": "topk"}, {"n_jobs": 4},
        {"filter_duplicated": False}, {"acq_optimizer": "mixedga"}, {"solution_selection": "argmax_est"},
        {"acq_optimizer_kwargs": {"acq_optimizer_freq": 2}}, {"acq_func_kwargs": {"kapa": 2}},
        {"scheduler": {"type": "bandit"}}, {"scheduler": {"type": "periodic-exp-decay", "period": 5, "x": 1}},
        {"surrogate_model_kwargs": {"max_depth": 3}}, {"moo_lower_bounds": [0]}, {"objective_scaler": "log"},
        {"surrogate_model": "GP", "acq_func": "EI"}, {"surrogate_model": "DUMMY", "kappa": 1.0}, {"kapa": 1.0},
        {"checkpoint_restart": True}, {"initial_point_generator": "sobol"},
    ],
    ids=str,
)  # fmt: skip
def test_an_option_without_a_counterpart_is_refused_by_its_name(bad: dict[str, Any]) -> None:
    with pytest.raises(ShoalError) as refused:
        CBO(problem(), **bad)
    assert any(str(word) in str(refused.value) for name, value in bad.items() for word in (name, value))


def test_a_decaying_kappa_ends_where_it_is_asked_to(folder: Path) -> None:
    decay = {"type": "periodic-exp-decay", "period": 10, "kappa_final": 0.5}
    search = CBO(problem(), random_state=1, n_initial_points=2, kappa=4.0, scheduler=decay)
    search.search(Evaluator.create(square), max_evals=25)
    kappas = {t.number: float(t.why.split("κ = ")[1].split(",")[0]) for t in search.study.trials if "κ" in t.why}  # type: ignore[union-attr]
    for number, kappa in kappas.items():
        assert kappa == pytest.approx(4.0 * (0.5 / 4.0) ** ((number % 10) / 10), abs=0.006)
    assert len(kappas) > 15


def test_other_searches_refuse_what_is_not_theirs() -> None:
    assert RegularizedEvolution(problem(), population_size=20, sample_size=5)._settings == {
        "population": 20,
        "sample": 5,
    }
    for kind, bad in (
        (RandomSearch, {"kappa": 1.0}),
        (RegularizedEvolution, {"acq_func": "EI"}),
        (CBO, {"sample_size": 3}),
    ):
        with pytest.raises(ShoalError):
            kind(problem(), **bad)
    for bad_state in ("one", 1.5, True):
        with pytest.raises(ShoalError):
            CBO(problem(), random_state=bad_state)
    with pytest.raises(ShoalError):
        CBO({"x": (0, 1)})  # type: ignore[arg-type]


def test_methods_that_shoal_has_otherwise_say_what_to_use() -> None:
    search = CBO(problem())
    for name in ("ask", "tell", "fit_surrogate"):
        with pytest.raises(ShoalError, match="no counterpart"):
            getattr(search, name)
    with pytest.raises(AttributeError):
        search.nothing  # noqa: B018


@pytest.mark.parametrize("bad", [0, -5])
def test_a_number_of_evaluations_that_makes_no_sense_is_refused(bad: int, folder: Path) -> None:
    with pytest.raises(ShoalError, match="max_evals"):
        CBO(problem()).search(Evaluator.create(square), max_evals=bad)
    with pytest.raises(ShoalError, match="evaluator"):
        CBO(problem()).search(max_evals=3)


# ---------------------------------------------------------------------- evaluators


@pytest.mark.parametrize(
    ("method", "given", "plan", "words"),
    [
        ("serial", {}, {"workers": 0}, "in this process"), ("thread", {}, {"workers": 0}, "in this process"),
        ("thread", {"num_workers": 3}, {"workers": 3}, "3 peers, processes of this machine"),
        ("process", {"num_workers": 2}, {"workers": 2}, "2 peers, processes"),
        ("loky", {}, {"workers": 1}, "1 peer, processes"), ("subprocess", {}, {"workers": 1}, "1 peer"),
        ("mpicomm", {}, {"engine": "mpi"}, "every rank"),
        ("process", {"callbacks": [TqdmCallback()]}, {"workers": 1, "progress": True}, "1 peer"),
        ("serial", {"callbacks": [LoggerCallback(), SearchEarlyStopping(patience=4)]},
         {"workers": 0, "progress": True, "patience": 4}, "in this process"),
    ],
)  # fmt: skip
def test_an_evaluator_is_an_engine_and_says_which(method: str, given: Any, plan: Any, words: str) -> None:
    with Evaluator.create(square, method=method, method_kwargs=given) as evaluator:
        assert evaluator.plan() == plan
        assert words in evaluator.words()


def test_ray_is_used_where_it_is_there_and_else_the_error_says_what_to_install() -> None:
    evaluator = Evaluator.create(square, "ray", {"num_workers": 2, "num_gpus_per_task": 0.5, "num_cpus_per_task": 3})
    if find_spec("ray"):
        plan = {"workers": 2, "engine": "ray", "gpus": 0.5, "engine_settings": {"cpus_per_peer": 3}}
        assert evaluator.plan() == plan
        return
    with pytest.raises(ShoalError, match=r"process"):
        evaluator.plan()


@pytest.mark.parametrize(
    ("method", "bad"),
    [("serial", {"num_workers": 2}), ("process", {"num_workers": 0}), ("process", {"num_workers": True}),
     ("process", {"num_worker": 2}), ("process", {"address": "auto"}), ("mpicomm", {"num_workers": 4}), ("balsam", {}),
     ("proces", {}), ("process", {"callbacks": [object()]}), ("process", {"storage": None}),
     ("ray", {"ray_kwargs": {}})],
)  # fmt: skip
def test_an_evaluator_that_shoal_does_not_have_is_refused(method: str, bad: dict[str, Any]) -> None:
    with pytest.raises(ShoalError):
        Evaluator.create(square, method=method, method_kwargs=bad)
    for wrong in ({"threshold": 1.0}, {"objective_func": len}):
        with pytest.raises(ShoalError):
            SearchEarlyStopping(**wrong)  # type: ignore[arg-type]


def test_early_stopping_ends_a_search(folder: Path) -> None:
    evaluator = Evaluator.create(lambda job: 1.0, method_kwargs={"callbacks": [SearchEarlyStopping(patience=3)]})
    search = CBO(problem())
    assert len(search.search(evaluator, max_evals=50)) == 4
    assert Study.open(search.study.name).reason  # type: ignore[union-attr]
