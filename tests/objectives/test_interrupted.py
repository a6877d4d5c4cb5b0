"""Trials amid which their study is stopped: they may end, or save what they have, before they are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import shoal
from conftest import wait_until
from shoal import Study

X = {"x": (0.0, 1.0)}
STEPS = 200
PAUSE = 0.05  # seconds a step


def log(word: str) -> None:
    with Path("log").open("a") as file:
        file.write(f"{word}\n")


def steps(state: Path) -> Iterator[int]:
    """Trains, from where it was saved."""
    for step in range(int(state.read_text()) + 1 if state.exists() else 1, STEPS + 1):
        time.sleep(PAUSE)
        log(str(step))
        yield step
    log("the end")


def generator(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
    state = trial.checkpoint / "step"
    step = 0
    try:
        for step in steps(state):
            yield {"step": step, "loss": 1 / step}
    finally:
        state.write_text(str(step))


def function(params: dict[str, float], trial: Any) -> float:
    state = trial.checkpoint / "step"
    for step in steps(state):
        try:
            trial.report(step, loss=1 / step)
        except shoal.Halted:
            state.write_text(str(step))
            raise
    return 1 / STEPS


class Keeps:
    """Cannot save, and so had better go on for as long as it may."""

    def setup(self) -> None:
        self.steps = steps(Path("nothing is there"))

    def step(self) -> float | None:
        return next(self.steps, None)


class Unsaved(Keeps):
    def setup(self, params: dict[str, float]) -> None:  # type: ignore[override]
        super().setup()


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from shoal import report
from test_interrupted import STEPS, steps
from pathlib import Path
for step in steps(Path("nothing is there")):
    report(step=step, loss=1 / step)
"""


def tune(objective: Callable[..., Any] | type | str, trials: int = 1, **options: Any) -> Study:
    return shoal.tune(objective, X, trials=trials, name="s", search="random", seed=0, progress=False, **options)


def stopped(objective: Callable[..., Any] | type | str, grace: float, trials: int = 1) -> Study:
    """The study, told to stop when its last trial has begun."""

    def stop() -> None:
        wait_until(lambda: Path("log").exists() and begun() == trials)
        subprocess.run([sys.executable, "-m", "shoal", "stop", "s"], check=True)

    other = threading.Thread(target=stop)
    other.start()
    study = tune(objective, trials, grace=grace)
    other.join()
    return study


def begun() -> int:
    return Path("log").read_text().split("\n").count("1")


@pytest.mark.parametrize("objective", [generator, function])
def test_what_reports_is_told_to_save_before_it_is_killed_and_goes_on_from_there(objective: Callable[..., Any]) -> None:
    paused = stopped(objective, grace=4).trials
    assert [(trial.outcome, trial.reason) for trial in paused] == [("paused", "the study is being stopped")]
    assert paused[0].seconds is not None
    assert paused[0].seconds > 2  # half of the grace
    study = tune(objective)
    assert [(trial.outcome, trial.attempt, trial.value) for trial in study.trials] == [("done", 1, 1 / STEPS)]
    assert Path("log").read_text().split() == [*map(str, range(1, STEPS + 1)), "the", "end"]


def test_a_class_that_cannot_save_goes_on_for_as_long_as_it_may() -> None:
    study = stopped(Unsaved, grace=60)
    assert [(trial.outcome, trial.attempt) for trial in study.trials] == [("done", 0)]
    study = stopped(Unsaved, grace=4, trials=2)
    assert [(trial.outcome, trial.attempt) for trial in study.trials] == [("done", 0), ("paused", 0)]


@pytest.mark.parametrize("kind", ["generator", "Unsaved", "script"])
def test_trials_run_on_when_their_study_is_given_more_of_them(kind: str, folder: Path) -> None:
    """Their peer is replaced by another once they have ended, however long that takes."""
    script = folder / "train.py"
    script.write_text(SCRIPT.format(folder=str(Path(__file__).parent)))
    what = str(script) if kind == "script" else f"{Path(__file__)}:{kind}"
    words = ["tune", what, "-p", "x=(0.0, 1.0)", "--name", "s", "-n", "1", "--grace", "1", "-q"]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    running = subprocess.Popen([sys.executable, "-m", "shoal", *words], env={**os.environ, "PYTHONPATH": path})
    wait_until(lambda: Path("log").exists())
    study = Study.open("s")
    shoal.tune(None, name="s", trials=2, timeout=0, progress=False)
    assert running.wait(60) == 0
    study = Study.open("s")
    assert [(trial.outcome, trial.attempt) for trial in study.trials] == [("done", 0)] * 2
    assert begun() == 2  # none began again


SAVES = """
import signal, sys, time
from pathlib import Path
import shoal
state, end = Path(shoal.checkpoint_dir(), "step"), []

def save(number, frame):
    with open("log", "a") as file:
        file.write("told\\n")
    end.append(number)

signal.signal(signal.SIGTERM, save)
step = int(state.read_text()) if state.exists() else 0
while step < 200:
    step += 1
    time.sleep(0.05)
    with open("log", "a") as file:
        file.write(f"{step}\\n")
    shoal.report(step=step, loss=1 / step)
    if end:
        time.sleep(0.5)
        state.write_text(str(step))
        sys.exit(0)
"""


def test_a_script_that_saves_and_ends_well_when_it_is_told_to_is_paused_and_told_once(folder: Path) -> None:
    (folder / "saves.py").write_text(SAVES)
    study = stopped("saves.py", grace=4)
    assert [(trial.outcome, trial.value) for trial in study.trials] == [("paused", None)]
    study = tune("saves.py")
    assert [(trial.outcome, trial.attempt, trial.value) for trial in study.trials] == [("done", 1, 1 / STEPS)]
    said = Path("log").read_text().split()
    assert said.count("told") == 1
    assert [word for word in said if word != "told"] == [*map(str, range(1, STEPS + 1))]


def test_trials_use_the_wall_time_and_are_told_to_save_before_its_end() -> None:
    """No other would be begun after 6 of the 12 seconds; those that run have until 3 are left, and half of the 3 before
    to save."""
    study = tune(generator, wall_time=12, grace=6)
    assert study.ended.startswith("the wall time left, 6 s, fits no other trial")
    (trial,) = study.trials
    assert trial.outcome == "paused"
    assert Path("shoal.files/s/000000/checkpoint/step").read_text() == str(trial.reports[-1].step)


def waits(params: dict[str, float], trial: Any) -> float:
    log(f"{trial.number} {os.getpid()}")
    if trial.number == 0:
        wait_until(lambda: Path("go").exists())
    if trial.number > 1:
        wait_until(lambda: len(late()) == 2)
    return params["x"]


def late() -> set[str]:
    """The processes that ran trials beyond the first two."""
    lines = Path("log").read_text().splitlines()
    return {line.split()[1] for line in lines if not line.startswith(("0 ", "1 "))}


def test_all_workers_work_on_where_a_study_is_given_more_trials_while_its_last_ones_run() -> None:
    """One of two had nothing left to do, and has gone home."""
    more = threading.Thread(target=lambda: give_more(12))
    more.start()
    study = tune(waits, trials=2, workers=2)
    more.join()
    assert [trial.outcome for trial in study.trials] == ["done"] * 12
    assert len(late()) == 2


def give_more(trials: int) -> None:
    wait_until(lambda: Path("log").exists() and Study.open("s").trials[1:] and Study.open("s").trials[1].value)
    shoal.tune(None, name="s", trials=trials, timeout=0, progress=False)
    Path("go").touch()
