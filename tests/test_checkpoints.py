"""Checkpoints that no one needs any more are removed, and no others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from typer.testing import CliRunner

import shoal
from shoal.cli.app import app
from shoal.files import trial_directory
from shoal.records import Ended
from shoal.study import Study
from simulations import Ran

X = {"x": (0.0, 1.0)}
BUDGET = shoal.Budget("epoch", 1, 9)


def train(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
    """Nine epochs; goes on where it was."""
    state = trial.checkpoint / "epoch"
    (trial.directory / "log.txt").write_text(f"attempt {trial.attempt}")
    epoch = int(state.read_text()) if state.exists() else 0
    while epoch < 9:
        epoch += 1
        time.sleep(0.002)
        state.write_text(str(epoch))
        yield {"loss": params["x"] / epoch, "epoch": epoch}


def careful(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
    """Fails where its checkpoint is not what it was."""
    state = trial.checkpoint / "epoch"
    assert (int(state.read_text()) if state.exists() else 0) == trial.last_step
    yield from train(params, trial)


def neat(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
    """Leaves nothing but its checkpoint."""
    yield {"loss": params["x"]}
    for epoch in range(2, 10):
        (trial.checkpoint / "weights").mkdir(exist_ok=True)
        (trial.checkpoint / "weights" / "layer").write_text("mine")
        yield {"loss": params["x"] / epoch}
    if params["x"] > 0.8:
        raise ValueError("diverged")


def tune(objective: Any = train, **options: Any) -> Study:
    options = {"trials": 12, "workers": 0, "name": "s", "search": "random", "seed": 0, **options}
    return shoal.tune(objective, X, budget=BUDGET, progress=False, **options)


def kept(study: Study) -> set[int]:
    """The trials whose checkpoints are there."""
    plan = study._journal.history.definition
    return {trial.number for trial in study.trials if (trial_directory(plan, trial.number) / "checkpoint").exists()}


def ended_as(study: Study, *outcomes: str) -> set[int]:
    return {trial.number for trial in study.trials if trial.outcome in outcomes}


def test_checkpoints_of_trials_that_were_stopped_are_removed_and_those_of_all_that_are_done_stay() -> None:
    study = tune(stopping="asha")
    assert len(ended_as(study, "stopped")) > 2
    assert len(ended_as(study, "done")) > 1
    assert kept(study) == ended_as(study, "done")


def test_checkpoints_of_trials_that_failed_are_removed_and_so_is_a_directory_that_is_then_empty() -> None:
    study = tune(neat, stopping="none", max_failures=None)
    failed = ended_as(study, "failed")
    assert failed
    assert kept(study) == ended_as(study, "done")
    plan = study._journal.history.definition
    assert not [number for number in failed if trial_directory(plan, number).exists()]


def test_only_the_best_that_are_done_keep_theirs_where_so_many_are_asked_for() -> None:
    study = tune(stopping="none", keep_checkpoints=2)
    ranked = sorted(study.trials, key=lambda trial: trial.value or 0.0)
    assert len(ranked) == 12
    assert kept(study) == {ranked[0].number, ranked[1].number}
    for trial in ranked[:2]:
        directory = trial_directory(study._journal.history.definition, trial.number)
        assert (directory / "checkpoint" / "epoch").read_text() == "9"


def test_where_more_is_better_the_greatest_are_the_best() -> None:
    study = tune(stopping="none", keep_checkpoints=2, goal="maximize")
    assert kept(study) == {trial.number for trial in sorted(study.trials, key=lambda trial: -(trial.value or 0.0))[:2]}


def test_none_at_all_are_kept_where_none_are_asked_for() -> None:
    study = tune(stopping="none", keep_checkpoints=0)
    assert ended_as(study, "done") == set(range(12))
    assert kept(study) == set()


def test_another_file_in_a_trial_s_directory_stays() -> None:
    study = tune(stopping="asha", keep_checkpoints=1)
    assert len(kept(study)) == 1
    for trial in study.trials:
        directory = trial_directory(study._journal.history.definition, trial.number)
        assert (directory / "log.txt").read_text() == "attempt 0"


def test_a_trial_that_is_paused_keeps_its_checkpoint_until_another_worker_goes_on_with_it() -> None:
    study = tune(careful, workers=4, trials=27, stopping="asha-promote", keep_checkpoints=2)
    assert ended_as(study, "failed") == set()
    records, _ = study._journal.store.read("s", 0)
    moved = Counter(trial.peer for trial in study.trials if trial.resumed)
    assert sum(isinstance(record, Ended) and record.outcome == "paused" for record in records) >= 27
    assert sum(moved.values()) >= 9
    ranked = [trial.number for trial in sorted(study.trials, key=lambda t: t.value or 9.0) if trial.outcome == "done"]
    assert len(ranked) >= 2
    assert kept(study) >= set(ranked[:2])


def paused_keep(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
    history = trial._journal.history
    for number in history.parked:
        assert (trial_directory(history.definition, number) / "checkpoint" / "epoch").exists(), number
    yield from careful(params, trial)


def test_all_that_wait_have_their_checkpoints_at_all_times() -> None:
    study = tune(paused_keep, stopping="asha-promote", keep_checkpoints=1, trials=18)
    assert ended_as(study, "failed") == set()
    assert len([trial for trial in study.trials if trial.resumed]) > 4
    assert kept(study) == {study.best.number}


def copies(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
    """Writes down who has a checkpoint whenever it reports."""
    history = trial._journal.history
    for answer in train(params, trial):
        over = history.numbers("done", "stopped")
        gone = [n for n in over if not (trial_directory(history.definition, n) / "checkpoint" / "epoch").exists()]
        assert not gone, gone
        yield answer


def test_under_pbt_they_are_removed_when_the_study_has_ended_for_heirs_go_on_from_them() -> None:
    settings = {"population": 4, "interval": 2, "quantile": 0.5}
    study = tune(copies, stopping="pbt", stopping_settings=settings, trials=16, keep_checkpoints=1)
    assert ended_as(study, "failed") == set()
    assert len(ended_as(study, "stopped")) > 1
    assert any(study._journal.history.source(number) is not None for number in range(16))
    assert kept(study) == {study.best.number}


@pytest.mark.parametrize("search", ["random", "tpe"])
def test_several_workers_keep_no_more_than_one_would(search: str) -> None:
    """A peer whose search does not learn knows its own trials alone."""
    study = tune(workers=4, trials=24, stopping="none", keep_checkpoints=2, search=search)
    ranked = sorted(study.trials, key=lambda trial: trial.value or 9.0)
    assert kept(study) == {trial.number for trial in ranked[:2]}


@pytest.mark.parametrize("keep", [-1, 1.5, "two"])
def test_a_number_that_makes_no_sense_is_refused(keep: Any) -> None:
    with pytest.raises(shoal.StudyError, match="keep_checkpoints"):
        tune(keep_checkpoints=keep)


def test_a_simulation_touches_no_files(folder: Path) -> None:
    Ran(stopping="asha", keep_checkpoints=1, directory=str(folder / "files"))
    assert list(folder.iterdir()) == []


def directories(study: Study) -> list[Path]:
    plan = study._journal.history.definition
    return [trial_directory(plan, trial.number) for trial in study.trials]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_study_never_goes_on_from_checkpoints_of_another_of_its_name(folder: Path, workers: int) -> None:
    seen: list[Path] = []
    for store in ("dir:a", "dir:b", "dir:a"):
        study = tune(careful, stopping="none", trials=3, workers=workers, store=store)
        assert ended_as(study, "done") == {0, 1, 2}
        seen += directories(study)
        if store == "dir:b":
            rmtree("a")
    assert len(set(seen)) == 9
    more = tune(careful, stopping="none", trials=5, workers=workers, store="dir:a")
    assert directories(more)[:3] == seen[-3:]
    assert ended_as(more, "done") == set(range(5))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_study_of_the_longest_name_in_any_script_has_files(folder: Path, workers: int) -> None:
    studies = [tune(careful, stopping="none", trials=2, workers=workers, store=f"dir:{place}", name="é" * 99 + last)
               for place, last in (("a", "é"), ("a", "ö"), ("b", "é"))]  # fmt: skip
    assert [ended_as(study, "done") for study in studies] == [{0, 1}] * 3
    assert len({place for study in studies for place in directories(study)}) == 6


def test_studies_of_one_name_that_begin_before_either_has_files_have_directories_of_their_own(folder: Path) -> None:
    def train(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
        if not Path("b").exists():
            tune(careful, stopping="none", trials=3, store="dir:b")
        yield from careful(params, trial)

    study = tune(train, stopping="none", trials=3, store="dir:a")
    assert ended_as(study, "done") == {0, 1, 2}
    assert not {*directories(study)} & {*directories(Study.open("s", "dir:b"))}


def test_removing_a_study_leaves_the_files_of_another_of_its_name(folder: Path) -> None:
    first, second = (directories(tune(stopping="none", trials=3, store=f"dir:{place}")) for place in "ab")
    assert CliRunner().invoke(app, ["rm", "s", "--yes", "--store", "dir:b"]).exit_code == 0
    assert [place.exists() for place in (*first, *second)] == [True] * 3 + [False] * 3
