"""A function of ``(params)`` or ``(params, trial)``, plain or a generator that yields metrics as it goes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Mapping
from typing import Any

from shoal.contracts import Answer, Running
from shoal.errors import ObjectiveError
from shoal.objectives.lines import Steps


class FunctionObjective:
    """A plain function answers once; each yield of a generator is a report, at steps 1, 2, 3 …, or at the step or the
    epoch that it names, as one that goes on from a checkpoint does.

    A generator's return value, where it has one, is its result; otherwise the last yield is.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._arguments = _positional(function)

    def run(self, trial: Running) -> Generator[tuple[int | None, Answer], None, None]:
        answer = self._function(trial.params, trial) if self._arguments == 2 else self._function(trial.params)
        if isinstance(answer, Generator):
            yield from _drain(answer, trial.counted)
        else:
            yield None, answer

    def close(self) -> None:
        """Nothing to let go of."""


def _drain(generator: Generator[Any, None, Any], counted: str) -> Generator[tuple[int | None, Answer], None, None]:
    """Yields are counted from 1, or name their step: {"step": 3, …}, {"epoch": 3, …}, {counted: 3, …}."""
    steps, answered = Steps(counted), False
    try:
        while True:
            try:
                answer = next(generator)
            except StopIteration as end:
                if end.value is not None or not answered:
                    yield None, end.value
                return
            answered = True
            yield (steps(answer)[0] if isinstance(answer, Mapping) else steps.count()), answer
    finally:
        generator.close()  # runs its `finally` when the trial ends early


def _positional(function: Callable[..., Any]) -> int:
    """1 for ``(params)``, 2 for ``(params, trial)``."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # builtins do not tell
        return 1
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in places if p.default is p.empty]
    named = len(places) >= 2 and places[1].name in ("trial", "job")
    if len(needed) > 2 or (not places and not any(p.kind is p.VAR_POSITIONAL for p in parameters)):
        raise ObjectiveError(
            f"{getattr(function, '__name__', function)} must take (params) or (params, trial), "
            f"not {inspect.signature(function)}"
        )
    return 2 if len(needed) == 2 or named else 1
