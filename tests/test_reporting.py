"""Reports by hand: `report` says what becomes of a trial, `tell` ends it so, and `ask` may go on with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import shoal
from conftest import wait_until
from shoal.contracts import Proposal
from shoal.live import LiveTrial
from shoal.search.random import Random
from shoal.study import Study

EPOCHS = shoal.Budget("epoch", 1, 9)


def study_of(losses: list[float] | None = None, **options: Any) -> Study:
    start = [{"x": loss} for loss in losses or []]
    options = {"stopping": "asha-promote", "budget": EPOCHS, "start": start, **options}
    return Study({"x": (0.0, 1.0)}, search="random", seed=0, **options)


def train(study: Study, trial: LiveTrial) -> shoal.Decision:
    """Run a trial epoch by epoch, until a decision or the end of its budget."""
    for step in range(trial.last_step + 1 if trial.resumed else 1, 10):
        decision = study.report(trial, step, loss=trial.params["x"] / step)
        if decision.stop or decision.pause:
            break
    study.tell(trial)
    return decision


def test_a_report_gives_a_decision_and_the_trial_ends_as_it_says() -> None:
    study = study_of([0.1, 0.2, 0.3], stopping="asha")
    first, second, third = (study.ask() for _ in range(3))
    assert study.report(first, step=1, loss=0.1) == shoal.Decision()
    assert study.report(second, 1, loss=0.2) == shoal.Decision()
    decision = study.report(third, 1, loss=0.3, accuracy=0.5)
    assert decision.stop
    assert not decision.pause
    study.tell(third)
    study.report(first, 2, loss=0.05)
    study.tell(first)
    study.tell(second, 0.15)
    trials = study.trials
    assert [trial.outcome for trial in trials] == ["done", "done", "stopped"]
    assert [trial.value for trial in trials] == [0.05, 0.15, None]
    assert trials[2].reason == decision.reason != ""
    assert trials[2].metrics == {"loss": 0.3, "accuracy": 0.5}


@pytest.mark.parametrize("rule", ["median", "percentile", "baseline", "threshold"])
def test_a_trial_that_has_used_its_budget_is_done_whatever_the_rule_would_say(rule: str) -> None:
    """All is paid for, and its result is as good as any."""
    settings = {"threshold": {"upper": 1.5}}.get(rule, {})
    study = study_of(stopping=rule, stopping_settings=settings, budget=shoal.Budget("epoch", 1, 9))
    for last in [0.1] * 9 + [2.0]:
        trial = study.ask()
        assert not any(study.report(trial, step, loss=1.0 if step < 9 else last).stop for step in range(1, 10))
        study.tell(trial)
    assert [trial.outcome for trial in study.trials] == ["done"] * 10
    assert study.trials[9].value == 2.0


def test_a_trial_that_was_to_stop_is_stopped_whatever_it_goes_on_to_say() -> None:
    study = study_of([0.1, 0.2, 0.3], stopping="asha")
    decisions = [study.report(study.ask(), 1, loss=loss) for loss in (0.1, 0.2, 0.3)]
    assert [decision.stop for decision in decisions] == [False, False, True]
    assert study.report(2, 2, loss=0.0001) == decisions[2]
    study.tell(2, 0.00001)
    (trial,) = [trial for trial in study.trials if trial.number == 2]
    assert (trial.outcome, trial.reason, trial.value) == ("stopped", decisions[2].reason, None)


def test_what_was_paused_is_asked_for_again_when_it_is_among_the_best() -> None:
    study = study_of([0.3, 0.1, 0.2, 0.4])
    for number in range(3):
        trial = study.ask()
        assert (trial.number, trial.resumed, trial.until, trial.attempt) == (number, False, 1, 0)
        assert trial.why == f"starting point {number}"
        assert train(study, trial).pause
        assert study.trials[number].outcome == "paused"
    resumed = study.ask()
    assert (resumed.number, resumed.resumed, resumed.until, resumed.attempt) == (1, True, 3, 1)
    assert resumed.last_step == 1
    assert resumed.why == "promoted to epoch 3: 1st of 3 at 1"
    assert resumed.params == {"x": 0.1}
    assert study.trials[1].outcome == "running"
    assert train(study, resumed).pause
    assert [report.step for report in study.trials[1].reports] == [1, 2, 3]
    fresh = study.ask()  # the number that was put back when trial 1 was gone on with
    assert (fresh.number, fresh.params, fresh.resumed) == (3, {"x": 0.4}, False)


def test_at_the_end_the_best_trial_sees_the_whole_budget_and_no_other_is_asked_for() -> None:
    study = study_of([0.4, 0.2, 0.1, 0.3, 0.5], trials=5)
    asked = []
    for _ in range(7):
        trial = study.ask()
        asked.append((trial.number, trial.until))
        train(study, trial)
    with pytest.raises(shoal.Exhausted):
        study.ask()
    assert asked == [(0, 1), (1, 1), (2, 1), (2, 3), (3, 1), (4, 1), (2, 9)]
    assert (study.best.number, len(study.best.resumed)) == (2, 2)
    assert Counter(trial.outcome for trial in study.trials)["done"] == 1


def test_a_trial_that_fails_after_it_was_resumed_has_failed() -> None:
    study = study_of([0.3, 0.1, 0.2])
    for _ in range(3):
        train(study, study.ask())
    resumed = study.ask()
    study.tell(resumed, MemoryError("out of memory"))
    assert study.trials[1].outcome == "failed"
    assert "out of memory" in study.trials[1].reason
    assert study.ask().number == 3


def test_a_trial_that_ends_before_it_reports_is_done_with_what_it_is_told() -> None:
    study = study_of()
    study.tell(study.ask(), 0.5)
    assert study.best.value == 0.5


def test_the_checkpoint_of_a_paused_trial_is_there_when_it_is_resumed() -> None:
    study = study_of([0.3, 0.1, 0.2])
    for _ in range(3):
        (trial := study.ask()).checkpoint.joinpath("state").write_text(f"of {trial.number}")
        train(study, trial)
    assert (study.ask().checkpoint / "state").read_text() == "of 1"


def test_what_is_not_open_cannot_report() -> None:
    study = study_of()
    trial = study.ask()
    with pytest.raises(shoal.StudyError, match="trial 7 is not open here"):
        study.report(7, 1, loss=0.1)
    study.report(trial, 1, loss=0.1)
    study.tell(trial)
    with pytest.raises(shoal.StudyError, match="trial 0 is not open here"):
        study.report(trial, 2, loss=0.1)


@pytest.mark.parametrize(
    ("step", "metrics", "reason"),
    [(1, {"loss": float("nan")}, "not a finite number"), (1, {}, "at least one metric"),
     ("one", {"loss": 1.0}, "whole"), (10**400, {"loss": 1.0}, "up to 2"), (1e300, {"loss": 1.0}, "up to 2"),
     (1, {"loss": 1.0, "x": 2.0}, "name of a param")],
)  # fmt: skip
def test_what_is_no_report_is_refused_and_not_written_down(step: Any, metrics: dict[str, Any], reason: str) -> None:
    study = study_of()
    trial = study.ask()
    with pytest.raises(shoal.ObjectiveError, match=reason):
        study.report(trial, step, **metrics)
    assert study.trials[0].reports == ()


def test_a_side_metric_that_is_not_finite_is_kept_as_text() -> None:
    study = study_of()
    assert study.report(study.ask(), 1, loss=0.1, side=float("nan")).pause
    study.tell(0)
    assert study.trials[0].metrics == {"loss": 0.1, "side": "nan"}


def test_what_one_paused_another_goes_on_with() -> None:
    shared = {"trials": 3, "store": "study.db", "name": "two"}
    with study_of(**shared) as one, study_of(**shared) as two:
        mine = one.ask()
        assert two.ask().number == 1
        two.tell(1, 0.9)
        for trial in (mine, one.ask()):
            assert train(one, trial).pause
        wait_until(lambda: [trial.outcome for trial in Study.open("two", "study.db").trials].count("paused") == 2)
        resumed = two.ask()
        assert (resumed.resumed, resumed.until) == (True, 3)
        with pytest.raises(shoal.Exhausted):  # the other one waits for promotion, and is not among the best
            one.ask()


# ---------------------------------------------------------------------- seconds


class Watch:
    """A clock that stands still unless it is moved."""

    time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_a_budget_in_seconds_is_measured_by_the_clock_of_the_study_pauses_left_out() -> None:
    watch = Watch()
    study = study_of([0.5], trials=1, budget=shoal.Budget("seconds", 10, 90), clock=watch)
    trial = study.ask()
    assert trial.until == 10
    watch.time += 9.5
    assert not study.report(trial, 1, loss=0.5).pause
    watch.time += 1.5
    assert study.report(trial, 2, loss=0.4).pause
    study.tell(trial)
    watch.time += 3600  # paused
    trial = study.ask()
    assert (trial.resumed, trial.until) == (True, 30)
    assert trial.ran == 11
    watch.time += 18
    assert not study.report(trial, 3, loss=0.3).pause
    watch.time += 2
    assert study.report(trial, 4, loss=0.2).pause
    study.tell(trial)
    watch.time += 3600
    trial = study.ask()
    for step in (5, 6):
        watch.time += 30
        assert not study.report(trial, step, loss=0.1).pause  # 61 s, then all of the budget
    study.tell(trial)
    assert [report.seconds for report in study.best.reports] == [9.5, 11, 29, 31, 61, 91]
    assert (study.best.outcome, study.best.seconds) == ("done", 91)


def test_the_seconds_of_a_trial_are_its_own_and_not_those_of_the_search_before_it() -> None:
    watch = Watch()

    class Slow(Random):
        def ask(self, number: int, rng: Any) -> Proposal:
            watch.time += 5
            return super().ask(number, rng)

    study = shoal.Study({"x": (0.0, 1.0)}, search=Slow(), clock=watch)
    for seconds in (2.0, 3.0):
        trial = study.ask()
        watch.time += seconds
        study.tell(trial, 0.5)
    assert [trial.seconds for trial in study.trials] == [2, 3]


def test_seconds_are_what_a_rule_that_stops_compares_at_too() -> None:
    watch = Watch()
    study = study_of([0.1, 0.2, 0.3], stopping="asha", budget=shoal.Budget("seconds", 10, 90), clock=watch)
    trials = [study.ask() for _ in range(3)]
    assert not any(study.report(trial, 100, loss=trial.params["x"]).stop for trial in trials)
    watch.time += 12
    decisions = [study.report(trial, 101, loss=trial.params["x"]) for trial in trials]
    assert [decision.stop for decision in decisions] == [False, False, True]
    assert "at 12 s" in decisions[2].reason


def test_reports_amid_epochs_are_all_kept_at_what_they_say() -> None:
    """A trainer that logs twice an epoch: those at whole epochs are no repeats."""

    def train(params: dict[str, float]) -> Iterator[dict[str, float]]:
        for half in range(1, 9):
            yield {"epoch": half / 2, "loss": params["x"] + 1 / half}

    budget = shoal.Budget("epoch", 1, 4)
    study = shoal.tune(train, {"x": (0.0, 1.0)}, trials=1, workers=0, store="memory", progress=False, budget=budget)
    history = study._journal.history
    assert [history.spent(report) for report in history.reports(0)] == [half / 2 for half in range(1, 9)]
