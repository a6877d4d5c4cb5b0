"""Whether this process is one of an MPI job's."""

from __future__ import annotations

import os
import sys
from typing import TypeVar

T = TypeVar("T")

LAUNCHED = ("PMI_RANK", "PMIX_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")


def ranks() -> tuple[int, int]:
    """This process's rank, and how many there are: 0 and 1 outside of an MPI job."""
    if "mpi4py.MPI" not in sys.modules and not any(name in os.environ for name in LAUNCHED):
        return 0, 1
    from mpi4py import MPI

    return MPI.COMM_WORLD.rank, MPI.COMM_WORLD.size


def of_the_first(told: T) -> T:
    """What the first rank has told."""
    if ranks()[1] == 1:
        return told
    from mpi4py import MPI

    return MPI.COMM_WORLD.bcast(told, root=0)  # type: ignore[no-any-return]
