"""One of Propulate's functions, minimised by its script under MPI: with Propulate, or with the names alone.

Usage: propulate_islands.py MODULE RANKS FUNCTION GENERATIONS SEED PROPAGATOR CHECKPOINTS

MODULE is propulate or shoal.dialects.propulate; PROPAGATOR default or cma; CHECKPOINTS yes or no (Propulate writes its
population after each evaluation; without, its search is the same and it takes less time). A job that fails counts with
what it had found by then: Propulate's CMA-ES asserts that its matrix is finite, and it is not always. What lies outside
of the limits does not count: that one goes there, too.
"""

import importlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from time import perf_counter

from ranks import INSIDE, LOOPBACK

LIMIT = 45.0  # seconds; a job takes a few


def launch(ranks: int) -> None:
    """Run the job; where it fails, print what its ranks had found."""
    command = [str(Path(sys.executable).parent / "mpiexec"), "-n", str(ranks), sys.executable, *sys.argv]
    environment = {**os.environ, **LOOPBACK, INSIDE: "yes"}
    began = perf_counter()
    try:
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=LIMIT)
        told = "" if done.returncode else done.stdout.splitlines()[-1]
    except subprocess.TimeoutExpired:  # the other ranks wait for the one that failed
        told = ""
    if not told:
        found = [path.read_text().split() for path in Path().glob("found-*")]
        trials, best = sum(int(count) for count, _ in found), min(float(loss) for _, loss in found)
        told = json.dumps({"trials": trials, "seconds": perf_counter() - began, "best": best, "failed": True})
    print(told)


def main(module: str, function: str, generations: int, seed: int, kind: str, checkpoints: str) -> None:
    from mpi4py import MPI

    tool = importlib.import_module(module)
    functions = importlib.import_module(f"{module}.utils.benchmark_functions")
    comm = MPI.COMM_WORLD
    rng = random.Random(1000 * seed + comm.rank)
    loss_fn, limits = functions.get_function_search_space(function)
    found, best, count = Path(f"found-{comm.rank}"), float("inf"), 0

    def told(individual):  # type: ignore[no-untyped-def]
        nonlocal best, count
        loss, count = loss_fn(individual), count + 1
        inside = all(low <= individual[name] <= high for name, (low, high) in limits.items())
        if (inside and loss < best) or count % 100 == 0:
            best = min(best, loss) if inside else best
            found.write_text(f"{count} {float(best)}")
        return loss

    if kind == "cma":
        propagator = tool.propagators.CMAPropagator(tool.propagators.ActiveCMA(), limits, rng=rng)
    else:
        propagator = tool.get_default_propagator(pop_size=2 * comm.size, limits=limits, rng=rng)
    comm.Barrier()
    began = perf_counter()
    tuner = tool.Propulator(
        loss_fn=told, propagator=propagator, rng=rng, generations=generations, checkpoint_path=Path("ckpt")
    )
    if checkpoints == "no" and module == "propulate":
        tuner._dump_checkpoint = lambda: None
    tuner.propulate(logging_interval=10**9, debug=0)
    seconds = comm.allreduce(perf_counter() - began, MPI.MAX)
    best = comm.allreduce(best, MPI.MIN)
    if comm.rank == 0:
        trials = len(tuner.population)
        print(json.dumps({"trials": trials, "seconds": seconds, "best": float(best), "failed": False}))


if __name__ == "__main__":
    if INSIDE in os.environ:
        main(sys.argv[1], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), *sys.argv[6:8])
    else:
        launch(int(sys.argv[2]))
