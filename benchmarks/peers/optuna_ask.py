"""Optuna or Rustuna: what a proposal costs after some trials. Usage: optuna_ask.py optuna|rustuna SAMPLER TRIALS
ASKS"""

import importlib
import json
import sys
import warnings
from statistics import median
from time import perf_counter

import numpy as np

warnings.filterwarnings("ignore")
tool, sampler, trials, asks = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
optuna = importlib.import_module(tool)
if tool == "optuna":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
create_trial = optuna.trial.create_trial
distributions = {f"x{place}": optuna.distributions.FloatDistribution(0.0, 1.0) for place in range(10)}


def loss(params: dict[str, float]) -> float:
    return sum((place + 1) * (value - 0.3) ** 2 for place, value in enumerate(params.values()))


study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=0))
for row in np.random.default_rng(0).random((trials, 10)):
    params = {f"x{place}": float(value) for place, value in enumerate(row)}
    study.add_trial(create_trial(params=params, distributions=distributions, value=loss(params)))
seconds = []
for _ in range(asks):
    began = perf_counter()
    trial = study.ask()
    params = {name: trial.suggest_float(name, 0.0, 1.0) for name in distributions}
    seconds.append(perf_counter() - began)
    study.tell(trial if tool == "optuna" else trial.number, loss(params))
print(json.dumps({"median": median(seconds), "mean": sum(seconds[1:]) / (asks - 1), "first": seconds[0]}))
