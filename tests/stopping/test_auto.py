"""The choice by what trials do: saved ones are paused and promoted, others stopped, silent ones run to their end."""

from __future__ import annotations

from typing import Any

import pytest

import shoal
from shoal.records import Reported
from shoal.stopping.asha import ASHA
from shoal.stopping.auto import Auto
from shoal.stopping.promotion import Promotion
from simulations import Ran, Safe
from told import Told


def parked(told: Told, losses: list[float]) -> Told:
    for number, loss in enumerate(losses):
        told.start(number, 1)
        assert told.report(number, 1, loss, saved=True).pause
        told.end(number, "paused")
    return told


def test_trials_that_save_nothing_are_stopped_as_asynchronous_halving_stops_them() -> None:
    auto, asha = Told(Auto()), Told(ASHA(adapt=True))
    for number in range(30):
        for step in (1, 2, 3, 4, 9):
            loss = (7 * number % 30 + 1) / (30 * step)
            decision = auto.report(number, step, loss)
            assert decision == asha.report(number, step, loss)
            if decision.stop:
                auto.end(number, "stopped")
                asha.end(number, "stopped")
                break
    assert auto.history.counts["stopped"] > 5


def test_trials_that_save_are_paused_and_promoted_as_successive_halving_promotes_them() -> None:
    auto, promotion = (parked(Told(rule), [0.3, 0.1, 0.2]) for rule in (Auto(), Promotion(adapt=True)))
    assert auto.next(3) == promotion.next(3)
    assert auto.next(3).resume_from == 1
    assert auto.next(-1) == promotion.next(-1)


def test_as_long_as_no_trial_has_saved_each_is_to_see_the_whole_budget() -> None:
    told = Told(Auto())
    assert told.next(0).until == 0
    told.report(0, 1, 0.5)
    assert told.next(1).until == 0
    told.report(1, 1, 0.5, saved=True)
    assert told.next(2).until == 9  # one is to show what early losses are worth
    told.start(2, 9)
    assert told.next(3).until == 1


def test_the_first_trials_are_paused_at_the_first_rung_though_nobody_knew_that_they_save() -> None:
    told = Told(Auto())
    told.start(0, told.next(0).until)
    assert told.report(0, 1, 0.5, saved=True).reason == "1st of 1 at epoch 1 when it got there"


@pytest.mark.parametrize("late", [False, True])
def test_a_trial_that_saves_only_later_is_known_to_save_on_all_peers(late: bool) -> None:
    told = Told(Auto())
    told.report(0, 1, 0.5)
    told.report(0, 2, 0.5, saved=True)
    assert (told.late(Auto()) if late else told).next(1).until == 9  # and not 0, which is all that there is


@pytest.mark.parametrize("late", [False, True])
def test_trials_that_failed_are_not_among_those_that_others_are_compared_with(late: bool) -> None:
    told = Told(Auto())
    for number, loss in enumerate([0.1, 0.2, 0.3]):
        told.report(number, 1, loss)
        told.end(number, "failed")
    peer = told.late(Auto()) if late else told
    assert not peer.report(3, 1, 0.9).stop


def test_trials_that_report_nothing_until_their_end_are_all_done() -> None:
    study = shoal.tune(
        lambda params: params["x"], {"x": (0.0, 1.0)}, trials=12, workers=0, seed=0, search="random",
        budget=shoal.Budget("epoch", 1, 9), progress=False,
    )  # fmt: skip
    assert [trial.outcome for trial in study.trials] == ["done"] * 12


def test_of_trials_that_report_and_save_nothing_most_are_stopped_early_and_the_best_is_done() -> None:
    def epochs(params: dict[str, Any], trial: Any) -> None:
        for epoch in range(1, 10):
            trial.report(epoch, loss=params["x"] + 1 / epoch)

    study = shoal.tune(
        epochs, {"x": (0.0, 1.0)}, trials=40, workers=0, seed=0, search="random", budget=shoal.Budget("epoch", 1, 9),
        progress=False,
    )  # fmt: skip
    outcomes = [trial.outcome for trial in study.trials]
    assert set(outcomes) == {"done", "stopped"}
    assert outcomes.count("stopped") > 20
    assert study.best.number == min(study.trials, key=lambda trial: trial.params["x"]).number


def test_what_it_saves_is_most_of_the_steps() -> None:
    steps = {}
    for stopping in ("none", "auto"):
        ran = Ran(stopping=stopping, peers=4, problem=Safe())
        steps[stopping] = sum(isinstance(record, Reported) for record in ran.records)
    assert steps["none"] == 9 * 60
    assert steps["auto"] < steps["none"] / 2
