"""Asynchronous successive halving by stopping, by worked examples: η = 3, rungs at 1, 3 and 9."""

from __future__ import annotations

from typing import Any

import pytest

import shoal
from shoal.stopping.asha import ASHA
from told import Told


def stopped(told: Told, step: int, losses: dict[int, float]) -> list[int]:
    """Which trials are stopped when they report these losses at a step, one after the other."""
    return [number for number, loss in losses.items() if told.report(number, step, loss).stop]


def test_a_trial_goes_on_where_it_is_among_the_best_third_of_those_that_came_before_it() -> None:
    told = Told(ASHA())
    losses = {0: 0.5, 1: 0.9, 2: 0.7, 3: 0.6, 4: 0.65, 5: 0.4, 6: 0.52, 7: 0.45, 8: 0.8}
    # of 3 the best 1 goes on, of 4 to 6 the best 2, of 7 to 9 the best 3
    assert stopped(told, 1, losses) == [2, 4, 8]
    decision = told.report(9, 1, 0.61)
    assert decision.stop
    assert decision.reason == "0.61 at epoch 1 is the 6th of 10, not among the best 1/3"


@pytest.mark.parametrize(("eta", "first"), [(2, 1), (3, 2), (4, 3), (3.5, 3)])
def test_nothing_is_stopped_while_a_rung_holds_fewer_trials_than_eta(eta: float, first: int) -> None:
    told = Told(ASHA(eta=eta))
    worse_and_worse = {number: 0.1 + 0.1 * number for number in range(6)}
    assert stopped(told, 1, worse_and_worse)[:1] == [first]


def test_each_rung_is_judged_by_those_that_got_there() -> None:
    told = Told(ASHA())
    assert stopped(told, 1, {0: 0.1, 1: 0.2, 2: 0.05, 3: 0.04}) == []
    assert stopped(told, 3, {0: 0.5, 1: 0.4}) == []  # too few at epoch 3, however bad
    assert stopped(told, 3, {2: 0.6}) == [2]
    assert stopped(told, 3, {3: 0.3}) == []


def test_between_two_rungs_nothing_is_stopped() -> None:
    told = Told(ASHA())
    stopped(told, 1, {0: 0.5, 1: 0.1, 2: 0.1, 3: 0.1, 4: 0.1})
    assert stopped(told, 2, {0: 9.0, 1: 9.0}) == []


def test_a_trial_on_a_plateau_is_not_judged_again_at_the_rung_that_it_passed() -> None:
    told = Told(ASHA())
    assert stopped(told, 1, {0: 0.5, 1: 0.4, 2: 0.3, 3: 0.2}) == []
    assert stopped(told, 2, {0: 0.5}) == []  # it passed epoch 1 as the first of one
    assert stopped(told, 3, {0: 0.5}) == []


def test_those_that_tie_with_the_last_that_goes_on_go_on_too() -> None:
    told = Told(ASHA())
    assert stopped(told, 1, dict.fromkeys(range(9), 0.5)) == []
    assert stopped(told, 1, {9: 0.500001}) == [9]


def test_at_the_end_of_the_budget_nothing_is_stopped() -> None:
    told = Told(ASHA())
    assert stopped(told, 9, {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4}) == []
    assert stopped(told, 10, {4: 0.9}) == []


def test_a_report_that_jumps_over_rungs_is_judged_at_the_last_of_them() -> None:
    told = Told(ASHA())
    assert stopped(told, 1, {0: 0.2, 1: 0.1}) == []
    assert stopped(told, 3, {0: 0.2, 1: 0.1}) == []
    assert stopped(told, 4, {2: 0.15}) == [2]  # 2nd of 3 at epoch 3
    assert stopped(told, 3, {3: 0.05}) == []


def test_a_report_without_the_metric_decides_nothing_and_the_next_one_does() -> None:
    told = Told(ASHA())
    stopped(told, 1, {0: 0.1, 1: 0.1, 2: 0.1})
    assert not told.report(3, 1, None, accuracy=0.1).stop
    assert told.report(3, 2, 0.9).stop


def test_a_side_metric_that_is_not_finite_changes_nothing() -> None:
    told = Told(ASHA())
    assert not told.report(0, 1, 0.2, grad="nan").stop
    assert not told.report(1, 1, 0.1, grad="inf").stop
    assert told.report(2, 1, 0.3, grad="nan").stop


def test_where_more_is_better_the_lowest_are_stopped_and_the_reason_shows_the_metric() -> None:
    told = Told(ASHA(), goal="maximize")
    assert stopped(told, 1, {0: 0.7, 1: 0.8, 2: 0.9}) == []
    decision = told.report(3, 1, 0.6)
    assert decision.stop
    assert decision.reason.startswith("0.6 at epoch 1 is the 4th of 4")


