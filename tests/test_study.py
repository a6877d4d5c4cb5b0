"""`shoal.Study`: asking and telling by hand, and reading results."""

from __future__ import annotations

import csv
import itertools
import json
import math
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shoal
from shoal.search.pso import PSO
from shoal.stopping.asha import ASHA

SPACE = {"x": shoal.uniform(-1.0, 1.0), "kind": ["a", "b"], "layers": [[1], [1, 2]]}


def filled(**options: object) -> shoal.Study:
    study = shoal.Study(SPACE, seed=0, **options)  # type: ignore[arg-type]
    for _ in range(10):
        trial = study.ask()
        study.tell(trial, {"loss": trial.params["x"] ** 2, "accuracy": 0.5})
    return study


def test_ask_and_tell_find_the_best() -> None:
    study = filled()
    assert len(study.trials) == 10
    assert study.best.value == min(trial.params["x"] ** 2 for trial in study.trials)


@pytest.mark.parametrize(
    ("result", "reason"),
    [(math.nan, "not a finite number"), (ValueError("boom"), "ValueError: boom"), ("bad", "must be a number"),
     ({"accuracy": 1}, "'loss' is missing"), (None, "must be a number"), ({"loss": 1, "kind": 2}, "name of a param")],
)  # fmt: skip
def test_what_is_no_result_is_a_failed_trial(result: object, reason: str) -> None:
    study = shoal.Study(SPACE)
    study.tell(study.ask(), result)
    assert study.trials[0].outcome == "failed"
    assert reason in study.trials[0].reason


@pytest.mark.parametrize("result", [1, np.float32(0.5), np.array([0.5]), np.int64(3), np.array(2.0)])
def test_numbers_of_other_libraries_are_results(result: object) -> None:
    study = shoal.Study(SPACE)
    study.tell(study.ask(), result)
    assert study.best.value == float(np.asarray(result).item())


def test_the_last_report_counts_where_no_result_is_told() -> None:
    study = shoal.Study(SPACE)
    trial = study.ask()
    trial.report(1, loss=3.0)
    trial.report(2, loss=2.0)
    study.tell(trial)
    assert study.best.value == 2.0
    assert [report.step for report in study.best.reports] == [1, 2]


def test_a_result_is_told_once_and_for_a_trial_that_was_asked_for() -> None:
    study = shoal.Study(SPACE)
    trial = study.ask()
    study.tell(trial.number, 1.0)
    with pytest.raises(shoal.StudyError, match="not open"):
        study.tell(trial, 1.0)
    with pytest.raises(shoal.StudyError, match="not open"):
        study.tell(99, 1.0)
    for wrong in ("x", None, [1], 0.5):
        with pytest.raises(shoal.StudyError, match="not open"):
            study.tell(wrong, 1.0)  # type: ignore[arg-type]


def test_a_study_that_was_refused_before_it_began_may_be_begun_otherwise() -> None:
    options: dict[str, Any] = {"name": "again", "trials": 2, "progress": False}
    with pytest.raises(shoal.StudyError, match="GPU"):
        shoal.tune(loss_of, SPACE, gpus=1, **options)
    study = shoal.tune(loss_of, {"z": (0.0, 1.0)}, goal="maximize", workers=0, **options)
    assert all(0.0 <= trial.params["z"] <= 1.0 for trial in study.trials)
    with pytest.raises(shoal.StudyError, match="goal='maximize'"):
        shoal.tune(loss_of, goal="minimize", workers=0, **options)


def loss_of(params: dict[str, float]) -> float:
    return next(iter(params.values()))


def test_a_study_without_a_finished_trial_has_no_best() -> None:
    with pytest.raises(shoal.StudyError, match="no finished trial"):
        _ = shoal.Study(SPACE).best


def test_where_all_are_on_their_way_it_is_said_who_leads() -> None:
    study = shoal.Study({"x": (0.0, 1.0)}, search="random", budget=shoal.Budget("epoch", 1, 9), stopping="pasha")
    for loss in (0.5, 0.3, 0.4):
        trial = study.ask()
        study.report(trial, 1, loss=loss)
        study.tell(trial)
    with pytest.raises(shoal.StudyError, match=r"no finished trial yet; trial 1 leads, with loss 0\.3 at epoch 1$"):
        _ = study.best


def test_trials_limits_how_many_are_asked_for() -> None:
    study = shoal.Study(SPACE, trials=2)
    study.ask()
    study.ask()
    with pytest.raises(shoal.Exhausted, match="all of its 2 trials"):
        study.ask()


def test_a_stored_study_is_gone_on_with_by_another_process_without_repeating_a_number() -> None:
    with shoal.Study(SPACE, store="study.db", name="shared", seed=3) as first:
        first.tell(first.ask(), 1.0)
        left = first.ask()
    with shoal.Study(SPACE, store="study.db", name="shared") as second:
        again = second.ask()
        assert again.number == left.number
        assert again.params == left.params
        assert again.attempt == 1
        second.tell(again, 0.5)
        assert [trial.outcome for trial in second.trials] == ["done", "done"]


