"""Shoal: ask and tell with ten floats, random, in memory. Usage: shoal_memory.py TRIALS"""

import json
import sys
from time import perf_counter

import shoal

trials = int(sys.argv[1])
study = shoal.Study({f"x{place}": (0.0, 1.0) for place in range(10)}, search="random", seed=0)
began = perf_counter()
for _ in range(trials):
    trial = study.ask()
    study.tell(trial, 0.0)
print(json.dumps({"trials": trials, "seconds": perf_counter() - began}))
