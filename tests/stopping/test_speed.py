"""A decision takes as long among many trials as among few."""

from __future__ import annotations

import statistics
from time import process_time

import pytest

import shoal
from stoppings import RULES, rule_of
from told import Told

MODELS = {"forecast", "extrapolate", "freeze"}  # whose time is that of their models
QUICK = [key for key, (name, _) in RULES.items() if name not in MODELS]


def study(key: str, count: int) -> Told:
    """Trials that have reported at epochs 1 and 3, where they go on or are paused."""
    told = Told(rule_of(key))
    for number in range(count):
        told.start(number, x=number / count)
        for step in (1, 3):
            if told.report(number, step, (7919 * number % count + 1) / count / step, saved=True).pause:
                told.end(number, "paused")
                break
    return told


def seconds(told: Told, first: int, calls: int = 150) -> float:
    """The median of what decisions take of the processor, each about a trial of its own."""
    found = []
    for number in range(first, first + calls):
        told.report(number, 1, 0.5 + number / 1e6)
        report = told.records[-1]
        begun = process_time()
        told.proposer.decide(number, report)  # type: ignore[arg-type]
        found.append(process_time() - begun)
    return statistics.median(found)


@pytest.mark.parametrize("key", QUICK)
def test_a_decision_takes_no_longer_among_two_thousand_trials_than_among_two_hundred(key: str) -> None:
    few, many = study(key, 200), study(key, 2000)
    ratio = min(seconds(many, 5000 + 200 * k) / seconds(few, 5000 + 200 * k) for k in range(3))
    assert ratio < 3


def seconds_after(reports: int, key: str) -> float:
    """The median of what the next reports of a trial take of the processor, after so many; six are done before."""
    told = Told(rule_of(key), shoal.Budget("epoch", 1, 10_000))
    for number in range(6):
        told.start(number, x=number / 6)
        for step in (1, 3, 9, 10_000):
            told.report(number, step, number / 100 + 1 / step)
        told.end(number, loss=number / 100)
    told.start(6, x=0.1)
    found = []
    for step in range(1, reports + 50):
        begun = process_time()
        told.report(6, step, 0.02 + 1 / step)
        found.append(process_time() - begun)
    return statistics.median(found[reports:])


@pytest.mark.parametrize("key", RULES)
def test_a_report_takes_no_longer_after_four_thousand_of_its_trial_than_after_two_hundred(key: str) -> None:
    ratio = min(seconds_after(4000, key) / seconds_after(200, key) for _ in range(2))
    assert ratio < 3