def test_two_that_ask_at_once_get_different_trials() -> None:
    with (
        shoal.Study(SPACE, store="study.db", name="two") as one,
        shoal.Study(SPACE, store="study.db", name="two") as two,
    ):
        numbers = [study.ask().number for study in (one, two, one, two)]
    assert sorted(numbers) == [0, 1, 2, 3]


def test_the_table_has_one_row_a_trial_in_each_format() -> None:
    study = filled()
    with study.export("results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert list(rows[0]) == [
        "number",
        "outcome",
        "x",
        "kind",
        "layers",
        "loss",
        "accuracy",
        "started",
        "seconds",
        "attempt",
        "peer",
        "why",
        "reason",
    ]
    assert json.loads(rows[0]["layers"]) == study.trials[0].params["layers"]
    assert json.loads(Path(study.export("results.json")).read_text())[3]["x"] == study.trials[3].params["x"]
    assert len(Path(study.export("results.jsonl")).read_text().splitlines()) == 10
    frame = study.to_frame()
    assert frame.shape == (10, 13)
    assert frame["loss"].min() == study.best.value


def test_an_export_to_an_unknown_format_or_place_is_refused() -> None:
    with pytest.raises(shoal.ShoalError, match="Valid are"):
        filled().export("results.xlsx")
    with pytest.raises(shoal.ShoalError, match="cannot write"):
        filled().export("no/such/folder/results.csv")


def test_a_study_that_is_not_there_is_named_with_those_that_are() -> None:
    filled(store="study.db", name="here").close()
    with pytest.raises(shoal.StoreError, match="'here'"):
        shoal.Study.open("there", "study.db")
    with pytest.raises(shoal.StoreError, match="no store"):
        shoal.Study.open("there", "nowhere.db")


def test_a_study_prints_what_it_is() -> None:
    assert repr(filled(name="mlp")).startswith("<Study 'mlp' in memory://: 10 trials, best ")


@pytest.mark.parametrize(
    ("search", "settings", "message"),
    [
        ("gpp", {}, "did you mean 'gp'"),
        ("gp", {"desing": 3}, "did you mean 'design'"),
        ("gp", {"design": "x"}, "setting design: expected int, got str"),
        ("cmaes", {"sigma": math.nan}, "sigma in"),
        ("forest", {"acquisition": "UCB"}, "LCB, qLCB, EI, PI, hedge"),
        ("forest", {"liar": "mode"}, "min, mean, max"),
        ("forest", {"kappa": 3.0}, "add acquisition: LCB"),
        ("forest", {"period": 0}, "period >= 1"),
        ("tpe", {"gamma": 2}, "gamma in"),
        ("de", {"population": 3}, "population >= 4"),
        ("evolution", {"sample": 200}, "sample <= population"),
        ("pso", {"kind": "simple"}, "basic, canonical, clamping"),
        ("nelder_mead", {"tolerance": 0.6}, "tolerance in"),
        ("latin", {"rows": 0}, "rows >= 1"),
        ("auto", {"search_share": -1}, "search_share >= 0"),
        ("random", {"x": 1}, "random has no settings"),
    ],
)
def test_a_search_or_a_setting_that_there_is_not_is_refused_and_the_message_names_what_there_is(
    search: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(shoal.StudyError, match=message):
        shoal.Study({"x": (0.0, 1.0)}, search=search, settings=settings).ask()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": ["a", "b"]}, "study 'study-1', metric: expected str, got array"),
        ({"metric": " "}, "metric must be the name of what is optimised, such as loss; got ' '"),
        ({"trials": "ten"}, "trials: expected int or none, got str"),
        ({"trials": -1}, "trials must be above 0"),
        ({"seed": "x"}, "seed: expected int, got str"),
        ({"goal": ["minimize", "maximize"]}, "Valid are: maximize, minimize"),
    ],
)
def test_an_option_that_no_study_can_have_is_refused_by_its_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(shoal.StudyError, match=message):
        shoal.Study({"x": (0.0, 1.0)}, **options)


@pytest.mark.parametrize("name", [" s", "s ", "  s  "])
def test_a_name_with_blanks_around_it_is_refused_with_the_one_without(name: str) -> None:
    with pytest.raises(shoal.StudyError, match="begins and ends with no blank; 's' would do for"):
        shoal.Study({"x": (0.0, 1.0)}, name=name)


def test_one_search_and_one_rule_may_be_given_to_several_studies() -> None:
    search, rule = PSO(), ASHA(brackets=2)
    studies = [
        shoal.Study({name: (0.0, 1.0)}, search=search, stopping=rule, budget=shoal.Budget("epoch", 1, 2), seed=1)
        for name in "ab"
    ]
    for _ in range(20):
        for study, name in zip(studies, "ab", strict=True):
            trial = study.ask()
            assert set(trial.params) == {name}
            study.tell(trial, trial.params[name])
    assert rule == ASHA(brackets=2)


