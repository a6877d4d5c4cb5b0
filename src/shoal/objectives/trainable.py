"""A class with ``setup``, ``step``, ``save`` and ``load``: for trials that can be paused and gone on with."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Generator
from pathlib import Path
from time import monotonic
from typing import Any

from shoal.contracts import Answer, Paused, Running
from shoal.errors import ObjectiveError
from shoal.files import CHECKPOINT
from shoal.records import Metrics

EVERY = 10.0  # seconds between checkpoints, at least …
SHARE = 20.0  # … and as many times what one takes
STATE = "shoal.json"  # written last: a checkpoint that has it is whole


class TrainableObjective:
    """The class is made anew for each trial, and its methods are called in this order.

    ``setup(params)`` or ``setup(params, trial)`` once; ``load(directory)`` if there is a checkpoint; ``step()``
    again and again, each time returning metrics, until it returns None or raises StopIteration; ``save(directory)``
    when the trial is paused or the study interrupted, and now and then between two steps, so that little is lost
    with a machine. ``close()``, where there is one, at the end. Without ``save`` and ``load`` a trial that is
    interrupted begins again.
    """

    def __init__(self, trainable: type) -> None:
        if not callable(getattr(trainable, "step", None)):
            raise ObjectiveError(
                f"class {trainable.__name__} needs a method step() that returns metrics, or None at the end"
            )
        self._trainable = trainable
        self._saves = callable(getattr(trainable, "save", None)) and callable(getattr(trainable, "load", None))

    def run(self, trial: Running) -> Generator[tuple[int | None, Answer], None, None]:
        model = self._trainable()
        try:
            yield from self._steps(model, trial)
        finally:
            if hasattr(model, "close"):
                model.close()

    def _steps(self, model: Any, trial: Running) -> Generator[tuple[int | None, Answer], None, None]:
        if hasattr(model, "setup"):
            FunctionCall(model.setup)(trial)
        trial.saves = self._saves
        step, last = self._resume(model, trial) if self._saves else (0, None)
        if last is not None:
            yield step, last  # should that have been the last step
        due = monotonic() + EVERY
        try:
            while True:
                if trial.overdue or (trial.interrupted and self._saves):
                    raise Paused
                try:
                    answer = model.step()
                except StopIteration:
                    return
                if answer is None:
                    return
                step += 1
                yield step, answer
                if self._saves and (began := monotonic()) > due:
                    save(model, trial.directory, step, trial.last)
                    due = monotonic() + max(EVERY, SHARE * (monotonic() - began))
        except Paused:
            if self._saves:
                save(model, trial.directory, step, trial.last)
            raise

    def _resume(self, model: Any, trial: Running) -> tuple[int, Metrics | None]:
        """Load the latest whole checkpoint; returns its step and metrics."""
        for name in (CHECKPOINT, f"{CHECKPOINT}.old"):
            if (trial.directory / name / STATE).is_file():
                model.load(trial.directory / name)
                state = json.loads((trial.directory / name / STATE).read_text())
                return state["step"], state["metrics"]
        return 0, None

    def close(self) -> None:
        """Nothing to let go of."""


class FunctionCall:
    """Calls a method with (params) or (params, trial), as it wants."""

    def __init__(self, method: Any) -> None:
        from shoal.objectives.function import _positional

        self._method, self._arguments = method, _positional(method)

    def __call__(self, trial: Running) -> None:
        self._method(trial.params, trial) if self._arguments == 2 else self._method(trial.params)


def save(model: Any, directory: Path, step: int, metrics: Metrics | None) -> None:
    """Write a checkpoint so that there is always a whole one: into a new directory, which then takes the old one's
    place."""
    fresh, old = directory / f"{CHECKPOINT}.new", directory / f"{CHECKPOINT}.old"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    model.save(fresh)
    (fresh / STATE).write_text(json.dumps({"step": step, "metrics": metrics}))
    shutil.rmtree(old, ignore_errors=True)
    if (directory / CHECKPOINT).exists():
        os.replace(directory / CHECKPOINT, old)
    os.replace(fresh, directory / CHECKPOINT)
    shutil.rmtree(old, ignore_errors=True)
