"""What every stopping rule says of its settings, when the study is made: wrong ones are named, with what is right."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

import shoal
from shoal import catalog
from stoppings import rule_of

BUDGET = shoal.Budget("epoch", 1, 9)
NAMES = pytest.mark.parametrize("name", catalog.STOPPINGS)
BAD: list[tuple[str, dict[str, Any]]] = [
    *[(name, {"eta": eta}) for name in ("auto", "asha", "asha-pareto", "asha-promote", "hyperband", "pasha", "freeze")
      for eta in (1, 0.5, -3, math.nan)],
    ("asha", {"eta": math.inf}), ("asha", {"brackets": 0}), ("asha", {"grace": 0}), ("pasha", {"grace": -1}),
    *[(name, {"grace": grace}) for name in ("asha", "asha-pareto", "asha-promote", "pasha") for grace in (9, 100)],
    ("patient", {"rule": "asha", "settings": {"grace": 9}}), ("asha-promote", {"grace": math.nan}),
    ("asha-pareto", {"others": {"seconds": "small"}}),
    *[("percentile", bad) for bad in ({"percentile": 0}, {"percentile": 101}, {"percentile": math.nan},
      {"competitors": 0}, {"warmup": -1}, {"interval": 0}, {"interval": math.nan})],
    ("median", {"competitors": 0}), ("median", {"warmup": -0.5}),
    ("threshold", {}), ("threshold", {"lower": 2.0, "upper": 1.0}), ("threshold", {"upper": math.nan}),
    ("patient", {"patience": 0}), ("patient", {"least": -0.1}), ("patient", {"least": math.nan}),
    ("patient", {"rule": "none"}), ("patient", {"rule": "freeze"}), ("patient", {"rule": "medain"}),
    ("patient", {"settings": {"competitors": 0}}), ("patient", {"settings": {"eta": 3}}),
    ("plateau", {"reports": 1}), ("plateau", {"deviation": 0}), ("plateau", {"warmup": -1}),
    ("baseline", {"margin": 0}), ("baseline", {"margin": 1.5}), ("baseline", {"margin": math.nan}),
    ("extrapolate", {"chance": 0}), ("extrapolate", {"chance": 1}), ("extrapolate", {"reports": 2}),
    ("forecast", {"chance": -1}), ("forecast", {"reports": 2}), ("forecast", {"trials": 1}), ("forecast", {"most": 1}),
    ("pbt", {"population": 1}), ("pbt", {"quantile": 0}), ("pbt", {"quantile": 0.6}), ("pbt", {"resample": 1.1}),
    ("pbt", {"interval": -1}), ("pbt", {"interval": math.nan}), ("pbt", {"factors": [0.0, -1.0]}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings"), BAD, ids=[f"{name} {settings}" for name, settings in BAD])
def test_settings_that_make_no_sense_are_refused_when_the_study_is_made(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(shoal.StudyError):
        shoal.Study({"x": (0.0, 1.0)}, stopping=name, stopping_settings=settings, budget=BUDGET)


@NAMES
def test_a_misspelt_setting_is_named_and_so_are_the_valid_ones(name: str) -> None:
    with pytest.raises(shoal.StudyError, match=f"unknown setting of {name} 'etta'.*Valid are"):
        catalog.stopping(name, {"etta": 3})


@pytest.mark.parametrize("name", [name for name in catalog.STOPPINGS if name not in ("threshold", "patient")])
def test_a_setting_of_another_type_is_refused_and_the_message_names_the_rule_and_the_setting(name: str) -> None:
    setting = dataclasses.fields(rule_of(name))[0].name  # type: ignore[arg-type]
    with pytest.raises(shoal.StudyError, match=f"stopping rule '{name}', setting {setting}: expected"):
        catalog.stopping(name, {setting: "three"})


@pytest.mark.parametrize("name", ["auto", "hyperband", "pasha", "pbt", "freeze"])
def test_a_rule_that_needs_a_budget_says_so_when_the_study_is_made(name: str) -> None:
    with pytest.raises(shoal.StudyError, match="needs a budget"):
        shoal.Study({"x": (0.0, 1.0)}, stopping=name)


def test_a_first_rung_where_trials_end_is_said_to_be_one() -> None:
    with pytest.raises(shoal.StudyError, match=r"grace 9 is not below the most of the budget, epoch 9: .* for 1$"):
        shoal.Study({"x": (0.0, 1.0)}, stopping="asha", stopping_settings={"grace": 9}, budget=BUDGET)


@pytest.mark.parametrize(
    ("grace", "budget"), [(8, BUDGET), (1, shoal.Budget("epoch", 1, 1)), (100, None)], ids=["below", "least", "endless"]
)
def test_a_first_rung_that_the_budget_allows_is_taken(grace: float, budget: shoal.Budget | None) -> None:
    study = shoal.Study({"x": (0.0, 1.0)}, stopping="asha", stopping_settings={"grace": grace}, budget=budget)
    assert study.ask().params
