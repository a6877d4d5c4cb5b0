"""Trials that get nowhere, as of Ray's TrialPlateauStopper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from shoal.stopping.plateau import Plateau
from told import Told


def told_of(rule: Plateau, goal: str = "minimize") -> Told:
    """A study in which another trial is better than all that follows."""
    told = Told(rule, goal=goal)
    told.report(9, 1, 0.01 if goal == "minimize" else 99.0)
    return told


def ends(told: Told, losses: Sequence[float | None]) -> list[int]:
    """The steps at which a trial with these losses is stopped, were it not stopped before."""
    return [step for step, loss in enumerate(losses, 1) if told.report(0, step, loss).stop]


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_a_trial_ends_once_its_last_reports_hardly_vary(goal: str) -> None:
    losses = [0.9, 0.8, 0.7, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert ends(told_of(Plateau(), goal), losses) == [8, 9]


@pytest.mark.parametrize("by", [0.99, 1.01])
def test_the_limit_is_the_deviation_of_the_last_reports(by: float) -> None:
    last = [0.50, 0.53, 0.51, 0.52]
    rule = Plateau(reports=4, deviation=by * float(np.std(last)), warmup=0)
    assert ends(told_of(rule), last) == ([4] if by > 1 else [])


@pytest.mark.parametrize(("reports", "warmup", "first"), [(4, 0, 4), (2, 0, 2), (2, 4, 5), (4, 6, 7), (3, 3, 4)])
def test_it_waits_for_the_warmup_and_for_enough_reports(reports: int, warmup: int, first: int) -> None:
    assert ends(told_of(Plateau(reports=reports, warmup=warmup)), [0.5] * 9)[0] == first


def test_a_trial_that_moves_for_the_worse_is_not_on_a_plateau() -> None:
    assert ends(told_of(Plateau()), [0.1 * step for step in range(1, 10)]) == []


def test_the_best_of_all_goes_on() -> None:
    told = Told(Plateau())
    told.run(0, [0.5] * 9)
    assert ends(told, [0.5] * 9) == []
    assert not any(decision.stop for decision in told.run(1, [0.5] * 9))  # as good
    assert sum(decision.stop for decision in told.run(2, [0.501] * 9)) == 1


def test_one_that_was_the_best_and_got_worse_goes_on_until_another_is_better() -> None:
    told = Told(Plateau())
    assert ends(told, [0.1, *[0.5] * 6]) == []
    told.report(1, 1, 0.09)
    assert told.report(0, 8, 0.5).stop


def test_the_reason_says_by_how_much_they_vary() -> None:
    told = told_of(Plateau(reports=2, warmup=0, deviation=0.1))
    told.report(0, 1, 0.50)
    assert told.report(0, 2, 0.55).reason == "the last 2 reports vary by 0.025 only"


def test_reports_without_the_metric_are_not_counted() -> None:
    assert ends(told_of(Plateau(reports=2, warmup=2)), [0.5, None, None, None, 0.5, None, 0.5])[0] == 7


def test_one_that_failed_is_not_the_best() -> None:
    told = Told(Plateau())
    told.report(0, 1, -1e6)
    told.end(0, "failed")
    assert not any(decision.stop for decision in told.run(1, [0.5] * 9))
    assert not told.late(Plateau()).report(1, 10, 0.5).stop
