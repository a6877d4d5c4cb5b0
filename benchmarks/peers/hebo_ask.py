"""HEBO: what a proposal costs after some trials of ten floats. Usage: hebo_ask.py TRIALS ASKS"""

import json
import sys
import warnings
from statistics import median
from time import perf_counter

import numpy as np
import pandas as pd
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO

warnings.filterwarnings("ignore")
torch.set_num_threads(1)
trials, asks = int(sys.argv[1]), int(sys.argv[2])
names = [f"x{place}" for place in range(10)]
search = HEBO(DesignSpace().parse([{"name": name, "type": "num", "lb": 0.0, "ub": 1.0} for name in names]))


def loss(rows: pd.DataFrame) -> np.ndarray:
    return ((rows.to_numpy() - 0.3) ** 2 @ np.arange(1, 11)).reshape(-1, 1)


told = pd.DataFrame(np.random.default_rng(0).random((trials, 10)), columns=names)
search.observe(told, loss(told))
seconds = []
for _ in range(asks):
    began = perf_counter()
    row = search.suggest(1)
    seconds.append(perf_counter() - began)
    search.observe(row, loss(row))
print(json.dumps({"median": median(seconds)}))