def test_what_is_told_after_the_study_was_closed_is_refused_and_does_not_count() -> None:
    study = shoal.Study(SPACE)
    trial = study.ask()
    study.close()
    with pytest.raises(shoal.StudyError, match="not open"):
        study.tell(trial, 1.0)
    assert study.trials[0].outcome == "running"


@pytest.mark.parametrize("store", ["memory://", "study.db", "dir:files"])
def test_a_study_that_was_closed_is_gone_on_with_and_runs_what_it_left_open(store: str, folder: Path) -> None:
    study = shoal.Study(SPACE, store=store, search="random", trials=20, seed=0)
    for _ in range(3):
        study.tell(study.ask(), 1.0)
    study.ask()
    study.close()
    for number in range(3, 20):
        trial = study.ask()
        assert (trial.number, trial.attempt > 0) == (number, number == 3 or store == "memory://")
        study.tell(trial, 1.0)
    assert all(trial.outcome == "done" for trial in study.trials)


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads that take turns every microsecond."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("search", ["tpe", "random"])
def test_threads_may_ask_and_tell_at_once(search: str, hasty: None) -> None:
    study = shoal.Study({"x": (0.0, 1.0)}, search=search, trials=120, seed=0)

    def work(_: int) -> int:
        for count in itertools.count():
            try:
                trial = study.ask()
            except shoal.Exhausted:
                return count
            study.report(trial, 1, loss=1.0)
            study.tell(trial, trial.params["x"])
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 120
    assert study.reason == "all 120 trials have ended"
    assert len({trial.params["x"] for trial in study.trials}) == 120


def test_params_called_as_columns_are_exported_beside_them(folder: Path) -> None:
    study = shoal.Study({"seconds": (10.0, 60.0), "reason": ["a", "b"]}, search="random", seed=0)
    study.tell(study.ask(), 1.0)
    study.export(folder / "t.jsonl")
    (row,) = (json.loads(line) for line in (folder / "t.jsonl").read_text().splitlines())
    assert {"seconds": row["param:seconds"], "reason": row["param:reason"]} == study.trials[0].params
    assert row["seconds"] < 10
    assert row["reason"] == ""


def test_a_change_of_the_constraints_is_said() -> None:
    first = shoal.Study({"x": (0.0, 1.0)}, name="s", store="study.db", search="random")
    first.tell(first.ask(), 1.0)
    again = shoal.Study(shoal.Space({"x": (0.0, 1.0)}, where="x > 0.5"), name="s", store="study.db", search="random")
    assert again._journal.changes == ["where (none) → ['x > 0.5']"]


def test_a_name_that_commands_would_take_for_an_option_is_refused() -> None:
    with pytest.raises(shoal.StudyError, match="does not start with '-'"):
        shoal.Study({"x": (0.0, 1.0)}, name="-x")


@pytest.mark.parametrize("search", ["gp", "tpe", "cmaes", "genetic", "sobol"])
def test_params_of_one_s_own_are_a_trial_that_the_search_learns_from(search: str) -> None:
    study = shoal.Study({"x": (0.0, 1.0), "k": [1, 2, 3]}, search=search, seed=0, trials=30)
    study.tell(study.ask({"x": np.float64(0.25), "k": 2}), 0.0)
    first = study.trials[0]
    assert (first.params, first.why, first.value) == ({"x": 0.25, "k": 2}, "asked for", 0.0)
    for _ in range(9):
        trial = study.ask()
        assert trial.params != first.params
        study.tell(trial, 1.0)
    assert study.best.number == 0


def test_params_of_one_s_own_that_do_not_fit_begin_no_trial() -> None:
    study = shoal.Study({"x": (0.0, 1.0)}, search="random", trials=1)
    for wrong in ({"x": 2.0}, {}, {"x": 0.5, "y": 1}, [0.5], "x"):
        with pytest.raises(shoal.SpaceError):
            study.ask(wrong)  # type: ignore[arg-type]
    assert not study.trials
    study.tell(study.ask({"x": 0.5}), 1.0)
    with pytest.raises(shoal.Exhausted):
        study.ask({"x": 0.25})


def test_params_of_one_s_own_leave_trials_that_were_lost_to_those_who_run_them_again(folder: Path) -> None:
    study = shoal.Study({"x": (0.0, 1.0)}, search="random", store="study.db", seed=0)
    lost = study.ask()
    study.close()
    mine = study.ask({"x": 0.5})
    again = study.ask()
    assert (mine.number, mine.params["x"], mine.attempt) == (1, 0.5, 0)
    assert (again.number, again.params, again.attempt) == (lost.number, lost.params, 1)
