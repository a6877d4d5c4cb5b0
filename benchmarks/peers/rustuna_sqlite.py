"""Rustuna: a function that does nothing, ten floats, random, on its SQLite3Storage. Usage: rustuna_sqlite.py TRIALS

Creating the database and the study is not timed.
"""

import json
import sys
from time import perf_counter

import rustuna


def objective(trial: rustuna.Trial) -> float:
    for place in range(10):
        trial.suggest_float(f"x{place}", 0.0, 1.0)
    return 0.0


trials = int(sys.argv[1])
storage = rustuna.storages.SQLite3Storage("rustuna.db")
study = rustuna.create_study(storage=storage, sampler=rustuna.samplers.RandomSampler(seed=0))
began = perf_counter()
study.optimize(objective, n_trials=trials)
print(json.dumps({"trials": trials, "seconds": perf_counter() - began}))
