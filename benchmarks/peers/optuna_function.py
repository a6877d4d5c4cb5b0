"""Optuna's TPE on one of Propulate's functions, in several processes on one SQLite file.

Usage: optuna_function.py PROCESSES NAME DIMENSIONS LOW HIGH TRIALS; NAME is rastrigin, sphere or griewank
"""

import json
import subprocess
import sys
from time import perf_counter

import numpy as np
import optuna

FUNCTIONS = {
    "sphere": lambda x: float(x @ x),
    "rastrigin": lambda x: float(10 * len(x) + (x * x - 10 * np.cos(2 * np.pi * x)).sum()),
    "griewank": lambda x: float(1 + x @ x / 4000 - np.cos(x / np.sqrt(np.arange(1, len(x) + 1))).prod()),
}


def main(processes: int, name: str, dimensions: int, low: float, high: float, trials: int) -> None:
    def objective(trial: optuna.Trial) -> float:
        return FUNCTIONS[name](np.array([trial.suggest_float(f"x{k}", low, high) for k in range(dimensions)]))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage="sqlite:///optuna.db", study_name="s", load_if_exists=True)
    if processes == 1:
        study.optimize(objective, n_trials=trials)
        return
    began = perf_counter()
    command = [sys.executable, __file__, "1", name, str(dimensions), str(low), str(high), str(trials // processes)]
    running = [subprocess.Popen(command) for _ in range(processes)]
    if any(one.wait() for one in running):
        sys.exit("a process failed")
    print(json.dumps({"trials": len(study.trials), "seconds": perf_counter() - began, "best": study.best_value}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6]))
