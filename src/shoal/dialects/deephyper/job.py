"""What a run-function is given, and what becomes of its answer."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from shoal.contracts import Running, Stopped
from shoal.dialects.deephyper.loading import load
from shoal.errors import ObjectiveError, ShoalError
from shoal.space import Params

METRIC = "objective"


class RunningJob(dict[str, Any]):
    """The params of a trial, as ``job["lr"]`` or ``job.parameters["lr"]``; and its reports."""

    def __init__(self, parameters: Params, trial: Running, last: float | None = None) -> None:
        super().__init__(parameters)
        self.parameters = dict(parameters)
        self.id = str(trial.number)
        self.objective: float | None = None  # the last that was recorded
        self._trial, self._last, self._stopped = trial, last, False

    def record(self, budget: float, objective: float) -> None:
        """Report an objective at a step, such as an epoch; the stopper decides on it."""
        self.objective = objective
        self._stopped = self._stopped or (self._last is not None and budget >= self._last)
        try:
            self._trial.report(cast(int, budget), **{METRIC: objective})
        except Stopped:
            self._stopped = True

    def stopped(self) -> bool:
        """Whether the stopper wants the run-function to return."""
        return self._stopped


@dataclass(frozen=True)
class Evaluation:
    """A run-function as an objective of Shoal: ``run`` is a function, or where to find one.

    ``inactive`` is what hyperparameters are that are not searched in a trial; ``last`` the step after which a trial is
    told to return.
    """

    run: Callable[..., Any] | str
    inactive: Params = field(default_factory=dict)
    last: float | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def function(self) -> Callable[..., Any]:
        found = load(self.run, ("run",)) if isinstance(self.run, str) else self.run
        if not callable(found):
            raise ObjectiveError(f"{self.run} is no function, but {found!r:.100}")
        return found

    def __call__(self, params: Params, trial: Running) -> dict[str, Any]:
        job = RunningJob({**self.inactive, **params}, trial, self.last)
        answer = self.function(job, **self.arguments)
        if inspect.iscoroutine(answer):
            answer = asyncio.run(answer)
        return answer_of(answer, params)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "function"}


def answer_of(answer: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """A run-function's answer as metrics: ``objective``, and what it says beside under ``metadata``.

    Raises ObjectiveError for "F…", which says that the evaluation failed, and for several objectives.
    """
    metadata: Mapping[str, Any] = {}
    if isinstance(answer, Mapping):
        unknown = set(answer) - {"objective", "metadata"}
        if unknown or "objective" not in answer:
            raise ObjectiveError(
                f"the run-function returned a dict of {', '.join(map(repr, answer))}; it may hold 'objective' and "
                "'metadata'"
            )
        metadata, answer = answer.get("metadata") or {}, answer["objective"]
    if isinstance(answer, str):
        raise ObjectiveError(answer if answer.startswith("F") else f"F: the run-function returned {answer!r:.200}")
    if isinstance(answer, (tuple, list)):
        raise ObjectiveError(f"the run-function returned {len(answer)} objectives; Shoal optimises one")
    return {METRIC: answer, **{_name(name, params): _plain(value) for name, value in metadata.items()}}


def _name(name: Any, params: Mapping[str, Any]) -> str:
    return f"m:{name}" if name in params or name == METRIC else str(name)


def _plain(value: Any) -> Any:
    return (
        value
        if isinstance(value, (bool, int, float, str)) or hasattr(value, "item")
        else json.dumps(value, default=str)
    )


def profile(run_function: Callable[..., Any] | None = None, **options: Any) -> Callable[..., Any]:
    """Have a run-function say in its metadata when it began and ended, in seconds since 1970. Takes no options."""
    if options or run_function is None:
        raise ShoalError(f"profile: Shoal cannot do {', '.join(options) or 'this'}; write @profile alone")

    @functools.wraps(run_function)
    def profiled(job: RunningJob, *words: Any, **arguments: Any) -> dict[str, Any]:
        begin = time.time()
        answer = run_function(job, *words, **arguments)
        told = dict(answer) if isinstance(answer, Mapping) else {"objective": answer}
        told["metadata"] = {"timestamp_start": begin, "timestamp_end": time.time(), **(told.get("metadata") or {})}
        return told

    return profiled
