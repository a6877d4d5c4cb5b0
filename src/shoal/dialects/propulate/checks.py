"""What is asked of islands and runs, checked: what is wrong is refused with the way out, and nothing is rounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import msgspec
import numpy as np

from shoal.errors import StudyError
from shoal.islands import Islands as Plan

STORE = "propulate.store"


def whole(name: str, value: Any, least: int) -> int:
    """A whole number of ``least`` or more."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        raise StudyError(f"{name} must be a whole number of {least} or more, got {value!r:.100}")
    return int(value)


def wholes(name: str, values: Any, least: int) -> list[int]:
    """A list of such numbers; arrays of floats that are whole will do, as ``numpy.zeros`` gives them."""
    found = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(found, Sequence) or isinstance(found, str) or not len(found):
        raise StudyError(f"{name} must be whole numbers of {least} or more, got {values!r:.100}")
    return [
        whole(name, int(value) if isinstance(value, float) and value.is_integer() else value, least) for value in found
    ]


def flows_of(topology: Any) -> str | list[list[int]]:
    """A topology as Shoal's islands have it: by its name, or as a matrix."""
    if topology is None or isinstance(topology, str):
        return topology or "full"
    rows = topology.tolist() if isinstance(topology, np.ndarray) else topology
    if not isinstance(rows, Sequence) or any(isinstance(row, (str, int, float)) for row in rows):
        raise StudyError(f"migration_topology must be a square matrix of whole numbers, got {topology!r:.100}")
    return [wholes("migration_topology", row, 0) for row in rows]


def sizes_of(workers: int, islands: Any, given: Any) -> list[int]:
    """How many workers each island has. One process alone works for all islands in turn, and where there are more
    islands than workers all have the same share."""
    if given is None:
        count = whole("num_islands", islands, 1)
        if count > workers:
            return [1] * count
        return [workers // count + (island < workers % count) for island in range(count)]
    sizes = wholes("island_sizes", given, 1)
    if workers > 1 and sum(sizes) != workers:
        raise StudyError(f"island_sizes {sizes} add up to {sum(sizes)}, but there are {workers} workers")
    return sizes


def at_least(name: str, value: Any, least: float) -> float:
    """A number of that or more."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not least <= value < math.inf:
        raise StudyError(f"{name} must be a number of {least:g} or more, got {value!r:.100}")
    return float(value)


def chance_of(name: str, value: Any) -> float:
    """A probability."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not 0 <= value <= 1:
        raise StudyError(f"{name} must be a probability in [0, 1], got {value!r:.100}")
    return float(value)


def as_begun(asked: Plan | None, begun: Plan | None) -> Plan | None:
    """The islands of a run that goes on are as it was begun with them: the number of workers may have changed, and with
    it the size of each island and how likely one worker is to send migrants."""
    if asked is None or begun is None or asked.count != begun.count:
        return asked
    now, then = asked.migration_probability, begun.migration_probability
    alike = math.isclose(now, then) or math.isclose(now * mean(asked.sizes or [1]), then * mean(begun.sizes or [1]))
    same = msgspec.structs.replace(asked, sizes=begun.sizes, migration_probability=then) == begun
    return begun if alike and same else asked


def refuse_pickles(path: Path) -> None:
    """Raises StudyError where Propulate itself has left its population: nothing is ever unpickled."""
    if path.exists() and not path.is_dir():
        raise StudyError(f"checkpoint_path must be a folder, but {path} is a file")
    found = sorted([*path.glob("island_*_ckpt.pickle"), *path.glob("island_*_ckpt.bkp")]) if path.is_dir() else []
    if found:
        raise StudyError(
            f"{found[0]} is a checkpoint of Propulate's, a pickle, which may run any code when it is read: Shoal never "
            f"does. Give another checkpoint_path, or finish that run with Propulate; Shoal keeps its journal in {STORE}"
        )


def made_folder(path: Path) -> None:
    """Raises StudyError where the folder cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"checkpoint_path {path} cannot be made: {error.strerror}; give one that can") from None


def check_comms(island: Any, world: Any, worker: Any) -> None:
    """Raises StudyError for communicators of the user's own."""
    for name, comm, usual in (("island_comm", island, "COMM_WORLD"), ("propulate_comm", world, "COMM_WORLD"),
                              ("worker_sub_comm", worker, "COMM_SELF")):  # fmt: skip
        if comm is not None:
            from mpi4py import MPI

            if comm != getattr(MPI, usual):
                raise StudyError(
                    f"{name}: communicators of your own have no counterpart, all ranks are peers of one study; use "
                    "Islands(num_islands=…, ranks_per_worker=…)"
                )
