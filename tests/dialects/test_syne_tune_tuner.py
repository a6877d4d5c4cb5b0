"""Launchers of Syne Tune, run for real: what their scripts get, when they end, and what is left to look at."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conftest import alive, pids_in, wait_until
from shoal.dialects.syne_tune import Reporter, StoppingCriterion, Tuner
from shoal.dialects.syne_tune.backend import LocalBackend, PythonBackend
from shoal.dialects.syne_tune.config_space import choice, randint, uniform
from shoal.dialects.syne_tune.experiments import list_experiments, load_experiment, load_experiments_df
from shoal.dialects.syne_tune.optimizer.baselines import ASHA, EHVI, MOASHA, RandomSearch
from shoal.dialects.syne_tune.optimizer.scheduler import Scheduler
from shoal.errors import ObjectiveError, ShoalError, StudyError

SPACE = {"x": uniform(0, 1), "epochs": 3, "dataset_path": "./here"}
SCRIPT = """
import argparse, os
from shoal.dialects.syne_tune import Reporter

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--dataset_path", type=str, required=True)
    parser.add_argument("--x", type=float, required=True)
    parser.add_argument("--st_checkpoint_dir", type=str, required=True)
    args, _ = parser.parse_known_args()
    report = Reporter()
    for epoch in range(1, args.epochs + 1):
        there = os.path.isdir(args.st_checkpoint_dir)
        report(epoch=epoch, accuracy=1 - (args.x - 0.3) ** 2 - 1 / (epoch + 1), there=there)
"""


def script(text: str = SCRIPT) -> LocalBackend:
    Path("train.py").write_text(text)
    return LocalBackend("train.py")


def search(space: dict[str, Any] = SPACE, **options: Any) -> Scheduler:
    return RandomSearch(space, metric="accuracy", mode="max", random_seed=0, **options)


def tuner(backend: Any, scheduler: Scheduler | None = None, stop: Any = None, **options: Any) -> Tuner:
    stop = StoppingCriterion(max_num_trials_finished=6) if stop is None else stop
    return Tuner(backend, scheduler or search(), stop, **{"n_workers": 2, **options})


def outcomes(of: Tuner) -> Counter[str]:
    assert of.study is not None
    return Counter(trial.outcome for trial in of.study.trials)


def picky(x: float, epochs: int) -> None:
    """Reports; now and then something that is no accuracy."""
    report = Reporter()
    for epoch in range(1, epochs + 1):
        report(epoch=epoch, accuracy=math.nan if x > 0.8 and epoch == 2 else x)


FUNCTION = {"x": uniform(0, 1), "epochs": 3}


def test_a_launcher_runs_its_script_and_its_results_can_be_looked_at(folder: Path) -> None:
    run = tuner(script(), ASHA(SPACE, "accuracy", "epoch", 3, mode="max", random_seed=0), metadata={"who": "me"})
    run.run()
    found = load_experiment(run.name)
    assert len(found.results) == len(found.rows)
    assert set(found.results["trial_id"]) == set(range(6))
    assert found.results["there"].all()
    for _, row in found.results.iterrows():
        assert row["accuracy"] == pytest.approx(1 - (row["config_x"] - 0.3) ** 2 - 1 / (row["epoch"] + 1))
        assert (row["config_epochs"], row["config_dataset_path"]) == (3, "./here")
        assert (row["st_worker_iter"], row["st_worker_time"] >= 0) == (row["epoch"] - 1, True)
    assert set(found.results["st_status"]) <= {"Completed", "Stopped"}
    stopped = found.results[found.results["st_decision"] == "STOP"]
    assert len(stopped) == outcomes(run)["stopped"] > 0
    best = found.best_config()
    assert best["accuracy"] == found.results["accuracy"].max()
    assert run.best_config() == (best["trial_id"], {"x": best["config_x"], "epochs": 3, "dataset_path": "./here"})
    assert found.metadata["who"] == "me"
    assert (found.metric_names(), found.metric_mode(), found.entrypoint_name()) == (["accuracy"], "max", "train")
    assert run.name in str(found)
    found.plot(figure_path="best.png")
    found.plot_trials_over_time(figure_path="all.png")
    assert all((folder / name).stat().st_size > 1000 for name in ("best.png", "all.png"))
    assert [one.name for one in list_experiments()] == [run.name]
    assert len(load_experiments_df()) == len(found.rows)


def test_a_script_that_prints_its_reports_needs_no_change() -> None:
    text = "import sys\nprint('[tune-metric]: {\"accuracy\": ' + sys.argv[sys.argv.index('--x') + 1] + '}')\n"
    run = tuner(script(text))
    run.run()
    assert run.study is not None
    assert all(trial.value == trial.params["x"] for trial in run.study.trials)


def test_lists_and_dicts_go_through_a_json_file_and_are_refused_without() -> None:
    space = {"units": choice([[8], [8, 4]]), "deep": {"a": [1]}, "x": randint(1, 9)}
    Path("train.py").write_text("""
