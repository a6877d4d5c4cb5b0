"""Small runs by Propulate's names, and scripts of them as MPI jobs."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shoal.dialects.propulate import Individual, Islands, get_default_propagator
from shoal.dialects.propulate.propagators import Propagator

LIMITS: dict[str, Any] = {"x": (-1.0, 1.0), "n": (1, 5), "kind": ("round", "flat", "steep")}
MPIEXEC = Path(sys.executable).parent / "mpiexec"
LOOPBACK = {"HYDRA_IFACE": "lo", "FI_TCP_IFACE": "lo", "UCX_NET_DEVICES": "lo", "UCX_LOG_LEVEL": "error"}


def bowl(params: Individual) -> float:
    return float(params["x"] ** 2 + params["n"] + (params["kind"] == "flat"))


def default(limits: Any = None, pop_size: int = 4, **chances: float) -> Propagator:
    return get_default_propagator(pop_size, LIMITS if limits is None else limits, rng=random.Random(0), **chances)


def islands(loss: Any = bowl, generations: int = 6, propagator: Any = None, path: str = "ckpt", **more: Any) -> Islands:
    return Islands(
        loss, propagator or default(), random.Random(0), generations=generations, checkpoint_path=path, **more
    )


def evolved(loss: Any = bowl, generations: int = 6, propagator: Any = None, **more: Any) -> Islands:
    """Islands that have run."""
    made = islands(loss, generations, propagator, **more)
    made.propulate(logging_interval=1, debug=0)
    return made


def population(made: Islands) -> list[Individual]:
    return made.propulator.population


def outcomes(made: Islands) -> list[str]:
    return [trial.outcome for trial in made.propulator.study.trials]


def script(text: str, *words: object, ranks: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    """A script that is run, with ``ranks`` as an MPI job; one that hangs fails the test."""
    if ranks and not MPIEXEC.exists():
        pytest.skip("no mpiexec beside this Python: pip install mpich mpi4py")
    Path("script.py").write_text(text)
    job = [str(MPIEXEC), "-n", str(ranks)] if ranks else []
    return subprocess.run(
        [*job, sys.executable, "script.py", *map(str, words)], capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, **LOOPBACK, "OMP_NUM_THREADS": "1", **environment},
    )  # fmt: skip
