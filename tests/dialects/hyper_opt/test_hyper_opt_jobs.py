"""The example of the document, from its YAML to its report: here, and by the jobs of a real Slurm."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
import yaml
from pairs import pair, shoal, training

from conftest import wait_until
from shoal.dialects.hyper_opt.results import read
from shoal.study import Study

EXAMPLE = Path(__file__).parents[3] / "examples" / "hyper_opt"
FILES = ("hyperparameters.yml", "model_config.yml")


@pytest.fixture
def example(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = folder / "it's $(touch hacked)"
    shutil.copytree(EXAMPLE, place, ignore=shutil.ignore_patterns("results", "__pycache__"))
    monkeypatch.chdir(place)
    return place


def check(place: Path) -> None:
    """The document's promises: all trials, pruned ones among them, and a network that reads digits."""
    study = Study.open("digits_optimization.db", f"dir:{place}/results/digits_optimization.store")
    outcomes = [trial.outcome for trial in study.trials]
    assert len(outcomes) == 24
    assert set(outcomes) <= {"done", "stopped", "failed"}
    assert {"done", "stopped"} <= set(outcomes)
    first = study.trials[0]
    assert {name: first.params[name] for name in ("lr", "units", "opt")} == {"lr": 0.001, "units": 64, "opt": "adam"}
    assert study.best.value < first.metrics["val_loss"]  # the search is better than what was known before
    assert study.best.metrics["val_accuracy"] > 0.85
    assert {"momentum" in t.params for t in study.trials if t.params["opt"] == "adam"} == {False}
    said = shoal("report", FILES[0], "-p", "plot.yml", "-m", FILES[1])
    assert f"(trial {study.best.number})" in said
    best = yaml.safe_load((place / "results" / "best.yml").read_text())
    assert best["optimizer"]["learning_rate"] == study.best.params["lr"]
    assert best["model"]["hidden_dims"] == [study.best.params["units"]]
    assert (place / "results" / "intermediate_values.png").stat().st_size > 10_000
    assert not list(place.parent.rglob("hacked"))


def test_the_documents_example_runs_here_and_keeps_its_promises(example: Path) -> None:
    said = shoal("tune", *FILES, "-w", "2", "-q")
    assert "Best val_loss" in said
    check(example)


@pytest.mark.timeout(600)
def test_the_documents_example_runs_as_jobs_of_a_real_slurm(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = os.environ.get("SHOAL_TEST_SLURM_CONF")
    if not conf:
        pytest.skip("no Slurm here: SHOAL_TEST_SLURM_CONF is not set; see scripts/services")
    monkeypatch.setenv("SLURM_CONF", conf)
    said = shoal("submit", *FILES)
    ids = said.split("submitted: ")[1].splitlines()[0].split()
    assert len(ids) == 2
    assert (example / "results" / "slurm_job_ids.txt").read_text().split() == ids
    study = Study.open("digits_optimization.db", f"dir:{example}/results/digits_optimization.store")
    wait_until(lambda: len(study.trials) == 24 and study.reason, 400)
    wait_until(
        lambda: (example / "results" / "hyper_opt.out").read_text().count("these peers ended: all 24 trials") >= 1
    )
    done = sum(trial.outcome == "done" for trial in study.trials)
    wait_until(lambda: len(read(example / "results" / "trial_results.csv")) == done)
    check(example)
    parts = {path.name.split("_")[2] for path in (example / "results" / "trial_results").iterdir()}
    assert parts <= set(ids)


def test_a_scheduler_that_refuses_is_told_in_its_own_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PBS itself cannot be had here: a program of its name says what it was given, and refuses the second job."""
    words = pair(folder, top={"pbs": {"jobs": 2, "batch": {"l": ["walltime=00:10:00"], "N": "mine"}}})
    (folder / "bin").mkdir()
    qsub = folder / "bin" / "qsub"
    qsub.write_text('#!/bin/sh\n[ "$2" = mine_0 ] && echo 12.server && exit 0\necho "no more than $2" >&2\nexit 3\n')
    qsub.chmod(qsub.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
    assert "qsub refused the job after 1 jobs: no more than mine_1" in shoal("submit", *words, status=1)
    assert (folder / "test" / "pbs_job_ids.txt").read_text() == "12.server\n"


def test_without_jobs_there_is_nothing_to_submit(folder: Path) -> None:
    said = shoal("submit", *pair(folder), status=1)
    assert "there is no slurm: nor pbs: that says which jobs; `shoal tune` runs the study here" in said
    words = pair(folder, top={"slurm": {"batch": {"t": "0:10:00"}}})
    assert "--queue: the flags of the jobs are in" in shoal("submit", *words, "--queue", "gpu", status=1)
    words = pair(folder, top={"slurm": {"batch": {"n": 1}}})
    assert "the wall time is missing" in shoal("submit", *words, status=1)


def test_a_worker_in_a_job_knows_its_wall_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "import time\ntime.sleep(0.2)\nreturn {'val_loss': 1.0}"
    words = pair(folder, training(body), {"slurm": {"batch": {"t": "0:00:20"}}}, n_trials=10_000)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    said = shoal("tune", *words, "--grace", "2")
    assert "the wall time left" in said
    assert {path.name.split("_")[2] for path in (folder / "test" / "trial_results").iterdir()} == {"4711"}
