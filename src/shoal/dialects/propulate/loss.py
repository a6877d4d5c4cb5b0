"""Loss functions of Propulate's as objectives: of individuals, with a communicator or without, plain or generators."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Generator, Mapping
from typing import Any

from shoal.contracts import Running
from shoal.dialects.propulate.limits import Limits
from shoal.dialects.propulate.population import Individual
from shoal.dialects.propulate.world import see
from shoal.islands import Layout

LOG = logging.getLogger("propulate")


class Told:
    """What an individual is told about itself, and when a line is logged. ``gpus`` are those that its process is to
    see, where they are not Shoal's to deal out."""

    def __init__(
        self, limits: Limits, workers: int, layout: Layout, interval: int, gpus: Mapping[str, str | None]
    ) -> None:
        self._limits, self._workers, self._layout, self._interval = limits, workers, layout, max(interval, 1)
        self._gpus = gpus

    def individual(self, trial: Running) -> Individual:
        see(self._gpus)
        generation, rank = divmod(trial.number, self._workers)
        one = Individual({name: trial.params[name] for name in self._limits}, self._limits, None, generation, rank)
        one.island = one.current = self._layout.island(trial.number)
        if generation % self._interval == 0:
            LOG.info("Island %d Worker %d: In generation %d...", one.island, rank, generation)
        return one


def objective_of(loss_fn: Callable[..., Any], told: Told) -> Callable[[Any, Running], Any]:
    """The objective that evaluates individuals by a loss function of one argument, or of two."""
    needed = [
        parameter
        for parameter in inspect.signature(loss_fn).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]

    def call(trial: Running) -> Any:
        one = told.individual(trial)
        return loss_fn(one) if len(needed) < 2 else loss_fn(one, _communicator(trial))

    if inspect.isgeneratorfunction(loss_fn):

        def yields(params: Any, trial: Running) -> Generator[Any, None, None]:
            yield from call(trial)

        return yields

    def answers(params: Any, trial: Running) -> Any:
        return call(trial)

    return answers


def _communicator(trial: Running) -> Any:
    """That of the ranks which run the trial together; of this process alone where there are no others."""
    comm = getattr(trial, "comm", None)
    if comm is not None:
        return comm
    from mpi4py import MPI

    return MPI.COMM_SELF
