"""Every stopping rule of the catalog, and a few settings, so that each stops or pauses some of `simulations.Safe`."""

from __future__ import annotations

from typing import Any

import pytest

from shoal import catalog
from shoal.contracts import Stopping

Rule = tuple[str, dict[str, Any]]
NEEDED: dict[str, dict[str, Any]] = {
    "threshold": {"lower": -1.2, "upper": 1.2},
    "patient": {"patience": 1, "least": 0.04},
    "plateau": {"deviation": 0.05},
}
RULES: dict[str, Rule] = {
    **{name: (name, NEEDED.get(name, {})) for name in catalog.STOPPINGS},
    "brackets": ("asha", {"brackets": 2, "eta": 2.5}),
    "late promotion": ("asha-promote", {"eta": 2, "grace": 2}),
    "asynchronous hyperband": ("hyperband", {"synchronous": False}),
    "slow pasha": ("pasha", {"eta": 2}),
    "strict percentile": ("percentile", {"percentile": 10, "competitors": 1, "warmup": 2, "interval": 2.5}),
    "patient asha": ("patient", {"rule": "asha", "settings": {"eta": 2}, "patience": 1, "least": 0.04}),
    "narrow baseline": ("baseline", {"margin": 1.0}),
    "sure extrapolation": ("extrapolate", {"chance": 0.5, "reports": 3}),
    "small population": ("pbt", {"population": 4, "interval": 2, "quantile": 0.5, "resample": 1}),
    "generous freeze": ("freeze", {"eta": 2}),
}
PAUSING = {"asha-promote", "hyperband", "pasha", "freeze"}  # stop nothing before the study's end; auto is both


def rule_of(key: str) -> Stopping:
    made = catalog.stopping(*RULES[key])
    assert made is not None
    return made


def plan_of(key: str, goal: str) -> dict[str, Any]:
    name, settings = RULES[key]
    return {"stopping": name, "stopping_settings": settings, "goal": goal}


def over(*without: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("key", [key for key, (name, _) in RULES.items() if name not in without])


EVERY = over()
GOALS = pytest.mark.parametrize("goal", ["minimize", "maximize"])
