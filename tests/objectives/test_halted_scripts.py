"""Scripts whose trials are stopped or paused: they are asked to end, made to end, and gone on with."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import shoal
from conftest import alive, pids_in, wait_until
from rules import At
from shoal.study import Study

TRAPS = """
import signal, sys, time
from pathlib import Path
from shoal import report

def end(number, frame):
    Path("ended").write_text(signal.Signals(number).name)
    print("going", flush=True)
    report(loss=99.0)
    sys.exit(3)

signal.signal(signal.SIGTERM, end)
for epoch in range(1, 4):
    report(epoch=epoch, loss=1 / epoch)
    while epoch == 2:
        time.sleep(0.01)
"""

IGNORES = """
import os, signal, subprocess, sys, time
from pathlib import Path
from shoal import report

signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
Path("child.pid").write_text(str(child.pid))
Path("script.pid").write_text(str(os.getpid()))
report(epoch=1, loss=0.5)
Path("ran on").touch()
report(epoch=2, loss=0.4)
time.sleep(600)
"""

GOES_ON = """
import os
from pathlib import Path
from shoal import checkpoint_dir, params, report, until

state = Path(checkpoint_dir()) / "epoch"
epoch = int(state.read_text()) if state.exists() else 0
with open("runs", "a") as file:
    file.write(f"{os.environ['SHOAL_TRIAL_NUMBER']} {epoch + 1} {until():g}\\n")
while epoch < until():
    epoch += 1
    state.with_suffix(".new").write_text(str(epoch))
    os.replace(state.with_suffix(".new"), state)
    with open("steps", "a") as file:
        file.write(f"{os.environ['SHOAL_TRIAL_NUMBER']} {epoch}\\n")
    report(epoch=epoch, loss=params()["x"] / epoch)
"""


def tune(script: str, **options: Any) -> Study:
    Path("train.py").write_text(script)
    options = {"trials": 1, "workers": 1, "grace": 20.0, "timeout": 120, **options}
    return shoal.tune("train.py", {"x": (0.0, 1.0)}, search="random", seed=0, name="s", progress=False, **options)


def files(number: int) -> Path:
    return Path("shoal.files/s") / f"{number:06d}"


@pytest.mark.parametrize("preload", [True, False])
def test_a_script_that_is_stopped_gets_a_signal_and_time_to_end_in(preload: bool) -> None:
    (trial,) = tune(TRAPS, stopping=At(2), preload=preload).trials
    assert Path("ended").read_text() == "SIGTERM"
    assert (trial.outcome, trial.reason) == ("stopped", "step 2 is enough for trial 0")
    assert trial.metrics == {"loss": 0.5}  # what it says on its way out is too late
    assert [report.step for report in trial.reports] == [1, 2]
    assert (files(0) / "stdout.txt").read_text() == "going\n"


def test_a_script_that_does_not_end_is_killed_after_the_grace_with_its_children() -> None:
    (trial,) = tune(IGNORES, stopping=At(1), grace=3.0).trials
    assert (trial.seconds or 0.0) < 30  # which are the default
    assert trial.outcome == "stopped"
    assert Path("ran on").exists()  # it had its grace
    assert len(pids_in(Path())) == 2
    wait_until(lambda: not any(alive(pid) for pid in pids_in(Path())))


def test_the_grace_holds_for_a_script_that_is_run_in_this_process_too() -> None:
    (trial,) = tune(IGNORES, stopping=At(1), grace=0.5, workers=0).trials
    assert trial.outcome == "stopped"
    assert (trial.seconds or 0.0) < 30
    wait_until(lambda: not any(alive(pid) for pid in pids_in(Path())))


def test_the_children_of_a_script_that_ends_when_told_do_not_outlive_it() -> None:
    (trial,) = tune(IGNORES.replace("SIG_IGN", "SIG_DFL"), stopping=At(1)).trials
    assert trial.outcome == "stopped"
    assert len(pids_in(Path())) == 2
    wait_until(lambda: not any(alive(pid) for pid in pids_in(Path())))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_script_that_saves_its_state_goes_on_from_it_when_its_trial_is_promoted(workers: int) -> None:
    study = tune(GOES_ON, trials=7, workers=workers, stopping="asha-promote", budget=shoal.Budget("epoch", 1, 9))
    assert {trial.outcome for trial in study.trials} == {"done", "stopped"}
    assert study.best.value == pytest.approx(study.best.params["x"] / 9)
    wanted = {(trial.number, report.step) for trial in study.trials for report in trial.reports}
    ran = [tuple(map(int, line.split())) for line in Path("steps").read_text().splitlines()]
    assert Counter(ran) == dict.fromkeys(wanted, 1)
    runs = [line.split() for line in Path("runs").read_text().splitlines()]
    mine = [(int(first), int(until)) for number, first, until in runs if int(number) == study.best.number]
    assert mine == [(1, 1), (2, 3), (4, 9)]
    assert [report.step for report in study.best.reports] == list(range(1, 10))


def test_a_script_that_trains_on_past_its_rung_is_stopped_there_and_can_be_gone_on_with() -> None:
    """It asks for no `until`; what it saved beyond the rung before it was stopped is not lost. A signal between what it
    saves and what it reports would part the two: it comes between two epochs."""
    script = "import signal\n" + GOES_ON.replace(
        "while epoch < until():",
        "while epoch < 9:\n"
        "    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])",
    )
    study = tune(script, trials=4, stopping="asha-promote", budget=shoal.Budget("epoch", 1, 9))
    assert {trial.outcome for trial in study.trials} == {"done", "stopped"}
    assert study.best.reports[-1].step == 9
    ran = [tuple(map(int, line.split())) for line in Path("steps").read_text().splitlines()]
    assert max(Counter(ran).values()) == 1


def test_outside_of_a_study_a_script_is_told_no_end_and_saves_beside_itself(folder: Path) -> None:
    assert "SHOAL_UNTIL" not in os.environ
    assert shoal.until() == float("inf")
    assert Path(shoal.checkpoint_dir()).resolve() == folder / "checkpoint"
    assert (folder / "checkpoint").is_dir()


def test_scripts_that_get_no_grace_leave_the_next_ones_in_peace() -> None:
    script = (
        "from shoal import params, report\nfor epoch in range(1, 10):\n    report(epoch=epoch, loss=params()['x'])\n"
    )
    Path("train.py").write_text(script)
    study = shoal.tune("train.py", {"x": (0.0, 1.0)}, trials=60, name="s", search="random", stopping="asha", seed=0,
                       budget=shoal.Budget("epoch", 1, 9), grace=0.0, progress=False)  # fmt: skip
    outcomes = Counter(trial.outcome for trial in study.trials)
    assert outcomes["stopped"] > 20
    assert outcomes["stopped"] + outcomes["done"] == 60
