"""The median rule and its kin, by worked examples."""

from __future__ import annotations

import pytest

from shoal.stopping.percentile import Median, Percentile
from told import Told


def reported(told: Told, step: int, losses: list[float], first: int = 0) -> list[int]:
    """Which trials are stopped when they report these losses at a step, one after the other."""
    return [number for number, loss in enumerate(losses, first) if told.report(number, step, loss).stop]


@pytest.mark.parametrize(("loss", "stopped"), [(0.29, False), (0.3, False), (0.31, True)])
def test_a_trial_is_stopped_whose_best_is_strictly_worse_than_the_median(loss: float, stopped: bool) -> None:
    told = Told(Median())
    assert reported(told, 4, [0.1, 0.2, 0.3, 0.4, 0.5]) == []
    decision = told.report(5, 4, loss)
    assert decision.stop == stopped
    if stopped:
        assert decision.reason == "0.31 by epoch 4 is not among the best 50 % of 6: 0.3"


def test_a_trial_is_judged_by_its_best_so_far_and_not_by_its_last() -> None:
    told = Told(Median())
    reported(told, 1, [0.1] * 3 + [0.6] * 3)
    assert reported(told, 2, [0.9, 0.2, 0.2, 0.5, 0.5]) == []
    assert told.report(5, 2, 0.5).stop


def test_others_count_with_their_best_so_far_too() -> None:
    told = Told(Median())
    reported(told, 1, [0.1] * 5)
    reported(told, 2, [0.9] * 5)
    assert told.report(5, 2, 0.2).stop


def test_nothing_is_stopped_while_too_few_others_got_as_far() -> None:
    told = Told(Percentile(competitors=3))
    assert reported(told, 1, [0.1, 0.2, 0.3]) == []
    assert reported(told, 1, [0.4], first=3) == [3]
    assert reported(told, 2, [0.1, 0.2, 0.3]) == []  # three at epoch 2


def test_the_share_is_of_all_that_got_as_far() -> None:
    """Of 8 the best 2 go on, of 9 to 12 the best 3."""
    for count, place, stopped in ((7, 1.5, False), (7, 2.5, True), (8, 2.5, False), (8, 3.5, True), (11, 3.5, True)):
        told = Told(Percentile(25.0, competitors=20))
        reported(told, 1, [float(number) for number in range(1, count + 1)])
        told.rule.competitors = 1  # type: ignore[attr-defined]
        assert told.report(50, 1, place).stop == stopped, (count, place)


def test_with_all_hundred_percent_nothing_is_stopped() -> None:
    told = Told(Percentile(100.0, competitors=1))
    assert reported(told, 1, [0.1 * number for number in range(20)]) == []


def test_with_the_least_share_the_best_still_goes_on() -> None:
    told = Told(Percentile(0.1, competitors=1))
    assert reported(told, 1, [0.5, 0.4, 0.3, 0.6, 0.2]) == [3]


def test_during_the_warmup_nothing_is_stopped() -> None:
    told = Told(Median(warmup=3))
    for step in (1, 2):
        assert reported(told, step, [0.1] * 6 + [0.9]) == []
    assert reported(told, 3, [0.1] * 6 + [0.9]) == [6]


def test_a_trial_is_looked_at_once_in_each_interval() -> None:
    told = Told(Median(warmup=1, interval=4))
    assert reported(told, 1, [0.1] * 6) == []
    assert told.report(9, 1, 0.9).stop
    told = Told(Median(warmup=1, interval=4))
    reported(told, 5, [0.1] * 6)
    assert told.report(9, 8, 0.9).stop  # the first look of the interval from 5 to 8
    assert not told.report(10, 4, 0.9).stop  # none of them reported from 1 to 4


def test_a_median_of_few_lets_the_better_half_go_on() -> None:
    told = Told(Median(competitors=1))
    assert reported(told, 1, [0.2, 0.1, 0.3, 0.15]) == [2]


def test_where_more_is_better_the_lowest_are_stopped() -> None:
    told = Told(Median(), goal="maximize")
    assert reported(told, 1, [0.9, 0.8, 0.7, 0.6, 0.5, 0.7, 0.6]) == [6]
