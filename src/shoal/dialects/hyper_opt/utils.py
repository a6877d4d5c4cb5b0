"""Callbacks that report to a trial after each epoch, and end it where it is to be pruned."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from shoal.dialects.hyper_opt import optuna
from shoal.dialects.hyper_opt.trial import Trial
from shoal.errors import ObjectiveError


class PyTorchPruningCallback:
    """For loops of one's own: call it after each epoch with the metrics, ``callback(epoch, {"val_loss": loss})``, or
    with the monitored value alone. Raises TrialPruned. ``interval``: every so many epochs it looks."""

    def __init__(self, trial: Trial, monitor: str, interval: int = 1) -> None:
        if isinstance(interval, bool) or not isinstance(interval, int) or interval < 1:
            raise ObjectiveError(f"interval must be a whole number of 1 or more, got {interval!r}")
        self.trial, self.monitor, self.interval = trial, monitor, interval

    def __call__(self, epoch: int, logs: Mapping[str, Any] | float | None) -> None:
        value = logs.get(self.monitor) if isinstance(logs, Mapping) else logs
        if value is None or epoch % self.interval:
            return
        self.trial.report(float(value), step=epoch)
        if self.trial.should_prune():
            raise _pruned()(f"Trial was pruned at epoch {epoch}: {self.trial.pruned}")


class KerasPruningCallback(PyTorchPruningCallback):
    """For ``Model.fit(callbacks=[KerasPruningCallback(trial, "val_loss")])``, of any Keras."""

    def __init__(self, trial: Trial, monitor: str, interval: int = 1) -> None:
        super().__init__(trial, monitor, interval)
        self.model: Any = None
        self.params: Any = None
        self.validation_data = None
        self._chief_worker_only = None
        self._supports_tf_logs = False

    def set_params(self, params: Any) -> None:
        self.params = params

    def set_model(self, model: Any) -> None:
        self.model = model

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self(epoch, logs or {})

    def _implements_train_batch_hooks(self) -> bool:
        return False

    _implements_test_batch_hooks = _implements_predict_batch_hooks = _implements_train_batch_hooks

    def __getattr__(self, name: str) -> Any:
        """Keras calls many hooks, ``on_batch_begin`` and the like; nothing is to be done in the others."""
        if name.startswith("on_"):
            return lambda *arguments, **named: None
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


def _pruned() -> type[Exception]:
    """Optuna's exception where the objective imported it, so that what it catches is what is raised."""
    return getattr(sys.modules.get("optuna"), "TrialPruned", optuna.TrialPruned)
