"""Pruners by Optuna's names, as stopping rules of Shoal. An option that has no counterpart is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from shoal.catalog import STOPPINGS
from shoal.errors import StudyError, unknown

KNOWN: dict[str, dict[str, Any]] = {  # Optuna's options with their defaults
    "NopPruner": {},
    "MedianPruner": {"n_startup_trials": 5, "n_warmup_steps": 0, "interval_steps": 1, "n_min_trials": 1},
    "PercentilePruner": {"percentile": 25.0, "n_startup_trials": 5, "n_warmup_steps": 0, "interval_steps": 1,
                         "n_min_trials": 1},
    "PatientPruner": {"wrapped_pruner": None, "patience": None, "min_delta": 0.0},
    "ThresholdPruner": {"lower": None, "upper": None, "n_warmup_steps": 0, "interval_steps": 1},
    "SuccessiveHalvingPruner": {"min_resource": "auto", "reduction_factor": 4, "min_early_stopping_rate": 0,
                                "bootstrap_count": 0},
    "HyperbandPruner": {"min_resource": 1, "max_resource": "auto", "reduction_factor": 3, "bootstrap_count": 0},
}  # fmt: skip
BRACKETS = 4  # where nothing is said of the most: from 1 to 3³ steps


def pruning(given: Mapping[str, Any] | None, several: bool = False) -> tuple[dict[str, Any], list[str]]:
    """Fields of `shoal.tune`, and what was translated, in words. Raises StudyError for what is unknown."""
    if given is None:
        return {"stopping": "none"}, []
    options = dict(given)
    type_ = options.pop("type", None)
    if type_ != "NopPruner" and several:
        raise StudyError("pruner: trials with several metrics cannot be pruned; leave the pruner out")
    if type_ in STOPPINGS:
        return {"stopping": type_, "stopping_settings": options}, []
    if type_ not in KNOWN:
        raise StudyError(f"pruner: {unknown('pruner', type_, (*KNOWN, *STOPPINGS))}")
    for option in options:
        if option not in KNOWN[type_]:
            raise StudyError(f"pruner: {unknown(f'option of {type_}', option, KNOWN[type_])}")
    rule, settings = _rule(type_, {**KNOWN[type_], **options})
    words = ", ".join(f"{name} {value}" for name, value in settings.items())
    fields = {"stopping": rule, "stopping_settings": settings} if settings else {"stopping": rule}
    return fields, [f"{type_}: Shoal's {rule}{f' with {words}' if words else ''}"]


def _rule(type_: str, o: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if type_ == "NopPruner":
        return "none", {}
    if type_ in ("MedianPruner", "PercentilePruner"):
        settings = {"competitors": max(o["n_startup_trials"], o["n_min_trials"], 1), "warmup": o["n_warmup_steps"],
                    "interval": o["interval_steps"]}  # fmt: skip
        if type_ == "MedianPruner":
            return "median", settings
        return "percentile", {"percentile": o["percentile"], **settings}
    if type_ == "PatientPruner":
        return _patient(o)
    if type_ == "ThresholdPruner":
        _only(type_, o, interval_steps=1)
        bounds = {name: o[name] for name in ("lower", "upper") if o[name] is not None}
        return "threshold", {**bounds, "warmup": max(o["n_warmup_steps"] - 1, 0)}
    return _halving(type_, o)


def _patient(o: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if not isinstance(o["wrapped_pruner"], Mapping) or o["patience"] is None:
        raise StudyError("pruner: PatientPruner needs patience, and wrapped_pruner: {type: MedianPruner, …}")
    inner = pruning(o["wrapped_pruner"])[0]
    return "patient", {"rule": inner["stopping"], "settings": inner.get("stopping_settings", {}),
                       "patience": max(o["patience"], 1), "least": o["min_delta"]}  # fmt: skip


def _halving(type_: str, o: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    _only(type_, o, bootstrap_count=0)
    eta = o["reduction_factor"]
    least = 1 if o["min_resource"] == "auto" else o["min_resource"]
    if type_ == "SuccessiveHalvingPruner":
        return "asha", {"eta": eta, "grace": least * eta ** o["min_early_stopping_rate"]}
    most = o["max_resource"]
    brackets = BRACKETS if most == "auto" else int(math.log(most / least) / math.log(eta) + 1e-9) + 1
    return "asha", {"eta": eta, "grace": least, "brackets": brackets}


def _only(type_: str, options: Mapping[str, Any], **meant: Any) -> None:
    for option, value in meant.items():
        if options[option] != value:
            raise StudyError(
                f"pruner: {type_}: {option}={options[option]!r} has no counterpart in Shoal; it is {value!r}"
            )