import argparse
from shoal.dialects.syne_tune import Reporter
from shoal.dialects.syne_tune.utils import add_checkpointing_to_argparse, add_config_json_to_argparse, load_config_json
parser = argparse.ArgumentParser()
add_config_json_to_argparse(parser)
add_checkpointing_to_argparse(parser)
config = load_config_json(vars(parser.parse_args()))
assert config["deep"] == {"a": [1]} and config["st_checkpoint_dir"]
Reporter()(accuracy=sum(config["units"]) + config["x"])
""")
    run = tuner(LocalBackend("train.py", pass_args_as_json=True), search(space))
    run.run()
    assert run.study is not None
    assert all(trial.value == sum(trial.params["units"]) + trial.params["x"] for trial in run.study.trials)
    with pytest.raises(StudyError, match="units, deep: lists and dicts do not go on a command line"):
        tuner(LocalBackend("train.py"), search(space))


def test_another_program_may_run_the_script() -> None:
    Path("train.sh").write_text('echo "[tune-metric]: {\\"accuracy\\": $4}"\n')
    run = tuner(LocalBackend("train.sh", binary="/bin/sh"), search({"x": uniform(0, 1)}))
    run.run()
    assert run.study is not None
    assert all(trial.value == trial.params["x"] for trial in run.study.trials)


def two(x: float, epochs: int) -> None:
    report = Reporter()
    for epoch in range(1, epochs + 1):
        report(epoch=epoch, accuracy=1 - x**2 - 1 / (epoch + 1), cost=(x - 1) ** 2)


@pytest.mark.parametrize("make", [MOASHA, EHVI])
def test_several_metrics_have_a_front_and_each_its_best(make: Any) -> None:
    space = {"x": uniform(-1, 2), "epochs": 9}
    more = {"time_attr": "epoch", "max_t": 9} if make is MOASHA else {}
    scheduler = make(space, ["accuracy", "cost"], mode=["max", "min"], random_seed=0, **more)
    run = tuner(PythonBackend(two, space), scheduler, StoppingCriterion(max_num_trials_finished=40))
    run.run()
    found = load_experiment(run.name)
    assert (found.metric_names(), found.metric_mode()) == (["accuracy", "cost"], ["max", "min"])
    assert found.best_config("cost")["cost"] == found.best_config(1)["cost"] == found.results["cost"].min() < 0.05
    assert found.best_config()["accuracy"] == found.results["accuracy"].max() > 0.8
    assert run.best_config(1)[0] == found.best_config(1)["trial_id"]
    assert (outcomes(run)["stopped"] > 0) == (make is MOASHA)
    with pytest.raises(StudyError, match="none of those that are tuned: accuracy, cost"):
        found.best_config("loss")


@pytest.mark.parametrize("kind", ["stopping", "promotion"])
def test_so_many_trials_complete_as_are_asked_for_also_where_a_rule_stops_others(kind: str) -> None:
    scheduler = ASHA({**SPACE, "epochs": 9}, "accuracy", "epoch", 9, mode="max", random_seed=0, type=kind)
    run = tuner(script(), scheduler, StoppingCriterion(max_num_trials_completed=12), n_workers=4)
    run.run()
    assert outcomes(run)["done"] == 12
    assert outcomes(run)["stopped"] > 0
    assert run.study is not None
    assert "12 trials are done" in run.study.ended


def test_so_many_trials_complete_as_are_asked_for_and_failed_ones_are_made_up_for() -> None:
    run = tuner(PythonBackend(picky, FUNCTION), search(FUNCTION), StoppingCriterion(max_num_trials_completed=8),
                max_failures=8)  # fmt: skip
    run.run()
    assert outcomes(run)["done"] == 8
    assert outcomes(run)["failed"] >= 1


def test_more_failures_than_are_allowed_end_it_with_the_traceback_of_the_first() -> None:
    run = tuner(script("raise ValueError('no such data')"), max_failures=2)
    with pytest.raises(StudyError, match=r"failed.*Trial 0 with (?s:.*)Traceback(?s:.*)no such data"):
        run.run()
    assert {row["st_status"] for row in load_experiment(run.name).rows} == set()
    some = script("import sys\nx = float(sys.argv[sys.argv.index('--x') + 1])\nassert x < 0.5\n"
                  "print('[tune-metric]: {\"accuracy\": 1}')\n")  # fmt: skip
    run = tuner(some, stop=StoppingCriterion(max_num_trials_finished=60), max_failures=2)
    with pytest.raises(StudyError, match=r"trials failed, and max_failures=2. Trial \d+ with (?s:.*)AssertionError"):
        run.run()


def endless(x: float, epochs: int) -> None:
    import threading

    report = Reporter()
    for epoch in range(1, 10_000):
        threading.Event().wait(0.1)
        report(epoch=epoch, accuracy=x)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (StoppingCriterion(max_wallclock_time=3), "the timeout of 3"),
        (StoppingCriterion(max_num_evaluations=10), "max_num_evaluations=10 is reached"),
        (StoppingCriterion(max_metric_value={"accuracy": 0.0}), "accuracy 0.* is above 0"),
        (StoppingCriterion(min_metric_value={"epoch": 9, "st_worker_iter": 0.5}), "st_worker_iter 0 is below 0.5"),
        (lambda status: status.num_trials_running and status.wallclock_time > 1, "the stop criterion says so"),
    ],
)  # fmt: skip
def test_a_criterion_ends_trials_that_would_run_for_ever(stop: Any, reason: str) -> None:
    run = tuner(PythonBackend(endless, FUNCTION), search(FUNCTION), stop)
    run.run()
    assert run.study is not None
    assert re.search(reason, run.study.ended)
    assert outcomes(run)["done"] == 0


def chatty(x: float) -> None:
    import threading

    report = Reporter()
    for epoch in range(1, 100_000):
        threading.Event().wait(0.001)  # ten thousand times as often as training does
        report(epoch=epoch, accuracy=x * epoch)


def test_results_end_with_the_report_that_reached_the_criterion() -> None:
    space = {"x": uniform(0.5, 1)}
    run = tuner(PythonBackend(chatty, space), search(space), StoppingCriterion(max_num_evaluations=40))
    run.run()
    assert len(load_experiment(run.name).rows) == 40
    assert run.study is not None
    assert sum(len(trial.reports) for trial in run.study.trials) >= 40  # the study has what came after as well
    run = tuner(PythonBackend(chatty, space), search(space), StoppingCriterion(max_metric_value={"accuracy": 20.0}))
    run.run()
    *before, last = load_experiment(run.name).rows
    assert last["accuracy"] > 20 >= max(row["accuracy"] for row in before)


def halves(x: float) -> None:
    """Reports twice in each of three epochs."""
    report = Reporter()
    for epoch in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0):
        report(epoch=epoch, accuracy=x * epoch)


def test_reports_of_a_function_amid_epochs_are_all_kept() -> None:
    space = {"x": uniform(0.5, 1)}
    run = tuner(PythonBackend(halves, space), search(space), StoppingCriterion(max_num_trials_completed=2))
    run.run()
    assert run.study is not None
    for trial in run.study.trials:
        assert [report.metrics["epoch"] for report in trial.reports] == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]


def test_with_patience_the_trials_that_run_come_to_their_end() -> None:
    def slow(x: float) -> None:
        import threading

        report = Reporter()
        for _ in range(10):
            threading.Event().wait(0.1)
            report(accuracy=x)

    space = {"x": uniform(0, 1)}
    run = tuner(PythonBackend(slow, space), search(space), lambda status: status.overall_metric_statistics.count > 0,
                wait_trial_completion_when_stopping=True)  # fmt: skip
    run.run()
    assert set(outcomes(run)) == {"done"}


def test_a_criterion_that_fails_says_so() -> None:
    run = tuner(PythonBackend(endless, FUNCTION), search(FUNCTION), lambda status: status.cost > 3)
    with pytest.raises(StudyError, match=r"stop criterion failed.*TuningStatus\.cost of Syne Tune"):
        run.run()


LAUNCHER = """
from shoal.dialects.syne_tune import StoppingCriterion, Tuner
from shoal.dialects.syne_tune.backend import LocalBackend
from shoal.dialects.syne_tune.config_space import uniform
from shoal.dialects.syne_tune.optimizer.baselines import RandomSearch

