"""Whether this process is one of an MPI job's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

from shoal.engines.shares import OTHERS, VISIBLE
from shoal.errors import ShoalError

T = TypeVar("T")

LAUNCHED = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")


def ranks() -> tuple[int, int]:
    """This process's rank, and how many there are: 0 and 1 outside of an MPI job."""
    if "mpi4py.MPI" not in sys.modules and not any(name in os.environ for name in LAUNCHED):
        return 0, 1
    from mpi4py import MPI

    return MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size


def of_the_first(tell: Callable[[], T]) -> T:
    """What the first rank tells. An error of Shoal's that it meets is raised on all ranks: none waits in vain."""
    rank, size = ranks()
    if size == 1:
        return tell()
    from mpi4py import MPI

    told: T | ShoalError | None = None
    if rank == 0:
        try:
            told = tell()
        except ShoalError as error:
            told = error
    heard = MPI.COMM_WORLD.bcast(told, root=0)
    if isinstance(heard, ShoalError):
        raise heard
    return heard  # type: ignore[no-any-return]


def all_gpus() -> dict[str, str | None]:
    """The variables that say which GPUs are to be seen, as they are now: scripts choose theirs by their rank."""
    return {name: os.environ.get(name) for name in (VISIBLE, *OTHERS)}


def see(gpus: Mapping[str, str | None]) -> None:
    """Have this process see those GPUs again."""
    for name, value in gpus.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
