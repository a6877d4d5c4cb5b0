"""Shoal: what a proposal costs after so many trials with learning curves. Usage: shoal_curves.py RULE TRIALS ASKS

A proposal is a new trial, or one that is gone on with.
"""

import json
import sys
from statistics import median
from time import perf_counter

import shoal

rule, trials, asks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
space = {f"x{place}": (0.0, 1.0) for place in range(6)}
study = shoal.Study(space, search="gp", stopping=rule, budget=shoal.Budget("epoch", 1, 81), seed=0)


def loss(params: dict[str, float], epoch: int) -> float:
    """A bowl, which trials come the sooner to the greater x0 is."""
    bowl = sum((place + 1) * (value - 0.3) ** 2 for place, value in enumerate(params.values()))
    return float(bowl + epoch ** -(0.3 + params["x0"]))


seconds: list[float] = []
latest = 0
while len(seconds) < asks:
    began = perf_counter()
    trial = study.ask()
    if latest >= trials:
        seconds.append(perf_counter() - began)
    latest = max(latest, trial.number)
    for epoch in range(trial.last_step + 1, 82):
        decision = study.report(trial, epoch, loss=loss(trial.params, epoch))
        if decision.stop or decision.pause:
            break
    study.tell(trial)
print(json.dumps({"median": median(seconds), "mean": sum(seconds) / asks, "longest": max(seconds)}))
