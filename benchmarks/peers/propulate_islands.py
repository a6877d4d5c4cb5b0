"""One of Propulate's functions, minimised by its script under MPI: with Propulate, or with the names alone.

Usage: propulate_islands.py MODULE RANKS FUNCTION GENERATIONS SEED PROPAGATOR CHECKPOINTS

MODULE is propulate or shoal.dialects.propulate; PROPAGATOR default or cma; CHECKPOINTS yes or no (Propulate writes its
population after each evaluation; without, its search is the same and it takes less time).
"""

import importlib
import json
import random
import sys
from pathlib import Path
from time import perf_counter

from ranks import among_ranks

if __name__ == "__main__" and among_ranks(int(sys.argv[2])):
    from mpi4py import MPI

    module, function, generations, seed, kind, checkpoints = (sys.argv[1], *sys.argv[3:8])
    tool = importlib.import_module(module)
    functions = importlib.import_module(f"{module}.utils.benchmark_functions")
    comm = MPI.COMM_WORLD
    rng = random.Random(1000 * int(seed) + comm.rank)
    loss_fn, limits = functions.get_function_search_space(function)
    if kind == "cma":
        adapter = tool.propagators.ActiveCMA()
        propagator = tool.propagators.CMAPropagator(adapter, limits, rng=rng)
    else:
        propagator = tool.get_default_propagator(pop_size=2 * comm.size, limits=limits, rng=rng)
    comm.Barrier()
    began = perf_counter()
    tuner = tool.Propulator(
        loss_fn=loss_fn, propagator=propagator, rng=rng, generations=int(generations), checkpoint_path=Path("ckpt")
    )
    if checkpoints == "no" and module == "propulate":
        tuner._dump_checkpoint = lambda: None
    tuner.propulate(logging_interval=10**9, debug=0)
    seconds = comm.allreduce(perf_counter() - began, MPI.MAX)
    losses = [individual.loss for individual in tuner.population]
    if comm.rank == 0:
        print(json.dumps({"trials": len(losses), "seconds": seconds, "best": float(min(losses))}))
