"""Problems to tune: published and recorded tables, tables of the project's own, and functions with known minima."""

from __future__ import annotations

import fnmatch
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.quality import tables
from shoal import problems

DATA = "SHOAL_BENCH_DATA"  # the folder of a suite of tuning data: a module `suite` with names() and load(name)
FUNCTIONS = tuple(f"bbob_f{number}" for number in (1, 3, 8, 10, 15, 20, 21, 23))  # none has its minimum in the middle
Spec = Mapping[str, Any]  # {"type": "float" | "int" | "cat", "low", "high", "log", "choices"}


@dataclass(frozen=True)
class Task:
    """``run(params)`` gives the loss (nan: the trial failed) and the seconds that the trial takes.

    ``space`` is plain JSON, one object a param, so that every tool can build its own from it. ``best`` is the least
    loss known and ``usual`` the median of random trials: what a regret of 0 and of 1 mean.
    """

    name: str
    space: Mapping[str, Spec]
    run: Callable[[Mapping[str, Any]], tuple[float, float]]
    best: float
    usual: float

    def regret(self, loss: float) -> float:
        return max(0.0, (loss - self.best) / max(self.usual - self.best, 1e-300))


class Tasks(Mapping[str, Task]):
    """All tasks there are, by name; each is made when asked for."""

    @cached_property
    def _makers(self) -> dict[str, Callable[[], Task]]:
        makers: dict[str, Callable[[], Task]] = {f"tables/{name}": _table(name) for name in tables.NAMES}
        makers |= {f"functions/{name}_{d}": _function(name, d) for name in FUNCTIONS for d in (2, 5, 10, 20)}
        makers |= {f"functions/{name}": _function(name) for name in problems.CLASSIC}
        if folder := os.environ.get(DATA):
            sys.path.insert(0, folder)
            suite = importlib.import_module("suite")
            makers |= {name: _published(suite, name) for name in suite.names()}
        return makers

    def __getitem__(self, name: str) -> Task:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


def matching(known: Iterable[str], patterns: list[str]) -> list[str]:
    """Names of tasks that match one of some patterns, such as ``tables/*``. Raises SystemExit for one that matches
    none."""
    names = list(known)
    found: dict[str, None] = {}
    for pattern in patterns:
        matched = fnmatch.filter(names, pattern)
        if not matched:
            raise SystemExit(f"no task matches {pattern!r}; there are: {', '.join(names)} (more with {DATA} set)")
        found |= dict.fromkeys(matched)
    return list(found)


def _published(suite: Any, name: str) -> Callable[[], Task]:
    def make() -> Task:
        task = suite.load(name)

        def run(params: Mapping[str, Any]) -> tuple[float, float]:
            loss, seconds = task.evaluate(task.prune(dict(params)))
            return float(loss), float(seconds)

        known = ("type", "low", "high", "log", "choices")
        space = {p: {key: spec[key] for key in known if key in spec} for p, spec in task.space.items()}
        return Task(name, space, run, task.best_known, task.quantiles[0.5])

    return make


def _table(name: str) -> Callable[[], Task]:
    def make() -> Task:
        table = tables.load(name)
        return Task(f"tables/{name}", table.space, table.run, table.losses.min(), float(np.median(table.losses)))

    return make


def _function(name: str, *dimensions: int) -> Callable[[], Task]:
    def make() -> Task:
        problem = problems.problem(name, *dimensions)
        drawn = [problem(problem.space.sample(rng)) for rng in [np.random.default_rng(0)] for _ in range(1_000)]
        domains = problem.space.searched.items()
        space = {x: {"type": "float", "low": domain.at(0.0), "high": domain.at(1.0)} for x, domain in domains}
        seconds = np.random.default_rng(1)  # trials of a function take times of their own: a factor of three apart
        return Task(
            "_".join([f"functions/{name}", *map(str, dimensions)]), space,
            lambda params: (problem(dict(params)), float(seconds.lognormal(0.0, 0.5))),
            problem.minimum, float(np.median(drawn)),
        )  # fmt: skip

    return make
