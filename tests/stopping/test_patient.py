"""Patience with a trial that another rule would end."""

from __future__ import annotations

from typing import Any

import pytest

import shoal
from rules import At
from shoal import catalog
from shoal.stopping.patient import Patient
from told import Told


def told_of(step: int = 1, **settings: Any) -> Told:
    """A study whose rule would end each trial from a step on."""
    rule = Patient(**settings)
    rule.wrap(At(step))
    return Told(rule)


def ends(told: Told, losses: list[float | None]) -> list[int]:
    """The steps at which a trial with these losses is stopped, were it not stopped before."""
    return [step for step, loss in enumerate(losses, 1) if told.report(0, step, loss).stop]


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_a_trial_ends_once_it_has_not_improved_for_as_many_reports(patience: int) -> None:
    told = told_of(patience=patience)
    assert ends(told, [0.5, 0.4, 0.3, *[0.35] * 6]) == list(range(3 + patience, 10))


def test_while_it_improves_a_trial_goes_on_whatever_the_other_rule_says() -> None:
    assert ends(told_of(patience=1), [1.0 / step for step in range(1, 10)]) == []


def test_an_improvement_begins_the_wait_anew() -> None:
    assert ends(told_of(patience=2), [0.5, 0.6, 0.4, 0.6, 0.3, 0.6, 0.6]) == [7]


def test_an_improvement_below_the_least_does_not_count_nor_do_many_of_them_one_by_one() -> None:
    assert ends(told_of(patience=2, least=0.05), [0.5, 0.46, 0.47]) == [3]
    assert ends(told_of(patience=2, least=0.05), [0.5, 0.46, 0.44, 0.43]) == []  # 0.44 is better than 0.5 by more
    assert ends(told_of(patience=2, least=0.05), [0.5, 0.5, 0.4, 0.4]) == []


def test_where_the_other_rule_lets_a_trial_go_on_so_does_this_one() -> None:
    assert ends(told_of(step=7, patience=1), [0.5] * 9) == [7, 8, 9]


def test_the_reason_is_that_of_the_other_rule_and_how_long_it_was_waited() -> None:
    told = told_of(patience=2)
    ends(told, [0.5, 0.5])
    assert told.report(0, 3, 0.5).reason == "step 1 is enough for trial 0; no better for 2 reports"


@pytest.mark.parametrize(("rule", "settings"), [("asha", {}), ("asha-pareto", {"others": {"size": "minimize"}})])
def test_what_a_rule_said_of_a_rung_holds_until_the_wait_is_over(rule: str, settings: dict[str, Any]) -> None:
    """Rungs are at 1, 3, 9 …: the verdict at 3 comes while the trial waits, and no other does before 9."""
    patient = catalog.stopping("patient", {"rule": rule, "settings": settings, "patience": 3})
    assert patient is not None
    told = Told(patient, shoal.Budget("epoch", 1, 27))
    for number in range(6):
        for step in range(1, 8):
            assert not told.report(number, step, 0.1 + number / 100 - step / 1000, size=1.0).stop
    said = [told.report(6, step, loss, size=2.0) for step, loss in enumerate([0.3, 0.29, *[0.295] * 3], 1)]
    assert [decision.stop for decision in said] == [False, False, False, False, True]
    assert "epoch 3" in said[-1].reason
    assert "no better for 3 reports" in said[-1].reason
    said = [
        told.report(7, step, loss, size=2.0)
        for step, loss in enumerate([0.3, *[0.29 - 0.001 * k for k in range(7)]], 1)
    ]
    assert not any(decision.stop for decision in said)  # it was better again before the wait was over


def test_a_pause_waits_as_a_stop_does() -> None:
    rule = Patient(patience=2)
    rule.wrap(At(1, pause=True))
    told = Told(rule)
    assert [told.report(0, step, 0.5).pause for step in range(1, 5)] == [False, False, True, True]


def test_each_trial_has_its_own_wait() -> None:
    told = told_of(patience=2)
    for step in (1, 2, 3):
        told.report(0, step, 0.5)
    assert not told.report(1, 1, 0.9).stop
    assert told.report(0, 4, 0.5).stop


def test_reports_without_the_metric_are_not_counted() -> None:
    assert ends(told_of(patience=2), [0.5, None, None, 0.5, None, 0.5])[0] == 6


def test_where_more_is_better_the_greater_is_an_improvement() -> None:
    rule = Patient(patience=2)
    rule.wrap(At(1))
    told = Told(rule, goal="maximize")
    assert ends(told, [0.1, 0.2, 0.3, 0.2, 0.1]) == [5]


def test_by_name_the_other_rule_is_made_with_its_settings_and_is_told_what_happens() -> None:
    rule = catalog.stopping("patient", {"rule": "asha", "settings": {"eta": 2}, "patience": 1})
    assert rule is not None
    told = Told(rule)
    told.report(0, 1, 0.1)
    told.report(1, 1, 0.5)
    told.report(0, 3, 0.1)
    assert told.report(1, 2, 0.6) == shoal.Decision(
        stop=True, reason="0.6 at epoch 2 is the 2nd of 2, not among the best 1/2; no better for 1 report"
    )


@pytest.mark.parametrize("rule", ["none", "hyperband", "auto", "pbt"])
def test_it_cannot_wait_for_a_rule_that_resumes(rule: str) -> None:
    with pytest.raises(shoal.StudyError, match=f"'patient'.*cannot wait for '{rule}'"):
        catalog.stopping("patient", {"rule": rule})
