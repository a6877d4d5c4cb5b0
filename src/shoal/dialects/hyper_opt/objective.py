"""What a peer runs: the user's Objective, once for each peer, and its trials."""

from __future__ import annotations

import gc
import importlib.util
import inspect
import logging
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from shoal.contracts import GO, Decision, Paused, Stopped
from shoal.dialects.hyper_opt.base_objective import BaseObjective, plain
from shoal.dialects.hyper_opt.optuna import is_pruned
from shoal.dialects.hyper_opt.parameters import Parameter, parameters
from shoal.dialects.hyper_opt.trial import Trial
from shoal.dialects.hyper_opt.view import StudyView
from shoal.errors import ObjectiveError, StudyError
from shoal.live import LiveTrial

FILE = "hyper_opt.yaml"  # in the study's directory
MEMORY = ("outofmemory", "out of memory", "resourceexhausted", "resource_exhausted", "cuda_error_out_of_memory")


class Frozen(msgspec.Struct):
    """What peers need of the two YAML files, as it was when the study was begun or gone on with."""

    objective: str  # the path of the script
    config: dict[str, Any]  # the model configuration, with its optuna section
    metrics: dict[str, str]
    gpu: bool
    log: str | None

    @property
    def metric(self) -> str | list[str]:
        names = list(self.metrics)
        return names if len(names) > 1 else names[0]


def run(params: dict[str, Any], trial: LiveTrial) -> dict[str, Any]:
    """One trial; the results that its ``train`` returned. What `shoal.tune` is given as the objective."""
    file = trial.directory.parent / FILE
    try:
        worker = _worker(file, file.stat().st_mtime_ns)
    except FileNotFoundError:
        raise StudyError(f"{file} is gone, which says what to run; `shoal tune` writes it, given both YAMLs") from None
    return worker.evaluate(trial)


class Worker:
    """The user's Objective in this process."""

    def __init__(self, frozen: Frozen, name: str) -> None:
        self._frozen, self._name = frozen, name
        self._class = load(Path(frozen.objective))
        self._parameters: list[Parameter] = parameters(frozen.config["optuna"]["parameters"])
        self._objective: Any = None

    def evaluate(self, live: LiveTrial) -> dict[str, Any]:
        if self._objective is None:
            self._objective = self._make(live)
        trial = Trial(live, self._parameters, next(iter(self._frozen.metrics)))
        try:
            value = self._objective(trial)
        except Exception as error:
            if is_pruned(error):
                halt(live, trial.pruned or f"the objective pruned it: {error}")
            if out_of_memory(error):
                raise ObjectiveError(_memory_words(error, live.device)) from error
            raise
        live.decision = GO  # it ran to its end: whoever does not ask whether to prune is not pruned
        return self._results(trial, value)

    def _make(self, live: LiveTrial) -> Any:
        """The Objective with as many of (study, config, metric, device) as it takes."""
        device = live.device if self._frozen.gpu else "cpu"
        given: dict[str, Any] = {"config": self._frozen.config, "metric": self._frozen.metric, "device": device,
                                 "study": StudyView(live, self._frozen.metrics)}  # fmt: skip
        made = call_with(self._class, given)
        if isinstance(made, BaseObjective):
            made.set_properties(node_id=self._name, device=device)
        return made

    def _results(self, trial: Trial, value: Any) -> dict[str, Any]:
        """All results as metrics; what `save` returned counts for the metrics that are optimised."""
        names = list(self._frozen.metrics)
        values = list(value) if len(names) > 1 and isinstance(value, (list, tuple)) else [value]
        if len(values) != len(names):
            raise ObjectiveError(f"the objective must return the values of {', '.join(names)}; got {value!r:.100}")
        found = {name: plain(told) for name, told in trial.user_attrs.items()}
        found |= trial.results | dict(zip(names, values, strict=True))
        return {f"result:{name}" if name in trial.live.params else name: told for name, told in found.items()}


@cache
def _worker(file: Path, changed: int) -> Worker:
    frozen = msgspec.convert(yaml.safe_load(file.read_text(encoding="utf-8")), Frozen)
    if frozen.log is not None:
        log_to(Path(frozen.log))
    job = next((os.environ[name] for name in ("SLURM_JOB_ID", "PBS_JOBID") if os.environ.get(name)), "")
    return Worker(frozen, f"{job.split('.')[0]}{'_' if job else ''}{os.uname().nodename.split('.')[0]}_{os.getpid()}")


def load(path: Path) -> Any:
    """The class Objective of a script. Raises ObjectiveError where there is none."""
    for folder in (os.getcwd(), str(path.parent)):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location("custom_objective", path)
    if spec is None or spec.loader is None:
        raise ObjectiveError(f"{path} is no Python script")
    module = importlib.util.module_from_spec(spec)
    sys.modules["custom_objective"] = module
    spec.loader.exec_module(module)
    found = getattr(module, "Objective", None)
    if not inspect.isclass(found) or not callable(getattr(found, "train", None)):
        raise ObjectiveError(f"{path} has no class Objective with a method train(self, trial, conf)")
    return found


def call_with(make: Any, given: Mapping[str, Any]) -> Any:
    """Call a class with those of study, config, metric and device that it takes, by their names."""
    places = inspect.signature(make).parameters.values()
    if any(p.kind is p.VAR_KEYWORD for p in places):
        return make(**given)
    unknown = [
        p.name for p in places if p.default is p.empty and p.name not in given and p.kind is not p.VAR_POSITIONAL
    ]
    if unknown or not any(p.name == "config" for p in places):
        raise ObjectiveError(
            f"Objective{inspect.signature(make)} must take config, may take {', '.join(given)}; others need defaults"
        )
    return make(**{p.name: given[p.name] for p in places if p.name in given})


def halt(live: LiveTrial, reason: str) -> None:
    """End a trial that its objective pruned, as the stopping rule decided, or for good."""
    if live.decision == GO:
        live.decision = Decision(stop=True, reason=reason)
    raise (Paused if live.decision.pause else Stopped)(reason)


def out_of_memory(error: BaseException) -> bool:
    """Whether a device, or this machine, had no memory left, in the words of PyTorch, TensorFlow, JAX or CuPy."""
    said = f"{type(error).__name__} {error}".lower()
    return isinstance(error, MemoryError) or any(word in said for word in MEMORY)


def _memory_words(error: BaseException, device: str) -> str:
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()  # what the next trial needs
    return f"out of memory on {device}: {type(error).__name__}: {str(error)[:500]}"


def log_to(path: Path) -> None:
    """Have what is logged go to a file as well; several processes append to it, a line at a time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, mode="a", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s:%(name)s:%(message)s"))
    for logger in (logging.getLogger(), logging.getLogger("shoal")):
        known = any(getattr(other, "baseFilename", "") == handler.baseFilename for other in logger.handlers)
        if not known and (logger.name == "root" or not logger.propagate):
            logger.addHandler(handler)
        if logger.getEffectiveLevel() > logging.INFO:
            logger.setLevel(logging.INFO)
