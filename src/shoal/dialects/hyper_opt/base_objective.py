"""The class that objectives inherit from: ``from shoal.dialects.hyper_opt.base_objective import *``."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from shoal.dialects.hyper_opt import nested, optuna, results
from shoal.dialects.hyper_opt.trial import Trial
from shoal.errors import ObjectiveError

__all__ = ["BaseObjective", "copy", "logging", "optuna"]

LOG = logging.getLogger(__name__)
DEFAULT = "val_loss"
SHARE = 20.0  # tables are merged again after so many times what it took


class BaseObjective:
    """Calls `train` with the model configuration, the trial's params filled in, and keeps what it returns.

    ``BaseObjective(study, config, metric, device)`` is the document's form, ``BaseObjective(config, metric)`` ECHO's.
    ``config`` is the model configuration, with ``config["optuna"]``; ``metric`` is a name, or a list of several.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        words: tuple[str, ...] = ("study", "config", "metric", "device")
        if given and isinstance(given[0], Mapping):
            words = words[1:]
        wrong = [name for name in named if name not in words or name in words[: len(given)]]
        if wrong or len(given) > len(words):
            raise ObjectiveError(
                f"BaseObjective takes {', '.join(words)}; got {len(given)} by place, and {list(named)}"
            )
        told = {"study": None, "metric": DEFAULT, "device": "cpu", **dict(zip(words, given, strict=False)), **named}
        if not isinstance(told.get("config"), Mapping):
            raise ObjectiveError("BaseObjective needs the config that the Objective was given")
        self.study, self.config = told["study"], told["config"]
        self.metric, self.device = told["metric"], told["device"]
        self.worker_index: str | None = None
        self.results_fn: Path | None = None
        self._merged, self._took = 0.0, 0.0

    def set_properties(self, node_id: str | None = None, device: Any = "cpu") -> None:
        """Which worker this is, and its device: "cpu", "cuda:0", 0, or several of these."""
        self.worker_index = node_id
        self.device = [_device(one) for one in device] if isinstance(device, (list, tuple)) else _device(device)
        folder = self.save_path / results.FOLDER
        self.results_fn = folder / f"trial_results_{'0' if node_id is None else node_id}.csv"
        LOG.info("Worker %s uses %s and saves the results of its trials to %s", node_id, self.device, self.results_fn)

    @property
    def save_path(self) -> Path:
        return Path(self.config["optuna"]["save_path"])

    def update_config(self, trial: Trial) -> dict[str, Any]:
        """The model configuration with the trial's params where their keys lead; the others are for custom_updates."""
        conf = copy.deepcopy(self.config)
        optuna_section = conf.pop("optuna", {})
        for key, name in _names(optuna_section["parameters"]).items():
            if name not in trial.params:
                continue  # it is not active in this trial
            if not nested.put(conf, key, trial.params[name]):
                LOG.warning("%s leads nowhere in the model configuration: it is left to custom_updates", key)
        return {**conf, "optuna": optuna_section}

    def train(self, trial: Any, conf: Any) -> Any:
        raise NotImplementedError("an Objective needs a method train(self, trial, conf) that returns a dict of results")

    def save(self, trial: Trial, results_dict: Mapping[str, Any]) -> Any:
        """Write what `train` returned beside the params, and return the metric, or a list of several."""
        if not isinstance(results_dict, Mapping):
            raise ObjectiveError(
                f"train must return a dict of results, with {self.metric!r}; got {results_dict!r:.100}"
            )
        wanted = [self.metric] if isinstance(self.metric, str) else list(self.metric)
        missing = [metric for metric in wanted if metric not in results_dict]
        if missing:
            had = ", ".join(map(str, results_dict))
            raise ObjectiveError(f"train must return the metric {missing[0]!r} among its results; it returned {had}")
        trial.results = {str(name): plain(value) for name, value in results_dict.items()}
        if self.results_fn is not None:
            row = {"trial": trial.number, **trial.params, **trial.results, "pruned": int(trial.should_prune())}
            results.write(self.results_fn, [*results.read(self.results_fn), row])
            self._merge()
        values = [results_dict[metric] for metric in wanted]
        return values[0] if isinstance(self.metric, str) else values

    def _merge(self) -> None:
        """Merge the tables of all workers, unless that was done just now; whoever ends the study merges them again."""
        if monotonic() - self._merged > SHARE * self._took:
            began = monotonic()
            results.merge(self.save_path)
            self._merged, self._took = monotonic(), monotonic() - began

    def __call__(self, trial: Trial) -> Any:
        conf = self.update_config(trial)
        LOG.info("Beginning trial %d: %s", trial.number, trial.params)
        return self.save(trial, self.train(trial, conf))


def plain(value: Any) -> Any:
    """A result as a column holds it: a number, text, true or false; JSON for a list or a dict."""
    if hasattr(value, "item") and getattr(value, "size", 1) == 1:
        value = value.item()
    elif hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, (list, tuple, dict)):
        return json.dumps(value, default=str)
    return value


def _names(parameters: Mapping[str, Any]) -> dict[str, str]:
    """What trials call each parameter, by its key."""
    found = {key: value.get("settings") if isinstance(value, Mapping) else None for key, value in parameters.items()}
    return {key: str((settings or {}).get("name", key)) for key, settings in found.items()}


def _device(device: Any) -> str:
    text = str(device)
    return f"cuda:{text}" if text.isdecimal() else text
