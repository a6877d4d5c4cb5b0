"""A class whose trials are paused by an interrupt goes on where it was, and its curve is that of an unbroken run."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import shoal
from conftest import wait_until
from shoal.study import Study

SCRIPT = """
import time
from pathlib import Path
import shoal

class Training:
    def setup(self, params):
        self.x, self.epoch = params["x"], 0
    def step(self):
        if self.epoch == 1000:
            return None
        if not Path("fast").exists():
            time.sleep(0.05)
        self.epoch += 1
        with open(f"steps-{self.x}", "a") as file:
            file.write(f"{self.epoch}\\n")
        return {"loss": self.x / self.epoch}
    def save(self, directory):
        (directory / "epoch").write_text(str(self.epoch))
    def load(self, directory):
        self.epoch = int((directory / "epoch").read_text())

if __name__ == "__main__":
    shoal.tune(Training, {"x": (1.0, 2.0)}, trials=2, workers=2, name="paused", seed=0, search="random", progress=False)
"""


def reports(number: int) -> int:
    try:
        study = Study.open("paused")
        return len(study.trials[number].reports) if len(study.trials) > number else 0
    except shoal.StoreError:
        return 0


def test_an_interrupted_class_saves_its_state_and_goes_on_from_it(folder: Path) -> None:
    Path("training.py").write_text(SCRIPT)
    running = subprocess.Popen([sys.executable, "training.py"])
    wait_until(lambda: reports(0) > 3 and reports(1) > 3)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 0
    paused = Study.open("paused").trials
    assert [trial.outcome for trial in paused] == ["paused", "paused"]
    Path("fast").touch()
    subprocess.run([sys.executable, "training.py"], check=True)
    trials = Study.open("paused").trials
    assert [trial.outcome for trial in trials] == ["done", "done"]
    for trial in trials:
        steps = Path(f"steps-{trial.params['x']}").read_text().split()
        assert steps == [str(epoch) for epoch in range(1, 1001)]  # each epoch ran once, in order
        assert trial.value == pytest.approx(trial.params["x"] / 1000)
        assert trial.reports[-1].step == 1000


def test_a_class_without_a_step_is_refused() -> None:
    class Nothing:
        pass

    with pytest.raises(shoal.ObjectiveError, match=r"needs a method step\(\)"):
        shoal.tune(Nothing, {"x": (0.0, 1.0)}, progress=False)
