"""What every stopping rule owes a trial: the only one and the best go on, and no report that is odd does any harm."""

from __future__ import annotations

from typing import Any

import pytest

from shoal import catalog
from shoal.contracts import Decision, Resuming
from stoppings import EVERY, GOALS, PAUSING, RULES, over, rule_of
from told import Told

SIGN = {"minimize": 1.0, "maximize": -1.0}
STEPS = {
    "missing": [2, 5, 8], "repeated": [1, 1, 2, 2, 2, 9, 9], "out of order": [3, 1, 4, 2, 9, 6],
    "jumping over rungs": [4, 40], "late": [9], "one": [1], "from zero": [0, 1, 2, 3], "huge": [1, 2**31, 2**53],
}  # fmt: skip


def finish(told: Told, number: int, losses: dict[int, float]) -> Decision | None:
    """Run a trial as a lone peer would that begins no other, until it is over; why it was stopped."""
    proposal = told.next(number)
    for _ in range(20):
        told.start(number, proposal.until)
        for step in sorted(losses):
            if told.history.reports(number) and step <= told.history.reports(number)[-1].step:
                continue
            decision = told.report(number, step, losses[step])
            if decision.stop:
                return decision
            if decision.pause:
                break
        else:
            return None
        told.end(number, "paused")
        proposal = told.next(-1)
        assert proposal.resume_from == number
    raise AssertionError("it was paused again and again")


def crowd(key: str, goal: str = "minimize", count: int = 24) -> Told:
    """A study in which many trials have reported at all steps, and some are done."""
    told = Told(rule_of(key), goal=goal)
    for number in range(count):
        told.start(number, x=(number * 7 % count) / count)
    for step in range(1, 10):
        for number in sorted(told.history.running):
            if told.report(number, step, SIGN[goal] * level(number, step, count)).stop:
                told.end(number, "stopped")
    for number in sorted(told.history.running):
        told.end(number, loss=SIGN[goal] * level(number, 9, count))
    return told


def level(number: int, step: int, count: int = 24) -> float:
    return 0.2 + 0.5 * (number * 7 % count) / count + 0.3 / step


@EVERY
@GOALS
def test_the_only_trial_is_never_stopped_however_bad_it_gets(key: str, goal: str) -> None:
    for curve in (lambda step: 0.1 * step, lambda step: 1.0 / step, lambda step: 0.5, lambda step: (-1.0) ** step):
        told = Told(rule_of(key), goal=goal)
        assert finish(told, 0, {step: SIGN[goal] * curve(step) for step in range(1, 10)}) is None


@EVERY
@GOALS
def test_a_trial_that_is_better_at_each_step_than_all_before_it_is_never_stopped(key: str, goal: str) -> None:
    told = crowd(key, goal)
    number = told.history.length
    for step in range(1, 10):
        assert not told.report(number, step, SIGN[goal] * (0.1 + 0.05 / step)).stop


@over("plateau", "extrapolate", "forecast")  # which compare with the end of others, and not with what is alike
def test_where_all_trials_do_the_same_none_is_stopped(key: str) -> None:
    told = Told(rule_of(key))
    for number in range(20):
        assert not any(decision.stop for decision in told.run(number, [0.5 + 0.5 / step for step in range(1, 10)]))


@EVERY
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS.keys())
def test_whatever_steps_are_reported_a_decision_says_why_and_who_joins_late_decides_the_same(
    key: str, steps: list[int]
) -> None:
    told = Told(rule_of(key))
    for number in range(12):
        told.start(number, x=number / 12)
        for step in steps:
            decision = told.report(number, step, 0.2 + 0.05 * number + 0.3 / (step + 1))
            assert not (decision.stop and decision.pause)
            assert bool(decision.reason) == (decision.stop or decision.pause)
        if number % 2:
            told.end(number, loss=0.2 + 0.05 * number)
    late = told.late(rule_of(key))
    for number, loss in ((20, 0.9), (21, 0.3), (22, 0.5)):
        for step in (1, 2, 3, 4, 5, 9):
            assert late.report(number, step, loss) == told.report(number, step, loss), (number, step)


@EVERY
@GOALS
def test_a_trial_that_was_run_again_counts_with_what_it_says_now(key: str, goal: str) -> None:
    """Its peer died; who joins late knows nothing of what it had said before."""
    told = crowd(key, goal)
    for number, before, now in ((30, 0.05, 0.9), (31, 0.9, 0.3), (32, 0.2, 0.6)):
        for step in (1, 2, 3, 4, 5):
            told.report(number, step, SIGN[goal] * (before + 0.1 / step))
        told.end(number, "lost")
        told.start(number)
        late = told.late(rule_of(key))
        for step in range(1, 10):
            loss = SIGN[goal] * (now + 0.1 / step)
            assert late.report(number, step, loss) == told.report(number, step, loss), (number, step)


@EVERY
def test_trials_that_failed_are_forgotten_by_all_peers(key: str) -> None:
    told = crowd(key)
    for number in range(30, 40):
        for step in range(1, 8):
            told.report(number, step, 0.01 + 0.001 * number / step)
        told.end(number, "failed")
    late = told.late(rule_of(key))
    for number, loss in ((50, 0.3), (51, 0.6), (52, 0.45)):
        for step in range(1, 10):
            assert late.report(number, step, loss + 0.1 / step) == told.report(number, step, loss + 0.1 / step)


@EVERY
@pytest.mark.parametrize("side", [{"accuracy": 0.1}, {"grad": "nan", "norm": "inf"}, {"ok": True}])
def test_a_trial_that_reports_only_other_metrics_goes_on(key: str, side: dict[str, Any]) -> None:
    told = crowd(key)
    for step in range(1, 10):
        assert told.report(50, step, None, **side) == Decision()
    assert told.late(rule_of(key)).report(51, 1, 0.3) == told.report(51, 1, 0.3)


@EVERY
@GOALS
@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_losses_as_large_and_as_small_as_floats_are_compared_without_a_warning(
    key: str, goal: str, size: float
) -> None:
    told = crowd(key, goal)
    for number in range(40, 52):
        for step in range(1, 10):
            told.report(number, step, SIGN[goal] * size * (number - 45.0) / step)
    if RULES[key][0] != "threshold":
        assert not told.report(60, 1, -SIGN[goal] * 1e301).stop


@pytest.mark.parametrize("name", catalog.STOPPINGS)
def test_a_rule_that_resumes_is_one_that_wraps_the_search(name: str) -> None:
    rule = rule_of(name)
    assert isinstance(rule, Resuming) == (name in PAUSING | {"auto", "pbt"})
    assert isinstance(rule, Resuming) == hasattr(rule, "around")
