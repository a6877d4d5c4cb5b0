"""Learning curves drawn on to their ends: who is unlikely to beat the best is stopped, and says by how much."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import shoal
from shoal.models.contest import MOST
from shoal.stopping.extrapolate import Extrapolate
from told import Told

Curve = Callable[[float], float]


def told_of(best: float = 0.2, rule: Extrapolate | None = None, most: float = 50, goal: str = "minimize") -> Told:
    """A study whose best trial ended with this loss."""
    told = Told(rule or Extrapolate(), shoal.Budget("epoch", 1, most), goal=goal)
    told.report(0, int(most), best)
    told.end(0, loss=best)
    return told


def stopped_at(told: Told, curve: Curve, number: int = 1, most: int = 50) -> int | None:
    return next((step for step in range(1, most) if told.report(number, step, curve(step)).stop), None)


CURVES: dict[str, Callable[[float], Curve]] = {
    "power": lambda end: lambda step: end + 0.6 * (step**-0.5 - 50**-0.5),
    "steep power": lambda end: lambda step: end + 0.6 * (step**-1.5 - 50**-1.5),
    "exponential": lambda end: lambda step: end + 0.6 * (math.exp(-step / 10) - math.exp(-5)),
}


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES.keys())
def test_a_curve_that_ends_below_the_best_is_never_stopped(curve: Callable[[float], Curve]) -> None:
    assert stopped_at(told_of(0.2), curve(0.15)) is None


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES.keys())
def test_a_curve_that_ends_far_above_the_best_is_stopped_before_half_of_its_budget(
    curve: Callable[[float], Curve],
) -> None:
    found = stopped_at(told_of(0.2), curve(0.6))
    assert found is not None
    assert found < 25


def test_where_more_is_better_a_curve_that_ends_far_below_the_best_is_stopped() -> None:
    told = told_of(0.9, goal="maximize")
    assert stopped_at(told, lambda step: 0.95 - 0.6 / step) is None
    assert stopped_at(told, lambda step: 0.5 - 0.3 * step**-0.5, number=2) is not None


def test_with_noise_in_the_curve_few_that_would_have_been_the_best_are_stopped() -> None:
    """At chance = 5 %; of 40 such curves, 8 or more would be stopped once in a thousand studies."""
    rng = np.random.default_rng(0)
    stopped = 0
    for _ in range(40):
        end = rng.uniform(0.10, 0.19)
        noisy = {step: end + 0.6 * (step**-0.7 - 50**-0.7) + 0.01 * rng.normal() for step in range(1, 50)}
        stopped += stopped_at(told_of(0.2), lambda step, noisy=noisy: noisy[step]) is not None  # type: ignore[misc]
    assert stopped < 8


@pytest.mark.parametrize("reports", [3, 4, 9])
def test_nothing_is_stopped_before_enough_reports(reports: int) -> None:
    told = told_of(0.0, Extrapolate(reports=reports, chance=0.99))
    assert stopped_at(told, lambda step: 5.0 + 1 / step) == reports


def test_nothing_is_stopped_without_a_finished_trial_to_beat() -> None:
    told = Told(Extrapolate(chance=0.9))
    assert stopped_at(told, lambda step: 5.0, number=0, most=9) is None
    assert stopped_at(told, lambda step: 9.0, number=1, most=9) is None


def test_who_has_been_as_good_as_the_best_goes_on_however_the_curve_rises() -> None:
    told = told_of(0.2)
    assert stopped_at(told, lambda step: 0.2 + 0.5 * (step > 3)) is None
    assert stopped_at(told, lambda step: 0.21 + 0.5 * (step > 3), number=2) is not None


def test_at_the_end_of_the_budget_nothing_is_stopped() -> None:
    told = told_of(0.0, most=9)
    for step in (1, 2, 3):
        told.report(1, step, 5.0)
    assert not told.report(1, 9, 5.0).stop
    assert told.report(2, 1, 5.0) == shoal.Decision()


def test_a_flat_curve_above_the_best_is_stopped_and_one_below_is_not() -> None:
    told = told_of(0.2)
    assert stopped_at(told, lambda step: 0.1) is None
    assert stopped_at(told, lambda step: 0.5, number=2) is not None


def test_the_reason_gives_the_forecast_its_deviation_and_the_chance() -> None:
    told = told_of(0.2)
    decision = [told.report(1, step, 0.6 + 0.3 / step) for step in range(1, 30)][-1]
    assert decision.stop
    words = decision.reason.split()
    assert decision.reason.startswith("expected to end at 0.6")
    assert decision.reason.endswith("chance to beat 0.2")
    assert float(words[words.index("chance") - 1].rstrip("%")) < 5


def test_a_greater_chance_that_is_asked_for_stops_sooner() -> None:
    found = [
        stopped_at(told_of(0.2, Extrapolate(chance=chance)), CURVES["power"](0.4)) for chance in (0.001, 0.05, 0.4)
    ]
    assert None not in found
    assert found == sorted(found, reverse=True)  # type: ignore[type-var]
    assert found[0] > found[-1]  # type: ignore[operator]


def test_the_forecast_of_a_long_curve_is_that_of_an_even_choice_of_its_reports() -> None:
    few, many = told_of(0.2, most=4000), told_of(0.2, most=4000)
    curve = lambda step: 0.5 + 0.6 * step**-0.5  # noqa: E731
    for step in range(1, 30 * MOST):
        few_or_many = many.report(1, step, curve(step))
    for step in range(1, 30 * MOST, 30):
        few_only = few.report(1, step, curve(step))
    assert few_only.stop
    assert few_or_many.stop
    assert few_only.reason.split()[4][:4] == few_or_many.reason.split()[4][:4]  # 0.51…


@pytest.mark.parametrize("rule", ["extrapolate", "forecast"])
def test_without_a_budget_curves_end_as_far_as_any_trial_has_come(rule: str) -> None:
    def train(params: dict[str, float]) -> Iterator[float]:
        for epoch in range(1, 21):
            yield params["floor"] + 5 * 0.7**epoch

    study = shoal.tune(
        train, {"floor": (0.0, 10.0)}, stopping=rule, search="random", trials=40, workers=0, store="memory", seed=0,
        progress=False,
    )  # fmt: skip
    stopped = [trial for trial in study.trials if trial.outcome == "stopped"]
    assert len(stopped) > 10
    assert study.best.params["floor"] == min(trial.params["floor"] for trial in study.trials)
    assert all(len(trial.reports) < 20 for trial in stopped)


@pytest.mark.parametrize("rule", ["extrapolate", "forecast"])
def test_where_all_curves_are_flat_at_first_none_of_the_best_is_stopped_there(rule: str) -> None:
    """Six of 27 epochs at chance level: curves alone foretell that nothing comes after."""

    def loss(x: float, epoch: int) -> float:
        return 0.6931 if epoch <= 6 else (x - 0.3) ** 2 + 0.3 * (epoch - 6) ** -0.7

    study = shoal.Study(
        {"x": (0.0, 1.0)}, search="random", stopping=rule, budget=shoal.Budget("epoch", 1, 27), seed=0, trials=40
    )
    for _ in range(40):
        trial = study.ask()
        for epoch in range(1, 28):
            if study.report(trial, epoch, loss=loss(trial.params["x"], epoch)).stop:
                break
        study.tell(trial)
    ends = {trial.number: loss(trial.params["x"], 27) for trial in study.trials}
    assert study.best.number == min(ends, key=ends.__getitem__)
    assert study._journal.history.counts["stopped"] > 4  # it is no rule that stops nothing


@pytest.mark.parametrize("rule", ["extrapolate", "forecast"])
def test_hardly_any_that_would_have_beaten_the_best_is_stopped(rule: str) -> None:
    """At a chance of 5 %, of the dozen or so in three studies one or none; four by chance once in 500 times."""

    def loss(params: dict[str, float], epoch: int) -> float:
        return (params["x"] - 0.3) ** 2 + (params["y"] - 0.6) ** 2 + 0.5 * epoch**-0.7

    winners, stopped, saved = 0, 0, 0
    for seed in range(3):
        study = shoal.Study(
            {"x": (0.0, 1.0), "y": (0.0, 1.0)}, search="random", stopping=rule, budget=shoal.Budget("epoch", 1, 27),
            seed=seed,
        )  # fmt: skip
        best = math.inf
        for _ in range(100):
            trial = study.ask()
            for epoch in range(1, 28):
                if stops := study.report(trial, epoch, loss=loss(trial.params, epoch)).stop:
                    break
            study.tell(trial)
            end = loss(trial.params, 27)
            winners, stopped = winners + (end < best), stopped + (stops and end < best)
            saved += 27 - epoch
            best = best if stops else min(best, end)
    assert stopped <= 3 < winners
    assert saved > 0.3 * 27 * 300


@pytest.mark.parametrize("rule", ["extrapolate", "forecast"])
def test_a_trial_that_diverged_and_was_done_ends_nothing(rule: str) -> None:
    study = shoal.Study({"lr": (0.0, 1.0)}, seed=0, search="random", stopping=rule, budget=shoal.Budget("epoch", 1, 20),
                        start=[{"lr": 1.0}])  # fmt: skip
    for _ in range(12):
        trial = study.ask()
        for epoch in range(1, 21):
            loss = 10.0 ** (8 * epoch) if trial.params["lr"] == 1.0 else trial.params["lr"] + 1 / epoch
            if study.report(trial, epoch, loss=loss).stop:
                break
        study.tell(trial)
    assert study.trials[0].value == 1e160
    assert study.trials[0].outcome == "done"
