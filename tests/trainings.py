"""Classes that tests tune: they train for nine epochs, can be saved, and write down what they did."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

EPOCHS = 9
LOG = "steps.txt"


def meet(count: int) -> None:
    """Return once so many peers are at work: none has run all trials before the others have begun."""
    Path(f"{os.getpid()}.here").touch()
    end = time.monotonic() + 200
    while len(list(Path().glob("*.here"))) < count:
        assert time.monotonic() < end, f"{count} peers never met"
        time.sleep(0.01)


class Logged:
    """Loses x / epoch, and appends a line "number attempt step pid" for each step."""

    def setup(self, params: dict[str, Any], trial: Any) -> None:
        self.x, self.trial, self.epoch = params["x"], trial, 0

    def step(self) -> dict[str, float] | None:
        if self.epoch == EPOCHS:
            return None
        self.epoch += 1
        time.sleep(0.005)
        line = f"{self.trial.number} {self.trial.attempt} {self.epoch} {os.getpid()}\n"
        file = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(file, line.encode())
        os.close(file)
        return {"loss": self.x / self.epoch}

    def save(self, directory: Path) -> None:
        (directory / "epoch").write_text(str(self.epoch))

    def load(self, directory: Path) -> None:
        self.epoch = int((directory / "epoch").read_text())


class Met(Logged):
    """One of sixteen peers begins its first trial when all of them do."""

    def setup(self, params: dict[str, Any], trial: Any) -> None:
        meet(16)
        super().setup(params, trial)


class Killed(Logged):
    """Has its process killed in epoch 6 of a trial that was resumed, once."""

    def step(self) -> dict[str, float] | None:
        told = super().step()
        if self.epoch == 6 and self.trial.resumed and not Path("killed").exists():
            Path("killed").write_text(f"{self.trial.number} {self.trial.attempt}")
            os.kill(os.getpid(), signal.SIGKILL)
        return told


class Descent:
    """A linear regression by stochastic gradient descent with momentum; its random batches go on with it."""

    def setup(self, params: dict[str, Any]) -> None:
        world = np.random.default_rng(1)
        self.inputs = world.normal(size=(64, 5))
        self.targets = self.inputs @ world.normal(size=5) + 0.1 * world.normal(size=64)
        self.rate, self.momentum = params["rate"], params["momentum"]
        self.weights, self.speed, self.epoch = np.zeros(5), np.zeros(5), 0
        self.rng = np.random.default_rng(params["seed"])

    def step(self) -> dict[str, float] | None:
        if self.epoch == EPOCHS:
            return None
        self.epoch += 1
        for batch in self.rng.permutation(64).reshape(8, 8):
            error = self.inputs[batch] @ self.weights - self.targets[batch]
            self.speed = self.momentum * self.speed - self.rate * self.inputs[batch].T @ error / 8
            self.weights = self.weights + self.speed
        return {"loss": float(np.mean((self.inputs @ self.weights - self.targets) ** 2))}

    def save(self, directory: Path) -> None:
        np.savez(directory / "state.npz", weights=self.weights, speed=self.speed)
        (directory / "rest.json").write_text(json.dumps([self.epoch, self.rng.bit_generator.state]))

    def load(self, directory: Path) -> None:
        with np.load(directory / "state.npz") as state:
            self.weights, self.speed = state["weights"], state["speed"]
        self.epoch, self.rng.bit_generator.state = json.loads((directory / "rest.json").read_text())
