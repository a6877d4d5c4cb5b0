"""Propulate: a function that does nothing, ten floats, its default propagator.

Usage: propulate_mpi.py RANKS TRIALS POPULATION

`Propulator.propulate` alone is timed, from a barrier on; the slowest rank counts.
"""

import json
import logging
import random
import sys
from time import perf_counter
from typing import Any

from ranks import among_ranks


def noop(individual: Any) -> float:
    return 0.0


if __name__ == "__main__" and among_ranks(int(sys.argv[1])):
    from mpi4py import MPI
    from propulate import Propulator
    from propulate.utils import get_default_propagator

    logging.getLogger("propulate").setLevel(logging.ERROR)
    comm, trials, population = MPI.COMM_WORLD, int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(comm.rank)
    limits = {f"x{place}": (0.0, 1.0) for place in range(10)}
    propagator = get_default_propagator(pop_size=population, limits=limits, rng=rng)
    tuner = Propulator(loss_fn=noop, propagator=propagator, rng=rng, generations=trials // comm.size)
    comm.Barrier()
    began = perf_counter()
    tuner.propulate(logging_interval=10**9)
    seconds = comm.allreduce(perf_counter() - began, MPI.MAX)
    if comm.rank == 0:
        print(json.dumps({"trials": len(tuner.population), "seconds": seconds, "asked": trials}))
