"""Successive halving by several metrics, by worked examples: η = 3, rungs at 1, 3 and 9."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import shoal
from shoal.models.fronts import ranks
from shoal.stopping.pareto import ParetoASHA
from told import Told

TWO = {"seconds": "minimize"}


def test_what_no_other_beats_in_all_metrics_goes_on_and_what_is_beaten_is_stopped() -> None:
    told = Told(ParetoASHA(TWO))
    good = {0: (0.1, 9.0), 1: (0.9, 1.0)}
    assert not any(told.report(n, 1, loss, seconds=cost).stop for n, (loss, cost) in good.items())
    decision = told.report(2, 1, 0.95, seconds=9.5)
    assert decision.stop
    assert decision.reason == (
        "at epoch 1 it is the 3rd of 3 by the Pareto front of loss, seconds, not among the best 1/3"
    )
    assert not told.report(3, 1, 0.05, seconds=20.0).stop  # the worst in seconds, and the best in loss


def test_the_leader_of_the_own_metric_goes_on_however_alone_the_others_are() -> None:
    told = Told(ParetoASHA(TWO))
    for number, (loss, cost) in enumerate([(3.0, 1.0), (2.0, 2.0), (1.0, 3.0)]):
        decision = told.report(number, 1, loss, seconds=cost)
    assert not decision.stop


def test_a_goal_of_the_others_may_be_to_maximise_and_what_is_not_told_counts_as_the_worst() -> None:
    told = Told(ParetoASHA({"accuracy": "maximize"}))
    for number, accuracy in enumerate([0.9, 0.8, 0.7]):
        told.report(number, 1, 0.5, accuracy=accuracy)
    assert told.report(3, 1, 0.5, accuracy=0.1).stop
    assert told.report(4, 1, 0.5).stop
    assert not told.report(5, 1, 0.5, accuracy=0.95).stop


def test_a_trial_is_judged_once_at_each_rung_and_by_those_that_got_there() -> None:
    told = Told(ParetoASHA(TWO))
    for number in range(4):
        told.report(number, 1, 0.5 - 0.1 * number, seconds=1.0)
    assert not told.report(0, 2, 9.0, seconds=9.0).stop
    assert not told.report(0, 3, 9.0, seconds=9.0).stop  # the only one at epoch 3
    told.end(3, "failed")
    assert not told.report(4, 1, 0.35, seconds=1.0).stop  # the 2nd of 4, without the one that failed; of 4, 2 go on


@pytest.mark.parametrize("metrics", [1, 2, 3])
def test_the_fronts_of_points_are_those_that_are_left_when_the_better_ones_are_taken_away(metrics: int) -> None:
    losses = np.random.default_rng(metrics).integers(0, 12, (150, metrics)).astype(float)
    found, left, front = ranks(losses), np.arange(150), 0
    while len(left):
        some = losses[left]
        beaten = np.array([(np.all(some <= one, 1) & np.any(some < one, 1)).any() for one in some])
        assert set(left[~beaten]) == set(np.flatnonzero(found == front))
        left, front = left[beaten], front + 1


def test_a_front_is_searched_with_fewer_epochs_than_without_stopping(folder: Path) -> None:
    def train(params, trial):  # type: ignore[no-untyped-def]
        for epoch in range(1, 10):
            trial.report(epoch, loss=params["x"] ** 2 + params["z"] + 1 / epoch, cost=(params["x"] - 1) ** 2)

    study = shoal.tune(
        train, {"x": shoal.uniform(-1.0, 2.0), "z": shoal.uniform(0.0, 1.0)}, trials=60, seed=0, workers=0,
        search="pareto", settings={"others": {"cost": "minimize"}}, stopping="asha-pareto", progress=False,
        stopping_settings={"others": {"cost": "minimize"}}, budget=shoal.Budget("epoch", 1, 9),
    )  # fmt: skip
    stopped = [trial for trial in study.trials if trial.outcome == "stopped"]
    done = [trial for trial in study.trials if trial.outcome == "done"]
    assert 15 < len(stopped) < 55
    assert all("by the Pareto front of loss, cost" in trial.reason for trial in stopped)
    losses = np.array([[trial.metrics["loss"], trial.metrics["cost"]] for trial in done])
    front = losses[ranks(losses) == 0]
    assert front[:, 0].min() < 0.35  # both ends of the front, the least of each metric, are found: 1/9 and 0
    assert front[:, 1].min() < 0.1


def test_what_a_trial_reported_counts_nowhere_once_it_has_failed_whichever_is_heard_first() -> None:
    told = Told(ParetoASHA(TWO))
    told.start(0)
    told.end(0, "failed")
    told.report(0, 1, 0.0, seconds=0.0)
    assert not any(told.report(number, 1, 0.5 + 0.1 * number, seconds=1.0).stop for number in (1, 2))