def test_grace_puts_the_first_rung_later() -> None:
    told = Told(ASHA(grace=2))
    assert stopped(told, 1, {0: 0.1, 1: 0.2, 2: 0.3}) == []
    assert stopped(told, 2, {0: 0.1, 1: 0.2, 2: 0.3}) == [2]


def test_without_a_budget_rungs_are_steps_and_never_end() -> None:
    told = Told(ASHA(), budget=None)
    assert stopped(told, 1, {0: 0.1, 1: 0.2, 2: 0.3}) == [2]
    assert stopped(told, 59049, {0: 0.1, 1: 0.2, 3: 0.3}) == [3]


def test_each_bracket_begins_a_rung_later_and_compares_only_its_own() -> None:
    """Of every four trials, three are dealt to the first bracket and one to the second."""
    rule = ASHA(brackets=2)
    told = Told(rule)
    numbers = range(16)
    stopped_at_1 = [number for number in numbers if told.report(number, 1, 0.1 + 0.01 * number).stop]
    spared = sorted({number % 4 for number in numbers} - {number % 4 for number in stopped_at_1})
    assert len(spared) == 1  # one in four is not judged at epoch 1
    second = [number for number in numbers if number % 4 == spared[0]]
    first = [number for number in numbers if number not in second]
    assert stopped_at_1 == first[2:]  # worse and worse: judged from the third on
    judged = [told.report(number, 3, 0.1 + 0.01 * number).stop for number in second]
    assert judged == [False, False, True, True]


def test_more_brackets_than_rungs_are_as_many_as_there_are_rungs() -> None:
    rule = ASHA(brackets=50)
    told = Told(rule)
    assert len(rule._ladders) == 3
    for number in range(60):
        told.report(number, 9, 0.5)


@pytest.mark.parametrize("rule", [{}, {"brackets": 2}, {"eta": 2.5}])
def test_a_peer_that_joins_late_decides_the_same(rule: dict[str, Any]) -> None:
    told = Told(ASHA(**rule))
    losses = [(7 * number % 20) / 20 for number in range(20)]
    for number, loss in enumerate(losses):
        for step in (1, 2, 3, 4):
            if told.report(number, step, loss / step).stop:
                told.end(number, "stopped")
                break
    for number, loss in ((20, 0.3), (21, 0.9), (22, 0.01), (23, 0.5)):
        late = told.late(ASHA(**rule))
        assert late.report(number, 1, loss) == told.report(number, 1, loss)
        assert late.report(number, 4, loss) == told.report(number, 4, loss)


@pytest.mark.parametrize("settings", [{"eta": 1}, {"brackets": 0}, {"grace": 0}, {"eta": "nan"}, {"rungs": 3}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(shoal.StudyError, match="asha"):
        shoal.Study({"x": (0.0, 1.0)}, stopping="asha", stopping_settings=settings, budget=shoal.Budget("epoch", 1, 9))


def test_a_rung_is_entered_once_however_often_a_trial_reports_in_an_epoch() -> None:
    told = Told(ASHA())
    for number in range(4):
        told.report(number, 1, 1.0 + number, epoch=1)
    assert told.report(4, 1, 0.1, epoch=1) == shoal.Decision()
    assert told.report(4, 2, 20.0, epoch=1) == shoal.Decision()  # the next batch of the same epoch


def test_what_a_trial_reported_counts_nowhere_once_it_has_failed_whichever_is_heard_first() -> None:
    told = Told(ASHA())
    told.start(0)
    told.end(0, "failed")  # written by who saw its process die
    told.report(0, 1, 0.0)
    assert stopped(told, 1, {1: 0.5, 2: 0.6}) == []
    assert stopped(told, 1, {3: 0.4}) == []  # the best of three


def test_without_a_budget_there_are_no_more_brackets_than_get_trials() -> None:
    rule = ASHA(brackets=64)
    Told(rule, budget=None)
    assert 6 < len(rule._ladders) < 12
    assert len(rule._cycle) < 20_000


def test_levels_are_where_trials_report_though_they_are_no_whole_numbers() -> None:
    told = Told(ASHA(), shoal.Budget("share", 0.1, 1.0))
    for number in range(4):
        assert not told.report(number, 1, 0.5, share=0.1).stop
    decisions = [told.report(number, 3, 0.1 * number, share=0.3) for number in range(4)]
    assert [decision.stop for decision in decisions] == [False, False, True, True]
