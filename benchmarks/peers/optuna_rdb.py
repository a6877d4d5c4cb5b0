"""Optuna: a function that does nothing, ten floats, random, on a database. Usage: optuna_rdb.py URL PROCESSES TRIALS

Many processes on one study. Creating the study, starting the processes and importing are not timed: they begin together
once all are ready.
"""

import json
import multiprocessing
import sys
from time import perf_counter
from typing import Any

import optuna


def objective(trial: optuna.Trial) -> float:
    for place in range(10):
        trial.suggest_float(f"x{place}", 0.0, 1.0)
    return 0.0


def work(url: str, trials: int, seed: int, ready: Any) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name="noop", storage=url, sampler=optuna.samplers.RandomSampler(seed=seed))
    ready.wait()
    study.optimize(objective, n_trials=trials)


if __name__ == "__main__":
    url, processes, trials = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(study_name="noop", storage=url)
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(processes + 1)
    each = max(trials // processes, 1)
    workers = [spawn.Process(target=work, args=(url, each, seed, ready)) for seed in range(processes)]
    for worker in workers:
        worker.start()
    ready.wait(timeout=600)
    began = perf_counter()
    for worker in workers:
        worker.join()
    seconds = perf_counter() - began
    done = sum(trial.state == optuna.trial.TrialState.COMPLETE for trial in study.get_trials(deepcopy=False))
    print(json.dumps({"trials": done, "seconds": seconds, "asked": each * processes}))
