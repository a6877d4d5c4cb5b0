"""Syne Tune: a script run by its LocalBackend, random search. Usage: syne_tune_local.py SCRIPT TRIALS WORKERS

Only Tuner.run is timed. It is told to sleep 10 ms between looks (5 s by default), and to let running trials end.
"""

import contextlib
import json
import logging
import os
import sys
from pathlib import Path
from time import perf_counter

os.environ["SYNETUNE_FOLDER"] = str(Path.cwd())

from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import uniform
from syne_tune.optimizer.baselines import RandomSearch

script, trials, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
logging.getLogger().setLevel(logging.ERROR)
tuner = Tuner(
    trial_backend=LocalBackend(entry_point=script),
    scheduler=RandomSearch({"x": uniform(0.0, 1.0)}, metrics=["loss"], random_seed=0),
    stop_criterion=StoppingCriterion(max_num_trials_completed=trials),
    n_workers=workers,
    sleep_time=0.01,
    wait_trial_completion_when_stopping=True,
)
began = perf_counter()
with contextlib.redirect_stdout(sys.stderr):
    tuner.run()
seconds = perf_counter() - began
print(json.dumps({"trials": tuner.tuning_status.num_trials_completed, "seconds": seconds}))
