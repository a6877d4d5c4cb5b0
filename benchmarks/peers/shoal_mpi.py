"""Shoal: a function that does nothing, ten floats, in an MPI job. Usage: shoal_mpi.py RANKS TRIALS SEARCH POPULATION

The whole call of each rank is timed, with creating the store and its journal in SQLite; the slowest counts.
"""

import json
import sys
from time import perf_counter

from ranks import among_ranks

if __name__ == "__main__" and among_ranks(int(sys.argv[1])):
    from mpi4py import MPI
    from shoal_noop import facts, noop

    import shoal
    from shoal.stores.sql import SqlStore

    trials, search, population = int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    space = {f"x{place}": (0.0, 1.0) for place in range(10)}
    settings = {"pop_size": population} if search == "genetic" else {}
    MPI.COMM_WORLD.Barrier()
    began = perf_counter()
    shoal.tune(
        noop, space, trials=trials, engine="mpi", search=search, settings=settings, seed=0, name="noop",
        store="sqlite:///study.db", progress=False,
    )  # fmt: skip
    seconds = MPI.COMM_WORLD.allreduce(perf_counter() - began, MPI.MAX)
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps({"trials": trials, "seconds": seconds, **facts(SqlStore("sqlite:///study.db"), "noop")}))
