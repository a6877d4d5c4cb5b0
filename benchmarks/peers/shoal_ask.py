"""Shoal: what a proposal costs after some trials of ten floats. Usage: shoal_ask.py SEARCH TRIALS ASKS"""

import json
import sys
from statistics import median
from time import perf_counter

import numpy as np

import shoal

search, trials, asks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(0)
start = [{f"x{place}": float(value) for place, value in enumerate(row)} for row in rng.random((trials, 10))]
study = shoal.Study({f"x{place}": (0.0, 1.0) for place in range(10)}, search=search, seed=0, start=start)


def loss(params: dict[str, float]) -> float:
    return sum((place + 1) * (value - 0.3) ** 2 for place, value in enumerate(params.values()))


seconds = []
for number in range(trials + asks):
    began = perf_counter()
    trial = study.ask()
    if number >= trials:
        seconds.append(perf_counter() - began)
    study.tell(trial, loss(trial.params))
print(json.dumps({"median": median(seconds), "mean": sum(seconds[1:]) / (asks - 1), "first": seconds[0]}))
