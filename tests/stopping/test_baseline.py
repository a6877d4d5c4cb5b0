"""The baseline, as of Propulate's StaticSurrogate: cancelled is who is behind the best one by more than the margin."""

from __future__ import annotations

import pytest

from shoal.stopping.baseline import Baseline
from told import Told

CURVE = [0.8, 0.4, 0.2, 0.1]


def told_of(curve: list[float] | None = None, margin: float = 0.8, goal: str = "minimize") -> Told:
    told = Told(Baseline(margin), goal=goal)
    told.run(0, CURVE if curve is None else curve)
    return told


@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize(("share", "stopped"), [(1.0, False), (1.24, False), (1.26, True), (0.5, False)])
def test_a_trial_is_cancelled_when_the_margin_of_its_loss_is_above_the_baseline_at_that_step(
    step: int, share: float, stopped: bool
) -> None:
    """0.8 · loss > baseline."""
    assert told_of().report(1, step, share * CURVE[step - 1]).stop == stopped


@pytest.mark.parametrize(("loss", "stopped"), [(-5.0, False), (-4.1, False), (-3.8, False), (-3.7, True), (1.0, True)])
def test_where_losses_are_negative_the_margin_lies_above_the_baseline_too(loss: float, stopped: bool) -> None:
    assert told_of([-1.0, -5.0, -6.0]).report(1, 2, loss).stop == stopped


@pytest.mark.parametrize("curve", [[2.0, 1.0, 0.5, 0.0], [1.0, 0.5, 0.0, -1.0], [-1.0, -2.0, -3.0, -4.0]])
@pytest.mark.parametrize("margin", [0.5, 0.8, 1.0])
def test_a_trial_that_does_as_the_baseline_does_is_never_cancelled(curve: list[float], margin: float) -> None:
    assert not any(decision.stop for decision in told_of(curve, margin).run(1, curve))


@pytest.mark.parametrize(("loss", "stopped"), [(0.0, False), (0.24, False), (0.26, True), (-0.5, False)])
def test_where_the_curve_crosses_zero_the_margin_is_of_the_mean_size_of_its_losses(loss: float, stopped: bool) -> None:
    assert told_of([2.0, 1.0, 0.0, -1.0]).report(1, 3, loss).stop == stopped


@pytest.mark.parametrize(("loss", "stopped"), [(0.006, False), (0.007, True)])
def test_where_the_baseline_lost_nothing_the_margin_is_of_the_mean_size_too(loss: float, stopped: bool) -> None:
    """A quarter of 0.025, which is that of 0, 0.05, 0.03 and 0.02."""
    assert told_of([0.0, 0.05, 0.03, 0.02]).report(1, 1, loss).stop == stopped


def test_a_baseline_of_zero_has_no_sign() -> None:
    told = told_of([-2.0, -1.0, 0.0, 1.0], goal="maximize")
    assert "worse than 0 of trial 0 there" in told.report(1, 3, -3.0).reason


def test_where_more_is_better_the_margin_lies_below_the_baseline() -> None:
    told = told_of([0.2, 0.5, 0.9], goal="maximize")
    assert not told.report(1, 2, 0.45).stop
    decision = told.report(2, 2, 0.3)
    assert decision.stop
    assert decision.reason == "0.3 at epoch 2 is worse than 0.5 of trial 0 there, by more than the margin 0.8"


def test_without_a_finished_trial_nothing_is_cancelled() -> None:
    told = Told(Baseline())
    told.report(0, 1, 0.1)
    assert not told.report(1, 1, 99.0).stop
    told.end(0, "stopped")
    assert not told.report(2, 1, 99.0).stop


def test_the_baseline_is_the_best_finished_trial_whoever_finished_last() -> None:
    told = told_of()
    told.run(1, [0.7, 0.3, 0.15, 0.05])
    told.run(2, [0.7, 0.3, 0.17, 0.06])
    assert "of trial 1 there" in told.report(3, 1, 0.9).reason
    assert not told.report(4, 1, 0.87).stop  # of 0.875


def test_a_cancelled_trial_never_becomes_the_baseline() -> None:
    told = told_of([0.8, 0.4, 0.2])
    told.report(1, 1, 0.5)
    assert told.report(1, 2, 0.6).stop
    told.end(1, "stopped")
    assert not told.report(2, 1, 0.9).stop  # would be behind 0.5


def test_a_trial_that_failed_never_becomes_the_baseline() -> None:
    told = told_of()
    told.report(1, 1, 0.01)
    told.end(1, "failed")
    assert not told.report(2, 1, 0.9).stop


def test_more_steps_than_the_baseline_are_compared_with_its_end() -> None:
    told = told_of()
    assert not told.report(1, 5, 0.12).stop
    assert not told.report(1, 500, 0.09).stop
    assert told.report(2, 500, 0.13).stop


def test_before_the_baseline_s_first_step_and_between_two_the_last_one_before_counts() -> None:
    told = Told(Baseline())
    told.report(0, 2, 0.5)
    told.report(0, 6, 0.3)
    told.end(0, loss=0.3)
    assert not told.report(1, 1, 99.0).stop
    assert not told.report(2, 5, 0.6).stop
    assert told.report(3, 6, 0.6).stop


def test_who_is_better_than_the_baseline_ever_was_goes_on_whatever_the_margin() -> None:
    told = told_of([1e-9, 5.0, 4.0], margin=1.0)
    assert not told.report(1, 1, 1e-9).stop
    assert told.report(2, 1, 2e-9).stop


def test_a_baseline_that_reported_nothing_cancels_nothing() -> None:
    told = Told(Baseline())
    told.start(0)
    told.end(0, loss=0.0)
    assert not told.report(1, 1, 99.0).stop
