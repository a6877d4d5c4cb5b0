"""Studies of two YAML files, made small."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

OBJECTIVE = """
from shoal.dialects.hyper_opt.base_objective import *


def custom_updates(trial, conf):
    hyperparameters = conf["optuna"]["parameters"]
    num_dense = trial.suggest_discrete_uniform(**hyperparameters["num_dense"])
    conf["model"]["dense_hidden_dims"] = [1000 for k in range(num_dense)]
    return conf


class Objective(BaseObjective):
    def __init__(self, study, config, metric="val_loss", device="cpu"):
        BaseObjective.__init__(self, study, config, metric, device)

    def train(self, trial, conf):
        conf = custom_updates(trial, conf)
        lr = conf["optimizer"]["learning_rate"]
        return {"val_loss": (lr - 0.003) ** 2 + len(conf["model"]["dense_hidden_dims"]), "val_accuracy": 1 - lr}
"""
PARAMETERS = {
    "num_dense": {"type": "int", "settings": {"name": "num_dense", "low": 0, "high": 10}},
    "optimizer:learning_rate": {"type": "loguniform", "settings": {"name": "lr", "low": 1e-7, "high": 0.01}},
}
MODEL = {
    "model": {"hidden_dims": [3, 94, 141], "dense_hidden_dims": [1000], "activation": "relu"},
    "optimizer": {"type": "lookahead-diffgrad", "learning_rate": 0.000631}, "trainer": {"epochs": 1},
}  # fmt: skip
OPTUNA = {
    "name": "pair", "objective": "objective.py", "metric": "val_loss", "direction": "minimize", "n_trials": 12,
    "save_path": "test", "sampler": {"type": "RandomSampler", "seed": 1}, "parameters": PARAMETERS,
}  # fmt: skip


def pair(folder: Path, code: str = OBJECTIVE, top: Mapping[str, Any] | None = None, **optuna: Any) -> list[str]:
    """Write hyper.yml, model.yml and objective.py; returns the two arguments. A key of ``optuna`` that is None is left
    out."""
    folder.mkdir(exist_ok=True, parents=True)
    section = {key: value for key, value in {**OPTUNA, **optuna}.items() if value is not None}
    (folder / "hyper.yml").write_text(yaml.safe_dump({"optuna": section, **(top or {})}, sort_keys=False))
    (folder / "model.yml").write_text(yaml.safe_dump(MODEL))
    (folder / "objective.py").write_text(code)
    return [str(folder / "hyper.yml"), str(folder / "model.yml")]


def training(body: str) -> str:
    """An objective in ECHO's form, whose train is this."""
    indented = "\n".join(f"        {line}" for line in body.strip().splitlines())
    return f"""
from shoal.dialects.hyper_opt.base_objective import *
from shoal.dialects.hyper_opt.pruners import KerasPruningCallback, PyTorchPruningCallback

class Objective(BaseObjective):
    def __init__(self, config, metric="val_loss"):
        BaseObjective.__init__(self, config, metric)

    def train(self, trial, conf):
{indented}
"""


def shoal(*words: str, status: int = 0) -> str:
    """What a command prints, and its errors."""
    done = subprocess.run([sys.executable, "-m", "shoal", *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout + done.stderr
