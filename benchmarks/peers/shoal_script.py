"""Shoal: a script, random search, on SQLite. Usage: shoal_script.py SCRIPT TRIALS WORKERS [--fresh]

The whole call is timed. --fresh: a new interpreter for each trial instead of a fork.
"""

import json
import sys
from time import perf_counter

import shoal

if __name__ == "__main__":
    script, trials, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    began = perf_counter()
    study = shoal.tune(
        [sys.executable, script], {"x": (0.0, 1.0)}, trials=trials, workers=workers, search="random", seed=0,
        store="sqlite:///study.db", preload="--fresh" not in sys.argv, progress=False,
    )  # fmt: skip
    seconds = perf_counter() - began
    print(json.dumps({"trials": trials, "seconds": seconds, "done": sum(t.outcome == "done" for t in study.trials)}))