if __name__ == "__main__":
    scheduler = RandomSearch({"x": uniform(0, 1)}, metric="accuracy", mode="max", random_seed=0)
    Tuner(LocalBackend("train.py"), scheduler, StoppingCriterion(max_num_trials_finished=6), n_workers=2,
          tuner_name="killed", suffix_tuner_name=False).run()
"""
WAITS = """
import os, sys, threading
from pathlib import Path
from shoal.dialects.syne_tune import Reporter

Path(f"{os.getpid()}.pid").write_text(str(os.getpid()))
while int(os.environ["SHOAL_TRIAL_NUMBER"]) >= 3 and not Path("go on").exists():
    threading.Event().wait(0.02)
Reporter()(accuracy=float(sys.argv[sys.argv.index("--x") + 1]))
"""


def test_a_tuner_that_is_killed_leaves_no_one_running_and_loses_nothing(folder: Path) -> None:
    (folder / "launch.py").write_text(LAUNCHER)
    (folder / "train.py").write_text(WAITS)
    with (folder / "log.txt").open("w") as log:
        launched = subprocess.Popen([sys.executable, "launch.py"], stdout=log, stderr=log)
    wait_until(lambda: len(list(folder.glob("*.pid"))) >= 5, 60.0)
    os.kill(launched.pid, signal.SIGKILL)
    launched.wait()
    wait_until(lambda: not any(alive(pid) for pid in pids_in(folder)))
    before = {row["trial_id"]: row["accuracy"] for row in load_experiment("killed").rows}
    assert len(before) >= 1
    (folder / "go on").touch()
    done = subprocess.run([sys.executable, "launch.py"], capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    after = {row["trial_id"]: row["accuracy"] for row in load_experiment("killed").rows}
    assert sorted(after) == list(range(6))
    assert before.items() <= after.items()


def test_a_reporter_prints_outside_of_a_study_and_refuses_what_it_cannot_tell(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = Reporter()
    report(epoch=1, loss=0.5)
    line = capsys.readouterr().out
    told = json.loads(line.removeprefix("[tune-metric]: "))
    assert (told["epoch"], told["loss"], told["st_worker_iter"]) == (1, 0.5, 0)
    Reporter(add_time=False)(loss=1)
    assert 'st_worker_time"' not in capsys.readouterr().out
    for wrong in ({"loss": None}, {"st_loss": 1.0}):
        with pytest.raises(ObjectiveError, match="report a number under another name"):
            report(**wrong)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"asynchronous_scheduling": False}, "peers never wait"), ({"callbacks": [object()]}, "callbacks"),
        ({"output_logger": object()}, "output_logger"), ({"n_workers": 0}, "1 or more"),
        ({"max_failures": -1}, "0 or more"), ({"sleep_time": -1}, "interval"), ({"tuner_name": "../../etc"}, "letters"),
        ({"stop": 3}, "stop_criterion must be"), ({"scheduler": "ASHA"}, "scheduler='ASHA'"),
        ({"backend": "train.py"}, "trial_backend='train.py'"),
    ],
)  # fmt: skip
def test_options_that_there_are_not_are_refused(options: dict[str, Any], reason: str) -> None:
    backend = options.pop("backend", None) or script()
    with pytest.raises(StudyError, match=reason):
        tuner(backend, **options)


@pytest.mark.parametrize("options", [{"max_cost": 3.0}, {"max_num_evaluations": 0}, {"max_wallclock_time": math.nan},
                                     {"max_num_trials_started": True}, {"min_metric_value": 0.1}])  # fmt: skip
def test_criteria_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(StudyError):
        StoppingCriterion(**options)


def test_what_else_there_is_not_is_refused_by_its_name() -> None:
    from shoal.dialects.syne_tune import backend, stopping_criterion

    for module, name in ((backend, "SageMakerBackend"), (stopping_criterion, "PlateauStopper")):
        with pytest.raises(ShoalError, match=f"{name} of Syne Tune has no counterpart in Shoal: .+"):
            getattr(module, name)
    with pytest.raises(ShoalError, match=r"Tuner\.load"):
        Tuner.load("somewhere")
    with pytest.raises(ObjectiveError, match=r"there is no script 'nowhere\.py'"):
        LocalBackend("nowhere.py")
    with pytest.raises(ShoalError, match=r"nothing.* SYNETUNE_FOLDER"):
        load_experiment("nothing")


def test_studies_lie_in_the_folder_that_the_environment_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNETUNE_FOLDER", str(folder / "elsewhere"))
    run = tuner(script())
    run.run()
    assert (folder / "elsewhere" / "shoal.files" / run.name / "metadata.json").is_file()
    monkeypatch.delenv("SYNETUNE_FOLDER")
    assert len(load_experiment(run.name, local_path=str(folder / "elsewhere")).rows) == 18
    assert list((folder).glob("shoal.*")) == []
