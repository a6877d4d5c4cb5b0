"""Bounds, as of Optuna's ThresholdPruner: whatever lies outside them ends, and no other trial matters."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.stopping.threshold import Threshold
from told import Told


@pytest.mark.parametrize(
    ("bounds", "loss", "stopped"),
    [({"upper": 1.0}, 1.0, False), ({"upper": 1.0}, 1.001, True), ({"upper": 1.0}, -1e300, False),
     ({"lower": 0.0}, 0.0, False), ({"lower": 0.0}, -0.001, True), ({"lower": 0.0}, 1e300, False),
     ({"lower": -1.0, "upper": 1.0}, 0.5, False), ({"lower": -1.0, "upper": 1.0}, -2, True)],
)  # fmt: skip
@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_a_metric_beyond_a_bound_ends_its_trial_whatever_is_better(
    bounds: dict[str, Any], loss: float, stopped: bool, goal: str
) -> None:
    assert Told(Threshold(**bounds), goal=goal).report(0, 1, loss).stop == stopped


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_the_reason_is_in_the_units_of_the_metric(goal: str) -> None:
    told = Told(Threshold(lower=0.25, upper=10), goal=goal)
    assert told.report(0, 1, 1234.5).reason == "1234 is above 10"
    assert told.report(1, 1, 0.125).reason == "0.125 is below 0.25"


def test_within_the_warmup_all_is_allowed() -> None:
    told = Told(Threshold(upper=1.0, warmup=2))
    assert [told.report(0, step, 5.0).stop for step in (1, 2, 3)] == [False, False, True]


def test_the_warmup_is_in_units_of_the_budget() -> None:
    told = Told(Threshold(upper=1.0, warmup=100), budget=None)
    assert not told.report(0, 100, 5.0).stop
    assert told.report(0, 101, 5.0).stop


def test_without_a_warmup_the_very_first_report_counts_also_at_step_0() -> None:
    assert Told(Threshold(upper=1.0), budget=None).report(0, 0, 5.0).stop


def test_a_report_without_the_metric_says_nothing() -> None:
    told = Told(Threshold(upper=1.0))
    assert not told.report(0, 1, None, other=9.0).stop
    assert told.report(0, 2, 9.0).stop


def test_the_whole_study_may_be_stopped_trial_by_trial() -> None:
    told = Told(Threshold(upper=1.0))
    assert all(told.report(number, 1, 2.0).stop for number in range(5))
