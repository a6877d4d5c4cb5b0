"""What DeepHyper's options of a model-based search are in Shoal; what has no counterpart is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from shoal.errors import ShoalError, unknown

FORESTS = ("ET", "RF")  # Shoal's forest is of extremely randomised trees
ACQUISITIONS: Mapping[str, str] = {
    "UCB": "LCB", "LCB": "LCB", "UCBd": "LCB", "LCBd": "LCB", "qUCB": "qLCB", "qUCBd": "qLCB", "qLCB": "qLCB",
    "EI": "EI", "EId": "EI", "PI": "PI", "PId": "PI", "gp_hedge": "hedge", "gp_hedged": "hedge",
}  # fmt: skip
LIARS: Mapping[str, str] = {"cl_min": "min", "cl_mean": "mean", "cl_max": "max"}
ALIKE: Mapping[str, str] = {  # other names that an option had or has
    "learner": "surrogate_model", "liar_strategy": "multi_point_strategy", "initial_points": "start",
}  # fmt: skip
KNOWN = (
    "surrogate_model", "surrogate_model_kwargs", "acq_func", "acq_func_kwargs", "kappa", "xi", "scheduler",
    "multi_point_strategy", "n_initial_points", "acq_optimizer", "acq_optimizer_kwargs", "n_points", "n_jobs",
    "filter_duplicated", "solution_selection", "checkpoint_history_to_csv", "start", *ALIKE,
)  # fmt: skip
ONLY: Mapping[str, tuple[Any, str]] = {  # what there is one way of alone
    "n_jobs": (1, "a forest is grown by one thread, in each peer"),
    "filter_duplicated": (True, "no point is tried twice"),
    "solution_selection": ("argmax_obs", "the best is the best that was observed"),
    "acq_optimizer": ("sampling", "candidates are sampled, and then those close to the best"),
}


def model_based(given: Mapping[str, Any], dimensions: int) -> tuple[str, dict[str, Any]]:
    """The search, by Shoal's name, and its settings. Raises ShoalError for what Shoal cannot do."""
    asked: dict[str, Any] = {}
    for name, value in given.items():
        if name not in KNOWN:
            raise ShoalError(unknown("option", name, KNOWN) + "; others of DeepHyper's have no counterpart in Shoal")
        if value is not None:
            asked[ALIKE.get(name, name)] = value
    asked |= _inner(asked, "acq_func_kwargs", ("kappa", "xi", "scheduler"))
    asked |= _inner(asked, "acq_optimizer_kwargs", ("n_points", "n_jobs", "filter_duplicated"))
    for name, (value, why) in ONLY.items():
        if asked.get(name, value) not in (value, "auto"):
            raise ShoalError(f"{name}={asked[name]!r}: in Shoal {why}; leave it out")
    surrogate = asked.get("surrogate_model", "ET")
    if surrogate == "DUMMY":
        return "random", _alone(asked, surrogate, ())
    if surrogate == "GP":
        return "gp", _alone(asked, surrogate, ("n_initial_points", "n_points"))
    if surrogate not in FORESTS:
        raise ShoalError(unknown("surrogate_model", surrogate, (*FORESTS, "GP", "DUMMY")))
    return "forest", _forest(asked, dimensions)


def _inner(asked: Mapping[str, Any], name: str, known: tuple[str, ...]) -> dict[str, Any]:
    """The options in a dict of options."""
    inner = dict(asked.get(name, {}))
    for option in inner:
        if option not in known:
            raise ShoalError(f"{name}: {unknown('option', option, known)}; others of DeepHyper's have no counterpart")
    return inner


def _alone(asked: Mapping[str, Any], surrogate: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    """The settings of a search that has few of them."""
    names = {"n_initial_points": "design", "n_points": "candidates"}
    harmless = {"surrogate_model", "checkpoint_history_to_csv", "start", "acq_optimizer_kwargs", *ONLY}
    for name in asked:
        if name not in (*allowed, *harmless):
            raise ShoalError(f"{name}={asked[name]!r} is not for the surrogate {surrogate!r} in Shoal; leave it out")
    return {names[name]: asked[name] for name in allowed if name in asked}


def _forest(asked: Mapping[str, Any], dimensions: int) -> dict[str, Any]:
    settings: dict[str, Any] = {"design": asked.get("n_initial_points", 2 * dimensions + 1)}
    acquisition, strategy = asked.get("acq_func", "UCB"), asked.get("multi_point_strategy")
    if acquisition not in ACQUISITIONS:
        raise ShoalError(unknown("acq_func", acquisition, ACQUISITIONS))
    ours = ACQUISITIONS[acquisition]
    if asked.keys() & {"acq_func", "multi_point_strategy", "kappa", "scheduler"}:
        settings["acquisition"] = ours
    bound = ours.endswith("LCB")
    if strategy is not None and strategy in LIARS:
        settings["liar"] = LIARS[strategy]
    elif strategy in ("qUCB", "qUCBd") and bound:
        settings["acquisition"] = "qLCB"
    elif strategy is not None:
        raise ShoalError(
            unknown("multi_point_strategy", strategy, (*LIARS, "qUCB", "qUCBd")) + "; qUCB is for UCB alone"
        )
    if "xi" in asked and not bound:
        raise ShoalError(f"xi={asked['xi']!r}: the improvement that Shoal expects has no margin; leave it out")
    if "kappa" in asked and not (bound or ours == "hedge"):
        raise ShoalError(f"kappa={asked['kappa']!r} is of UCB, and acq_func is {acquisition}; leave one out")
    if "kappa" in asked:
        settings["kappa"] = float(asked["kappa"])
    settings |= _decay(asked.get("scheduler"), settings.get("kappa", 1.96))
    trees = _inner(asked, "surrogate_model_kwargs", ("n_estimators",))
    settings |= {"trees": trees["n_estimators"]} if trees else {}
    return settings | ({"candidates": asked["n_points"]} if "n_points" in asked else {})


def _decay(scheduler: Any, kappa: float) -> dict[str, Any]:
    if scheduler is None:
        return {}
    known = ("type", "period", "kappa_final", "rate")
    if not isinstance(scheduler, Mapping) or scheduler.get("type") != "periodic-exp-decay" or "period" not in scheduler:
        raise ShoalError(
            f"scheduler={scheduler!r:.200}: Shoal knows {{'type': 'periodic-exp-decay', 'period': 25, 'kappa_final': "
            "0.1}"
        )
    for name in scheduler:
        if name not in known:
            raise ShoalError(f"scheduler: {unknown('option', name, known)}")
    period = int(scheduler["period"])
    final = scheduler.get("kappa_final", kappa * math.exp(-scheduler.get("rate", 0.1) * period))
    return {"period": period, "final_kappa": float(final)}
