"""Forecasts from params and curve together: what the one leaves open, the other may know."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

import shoal
from shoal.stopping.forecast import Forecast
from told import Told

MOST = 30


def end(x: float) -> float:
    return 0.1 + 2.0 * (x - 0.3) ** 2


def curve(x: float) -> list[float]:
    return [end(x) + 0.5 * (step**-0.5 - MOST**-0.5) for step in range(1, MOST + 1)]


def told_of(count: int = 12, rule: Forecast | None = None, goal: str = "minimize") -> Told:
    """Trials all over the space that are done."""
    told = Told(rule or Forecast(), shoal.Budget("epoch", 1, MOST), goal=goal)
    sign = 1.0 if goal == "minimize" else -1.0
    for number in range(count):
        x = (number + 0.5) / count
        told.start(number, x=x)
        for step in (1, MOST):
            told.report(number, step, sign * curve(x)[step - 1])
        told.end(number, loss=sign * end(x))
    return told


def stopped_at(told: Told, losses: Sequence[float], x: float, number: int = 90) -> int | None:
    """The step at which a trial with these losses is stopped."""
    told.start(number, x=x)
    steps = enumerate(losses[:-1], 1)
    return next((step for step, loss in steps if told.report(number, step, loss).stop), None)


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_a_trial_with_bad_params_and_a_bad_curve_is_stopped_soon_and_one_near_the_best_never(goal: str) -> None:
    told = told_of(goal=goal)
    sign = 1.0 if goal == "minimize" else -1.0
    found = stopped_at(told, [sign * loss for loss in curve(0.95)], 0.95)
    assert found is not None
    assert found <= 5
    assert stopped_at(told, [sign * loss for loss in curve(0.3)], 0.3, number=91) is None


def test_of_two_trials_with_one_curve_that_with_the_worse_params_is_stopped_sooner() -> None:
    between = curve(0.55)
    good, bad = (stopped_at(told_of(), between, x) or MOST for x in (0.3, 0.95))
    assert bad < good


def test_of_two_trials_with_the_same_params_that_with_the_worse_curve_is_stopped() -> None:
    good, bad = (stopped_at(told_of(), [more + loss for loss in curve(0.3)], 0.3) for more in (0.0, 1.5))
    assert good is None
    assert bad is not None


@pytest.mark.parametrize("trials", [5, 8])
def test_until_enough_trials_are_done_nothing_is_stopped(trials: int) -> None:
    bad = [2.0 + loss for loss in curve(0.95)]
    assert stopped_at(told_of(trials - 1, Forecast(trials=trials)), bad, 0.95) is None
    assert stopped_at(told_of(trials, Forecast(trials=trials)), bad, 0.95) is not None


@pytest.mark.parametrize("reports", [3, 6])
def test_until_enough_reports_are_in_nothing_is_stopped(reports: int) -> None:
    assert stopped_at(told_of(rule=Forecast(reports=reports, chance=0.5)), [5.0] * MOST, 0.95) == reports


def test_who_has_been_as_good_as_the_best_goes_on_whatever_its_params() -> None:
    told = told_of()
    best = told.history.best_value
    assert best is not None
    assert stopped_at(told, [best, *[5.0] * 20, 5.0], 0.95) is None


def test_at_the_end_of_the_budget_nothing_is_stopped() -> None:
    told = told_of()
    told.start(90, x=0.95)
    for step in (1, 2):
        told.report(90, step, 5.0)
    assert not told.report(90, MOST, 5.0).stop


def test_the_reason_gives_the_forecast_and_the_chance() -> None:
    told = told_of()
    told.start(90, x=0.95)
    decision = [told.report(90, step, loss) for step, loss in enumerate(curve(0.95)[:-1], 1)][-1]
    assert decision.stop
    words = decision.reason.split()
    assert words[0] == "forecast"
    assert math.isclose(float(words[1]), end(0.95), rel_tol=0.1)
    assert decision.reason.endswith(f"chance to beat {told.history.best_value:.4g}")


def test_two_peers_decide_the_same_whenever_they_joined() -> None:
    told = told_of(6)
    told.start(90, x=0.7)
    for step in range(1, 6):
        told.report(90, step, curve(0.7)[step - 1])
    for number in range(6, 30):
        x = number * 7 % 30 / 30
        told.start(number, x=x)
        told.report(number, MOST, end(x))
        told.end(number, loss=end(x))
        late = told.late(Forecast())
        assert late.report(90, number, 0.5) == told.report(90, number, 0.5), number


def test_a_trial_that_ends_late_teaches_those_who_were_there_and_those_who_join_the_same() -> None:
    """Of 12 and of 13 the first 11 are learnt from: trial 2 takes the place of another."""
    told = Told(Forecast(trials=4), shoal.Budget("epoch", 1, MOST))
    told.start(90, x=0.7)
    for step in range(1, 6):
        told.report(90, step, curve(0.7)[step - 1])
    told.start(2, x=0.99)
    for number in (0, 1, *range(3, 13)):
        told.run(number, [end((number + 0.5) / 13)], x=(number + 0.5) / 13)
    told.report(90, 6, 0.5)
    told.report(2, MOST, 5.0)
    told.end(2, loss=5.0)
    assert told.late(Forecast(trials=4)).report(90, 7, 0.5) == told.report(90, 7, 0.5)


def test_where_all_that_is_done_is_alike_the_curve_alone_decides() -> None:
    told = Told(Forecast(), shoal.Budget("epoch", 1, MOST))
    for number in range(8):
        told.start(number, x=0.5)
        told.report(number, MOST, 0.2)
        told.end(number, loss=0.2)
    assert stopped_at(told, [0.9] * MOST, 0.5) is not None
    assert (
        stopped_at(told, [0.2 + 0.5 * (step**-0.5 - MOST**-0.5) - 0.05 for step in range(1, MOST + 1)], 0.5, 91) is None
    )


def falling(params: dict[str, float]) -> Iterator[float]:
    yield from curve(params["x"])


def test_a_space_that_none_of_the_trials_lies_in_is_begun_anew() -> None:
    options: dict[str, Any] = {"search": "random", "stopping": "forecast", "name": "moved", "workers": 0}
    for low, high in ((0.0, 0.4), (0.6, 1.0)):
        study = shoal.tune(
            falling, {"x": (low, high)}, trials=12 if low == 0.0 else 24, progress=False,
            budget=shoal.Budget("epoch", 1, MOST), **options,
        )  # fmt: skip
    assert len(study.trials) == 24
    assert not any(trial.outcome == "failed" for trial in study.trials)
