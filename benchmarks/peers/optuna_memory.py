"""Optuna: ask and tell with ten floats, random, in memory. Usage: optuna_memory.py TRIALS"""

import json
import sys
from time import perf_counter

import optuna

trials = int(sys.argv[1])
optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
began = perf_counter()
for _ in range(trials):
    trial = study.ask()
    for place in range(10):
        trial.suggest_float(f"x{place}", 0.0, 1.0)
    study.tell(trial, 0.0)
print(json.dumps({"trials": trials, "seconds": perf_counter() - began}))
