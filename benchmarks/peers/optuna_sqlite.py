"""Optuna: a function that does nothing, ten floats, random, on SQLite. Usage: optuna_sqlite.py TRIALS

Creating the database and the study is not timed.
"""

import json
import sys
from time import perf_counter

import optuna


def objective(trial: optuna.Trial) -> float:
    for place in range(10):
        trial.suggest_float(f"x{place}", 0.0, 1.0)
    return 0.0


trials = int(sys.argv[1])
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(storage="sqlite:///optuna.db", sampler=optuna.samplers.RandomSampler(seed=0))
began = perf_counter()
study.optimize(objective, n_trials=trials)
print(json.dumps({"trials": trials, "seconds": perf_counter() - began}))
