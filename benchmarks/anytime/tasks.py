"""Problems with learning curves: recorded by this project, and published ones."""

from __future__ import annotations

import importlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

import shoal
from benchmarks.anytime import curves
from benchmarks.anytime.curves import Point
from benchmarks.quality.tasks import DATA, Spec

DRAWS = 200  # random trials that tell how long a trial takes
FULL = 1_000.0  # virtual seconds of a mean trial: so much that no tool's own pauses weigh anything
Curve = list[Point]


@dataclass(frozen=True)
class Budget:
    """How much of a trial can be run, in whole steps."""

    name: str
    least: int
    most: int


@dataclass(frozen=True)
class Task:
    """``measured(params)`` gives the loss after each step, and the seconds until then.

    ``space`` is plain JSON, one object a param. ``best`` is the least final loss known, ``usual`` the median of those
    of random trials: what a regret of 0 and of 1 mean. ``worst`` stands for a trial that failed.
    """

    name: str
    space: Mapping[str, Spec]
    budget: Budget
    measured: Callable[[Mapping[str, Any]], Curve]
    best: float
    usual: float
    worst: float
    _known: dict[str, Curve] = field(default_factory=dict, repr=False)

    def curve(self, params: Mapping[str, Any]) -> Curve:
        """Steps, losses and virtual seconds, of which a mean trial takes `FULL`. A loss that is not finite is the last:
        there the trial fails."""
        key = json.dumps(params, sort_keys=True)
        if key not in self._known:
            scaled = [(step, loss, seconds * FULL / self.seconds) for step, loss, seconds in self.measured(params)]
            self._known[key] = _until_failed(scaled)
        return self._known[key]

    def final(self, params: Mapping[str, Any]) -> float:
        """The loss of a trial that runs to its end; NaN for one that fails."""
        return self.curve(params)[-1][1]

    def regret(self, loss: float) -> float:
        """How far a loss is from the best that is known; NaN counts as the loss of one of the worst trials."""
        known = loss if math.isfinite(loss) else self.worst
        return max(0.0, (known - self.best) / max(self.usual - self.best, 1e-300))

    @cached_property
    def domains(self) -> shoal.Space:
        return shoal.Space({name: _domain(spec) for name, spec in self.space.items()})

    @cached_property
    def seconds(self) -> float:
        """What a random trial takes on average."""
        rng = np.random.default_rng(0)
        drawn = [_until_failed(self.measured(self.domains.sample(rng))) for _ in range(DRAWS)]
        return float(np.mean([curve[-1][2] for curve in drawn]))


def _until_failed(curve: Curve) -> Curve:
    failed = next((place for place, (_, loss, _) in enumerate(curve) if not math.isfinite(loss)), len(curve))
    return curve[: failed + 1]


def _domain(spec: Spec) -> Any:
    if spec["type"] == "cat":
        return shoal.choice(spec["choices"])
    log, whole = bool(spec.get("log")), spec["type"] == "int"
    make = (shoal.lograndint if log else shoal.randint) if whole else shoal.loguniform if log else shoal.uniform
    return make(spec["low"], spec["high"])


class Tasks(Mapping[str, Task]):
    """All tasks there are, by name; each is made when first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Task] = {}

    @cached_property
    def _makers(self) -> dict[str, Callable[[], Task]]:
        makers = {f"curves/{name}": _recorded(name) for name in curves.NAMES}
        if folder := os.environ.get(DATA):
            sys.path.insert(0, folder)
            suite = importlib.import_module("suite")
            makers |= {task.name: _published(task) for task in suite.tasks(multi_fidelity=True) if task.resumable}
        return makers

    def __getitem__(self, name: str) -> Task:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def _published(task: Any) -> Callable[[], Task]:
    def make() -> Task:
        def measured(params: Mapping[str, Any]) -> Curve:
            told = task.curve(task.prune(dict(params)))
            return [(int(step), float(loss), float(seconds)) for step, loss, seconds in told]

        known = ("type", "low", "high", "log", "choices")
        space = {p: {key: spec[key] for key in known if key in spec} for p, spec in task.space.items()}
        budget = Budget(task.fidelity_name, int(task.min_fidelity), int(task.max_fidelity))
        return Task(
            task.name, space, budget, measured, task.best_known, task.quantiles[0.5], task.quantiles[0.99]
        )  # fmt: skip

    return make


def _recorded(name: str) -> Callable[[], Task]:
    def make() -> Task:
        table = curves.load(name)
        final: NDArray[np.float64] = table.losses[:, -1]
        budget = Budget("step", 1, table.losses.shape[1])
        ended = final[np.isfinite(final)]
        return Task(
            f"curves/{name}", table.space, budget, table.curve, float(ended.min()),
            float(np.median(np.nan_to_num(final, nan=np.inf))), float(np.quantile(ended, 0.99)),
        )  # fmt: skip

    return make
