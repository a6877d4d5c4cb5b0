"""Ax: what a proposal costs after some trials of ten floats. Usage: ax_ask.py TRIALS ASKS"""

import json
import logging
import sys
import warnings
from statistics import median
from time import perf_counter

import numpy as np
import torch
from ax.api.client import Client
from ax.api.configs import RangeParameterConfig

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)
torch.set_num_threads(1)
trials, asks = int(sys.argv[1]), int(sys.argv[2])
names = [f"x{place}" for place in range(10)]
client = Client(random_seed=0)
client.configure_experiment(
    [RangeParameterConfig(name=name, bounds=(0.0, 1.0), parameter_type="float") for name in names]
)
client.configure_optimization(objective="-loss")


def loss(params: dict[str, float]) -> float:
    return sum((place + 1) * (value - 0.3) ** 2 for place, value in enumerate(params.values()))


for row in np.random.default_rng(0).random((trials, 10)).tolist():
    params = dict(zip(names, row, strict=True))
    client.complete_trial(client.attach_trial(params), raw_data={"loss": loss(params)})
seconds = []
for _ in range(asks):
    began = perf_counter()
    ((number, params),) = client.get_next_trials(max_trials=1).items()
    seconds.append(perf_counter() - began)
    client.complete_trial(number, raw_data={"loss": loss(params)})
print(json.dumps({"median": median(seconds)}))
