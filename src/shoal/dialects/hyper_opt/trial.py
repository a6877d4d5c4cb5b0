"""A trial as Optuna's users know it: ``suggest_*`` answers from the YAML, ``should_prune`` from Shoal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from shoal.contracts import GO, Halted
from shoal.dialects.hyper_opt.parameters import Parameter, alike, domain
from shoal.errors import ObjectiveError, SpaceError, unknown
from shoal.live import LiveTrial


class Trial:
    """One trial of a study. Params are those of the YAML: a name that is not there cannot be suggested."""

    def __init__(self, live: LiveTrial, parameters: Sequence[Parameter], metric: str) -> None:
        self.live = live  # Shoal's own, with its directory, checkpoint and budget
        self._metric = metric
        self._parameters = {one.name: one for one in parameters}
        self._pruned = ""
        self.user_attrs: dict[str, Any] = {}
        self.results: dict[str, Any] = {}  # what `save` was given

    @property
    def number(self) -> int:
        return self.live.number

    @property
    def params(self) -> dict[str, Any]:
        """The params that are active, by their names."""
        return {name: self._value(name) for name in self.live.params}

    def set_user_attr(self, key: str, value: Any) -> None:
        """Keep a value beside the metrics."""
        self.user_attrs[key] = value

    # ------------------------------------------------------------------ pruning

    def report(self, value: float, step: int) -> None:
        """Report the metric at a step, from which pruning is decided. NaN and infinity prune the trial."""
        number = float(value)
        if not math.isfinite(number):
            self._pruned = f"it reported {number} at step {step}"
            return
        try:
            self.live.report(int(step), **{self._metric: number})
        except Halted as halt:
            if self.live.decision == GO:
                raise  # the study is being stopped, and no fault of the trial
            self._pruned = str(halt)

    def should_prune(self) -> bool:
        return bool(self._pruned) or self.live.decision != GO

    @property
    def pruned(self) -> str:
        """Why the trial should be pruned, in words; empty where it should not."""
        return self._pruned or self.live.decision.reason

    # ------------------------------------------------------------------ params

    def suggest_float(
        self, name: str | None = None, low: float | None = None, high: float | None = None, *,
        step: float | None = None, log: bool = False, **more: Any,
    ) -> Any:  # fmt: skip
        return self._suggest("float", name, more, low=low, high=high, step=step, log=log)

    def suggest_int(
        self, name: str | None = None, low: int | None = None, high: int | None = None, step: int = 1,
        log: bool = False, **more: Any,
    ) -> Any:  # fmt: skip
        return self._suggest("int", name, more, low=low, high=high, step=step, log=log)

    def suggest_uniform(
        self, name: str | None = None, low: float | None = None, high: float | None = None, **more: Any
    ) -> Any:
        return self._suggest("uniform", name, more, low=low, high=high)

    def suggest_loguniform(
        self, name: str | None = None, low: float | None = None, high: float | None = None, **more: Any
    ) -> Any:
        return self._suggest("loguniform", name, more, low=low, high=high)

    def suggest_discrete_uniform(
        self, name: str | None = None, low: float | None = None, high: float | None = None, q: float | None = None,
        **more: Any,
    ) -> Any:  # fmt: skip
        return self._suggest("discrete_uniform", name, more, low=low, high=high, q=q)

    def suggest_categorical(self, name: str | None = None, choices: Sequence[Any] | None = None, **more: Any) -> Any:
        return self._suggest("categorical", name, more, choices=choices)

    def _suggest(self, kind: str, name: str | None, more: Mapping[str, Any], **range_: Any) -> Any:
        """The value of a param. A whole entry of the YAML, ``**hyperparameters["num_dense"]``, is understood, too."""
        if "settings" in more:
            entry, kind = dict(more["settings"]), str(more.get("type", kind))
            name = entry.pop("name", name)
            range_ = entry
            more = {key: value for key, value in more.items() if key not in ("settings", "type", "when")}
        if more:
            raise ObjectiveError(f"trial.suggest_{kind}({name!r}, …): {unknown('argument', next(iter(more)), range_)}")
        if name not in self._parameters:
            raise ObjectiveError(
                f"trial.suggest_{kind}: {unknown('parameter', name, self._parameters)}. Give it in optuna: parameters:"
            )
        self._check(kind, name, {key: value for key, value in range_.items() if value is not None})
        if name not in self.live.params:
            raise ObjectiveError(f"parameter {name!r} is not active in this trial: {self._parameters[name].domain}")
        return self._value(name)

    def _check(self, kind: str, name: str, range_: Mapping[str, Any]) -> None:
        """Refuse a range that is not the YAML's: trials were proposed from that one."""
        own = self._parameters[name].domain
        try:
            asked = domain(kind, range_)
        except (SpaceError, TypeError) as error:
            raise ObjectiveError(f"trial.suggest_{kind}({name!r}, …): {error}") from None
        if not alike(asked, own):
            raise ObjectiveError(
                f"trial.suggest_{kind}({name!r}, …) asks for {asked}, but the YAML says {own}; make them agree"
            )

    def _value(self, name: str) -> Any:
        value = self.live.params[name]
        return float(value) if name in self._parameters and self._parameters[name].real else value
