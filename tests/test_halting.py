"""Functions and generators whose trials are stopped or paused: they may clean up, and cannot go on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import shoal
from rules import At
from shoal.records import Ended
from shoal.study import Study

X = {"x": (0.0, 1.0)}
BUDGET = shoal.Budget("epoch", 1, 9)
REASON = "step 2 is enough for trial 0"


def tune(objective: Callable[..., Any], **options: Any) -> Study:
    options = {"stopping": At(2), "trials": 1, **options}
    return shoal.tune(objective, X, workers=0, name="s", search="random", seed=0, progress=False, **options)


def say(word: str, folder: Path | None = None) -> None:
    with ((folder or Path()) / "said").open("a") as file:
        file.write(f"{word}\n")


def said() -> list[str]:
    return Path("said").read_text().split("\n")[:-1]


def generator(params: dict[str, float]) -> Iterator[dict[str, float]]:
    here = Path.cwd()
    try:
        for epoch in range(1, 10):
            say(f"epoch {epoch}")
            yield {"loss": params["x"] / epoch}
        say("the end")
    finally:
        say("finally", here)


def test_a_generator_that_is_stopped_runs_its_finally_and_nothing_after_its_last_yield() -> None:
    study = tune(generator)
    assert said() == ["epoch 1", "epoch 2", "finally"]
    (trial,) = study.trials
    assert (trial.outcome, trial.reason, trial.value) == ("stopped", REASON, None)
    assert trial.metrics == {"loss": trial.params["x"] / 2}
    assert [report.step for report in trial.reports] == [1, 2]


def test_a_generator_that_is_paused_runs_its_finally_each_time() -> None:
    """It has no checkpoint, and so begins again."""
    study = tune(generator, stopping="asha-promote", budget=BUDGET)
    first, second, third = ([f"epoch {epoch}" for epoch in range(1, until + 1)] for until in (1, 3, 9))
    assert said() == [*first, "finally", *second, "finally", *third, "the end", "finally"]
    ends = [record for record in study._journal.store.read("s", 0)[0] if isinstance(record, Ended)]
    assert [(end.attempt, end.outcome) for end in ends] == [(0, "paused"), (1, "paused"), (2, "done")]
    assert [end.reason for end in ends] == [
        "1st of 1 at epoch 1 when it got there", "1st of 1 at epoch 3 when it got there", "",
    ]  # fmt: skip


def cleans_up(params: dict[str, float], trial: Any) -> float:
    try:
        for epoch in range(1, 10):
            trial.report(epoch, loss=params["x"] / epoch)
    except shoal.Halted as halt:
        say(f"cleaned up: {halt}")
        raise
    say("the end")
    return 0.0


def swallows_exceptions(params: dict[str, float], trial: Any) -> float:
    for epoch in range(1, 10):
        try:
            trial.report(epoch, loss=params["x"] / epoch)
        except Exception:  # noqa: BLE001
            say("swallowed")
    say("the end")
    return 0.0


def returns_in_place(params: dict[str, float], trial: Any) -> float | None:
    try:
        for epoch in range(1, 10):
            trial.report(epoch, loss=params["x"] / epoch)
    except shoal.Halted:
        return 77.0
    return 0.0


def returns_nothing(params: dict[str, float], trial: Any) -> None:
    try:
        for epoch in range(1, 10):
            trial.report(epoch, loss=params["x"] / epoch)
    except shoal.Halted:
        pass


def reports_on(params: dict[str, float], trial: Any) -> None:
    for epoch in range(1, 4):
        try:
            trial.report(epoch, loss=params["x"] / epoch)
        except shoal.Halted:
            say(f"halted at {epoch}")


@pytest.mark.parametrize("function", [cleans_up, swallows_exceptions, returns_in_place, returns_nothing])
def test_a_function_that_is_stopped_counts_as_stopped_whatever_it_makes_of_that(function: Callable[..., Any]) -> None:
    study = tune(function)
    (trial,) = study.trials
    assert (trial.outcome, trial.reason, trial.value) == ("stopped", REASON, None)
    assert trial.metrics == {"loss": trial.params["x"] / 2}
    assert [report.step for report in trial.reports] == [1, 2]
    assert not Path("said").exists() or said() == [f"cleaned up: {REASON}"]


def test_a_function_that_reports_on_is_told_so_each_time() -> None:
    assert tune(reports_on).trials[0].outcome == "stopped"
    assert said() == ["halted at 2", "halted at 3"]


def test_a_function_that_is_paused_may_clean_up_and_is_run_again_from_its_beginning() -> None:
    study = tune(cleans_up, stopping="asha-promote", budget=BUDGET)
    words = [f"cleaned up: 1st of 1 at epoch {rung} when it got there" for rung in (1, 3)]
    assert said() == [*words, "the end"]
    assert (study.best.value, len(study.best.resumed)) == (0.0, 2)


def test_a_function_that_uses_its_checkpoint_goes_on_where_it_was_until_it_is_due() -> None:
    study = tune(frugal, stopping="asha-promote", budget=BUDGET)
    assert said() == ["1 to 1: False", "2 to 3: True", "4 to 9: True"]
    assert [report.step for report in study.best.reports] == list(range(1, 10))


def frugal(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
    state = trial.checkpoint / "epoch"
    epoch = int(state.read_text()) if trial.resumed else 0
    assert epoch == trial.last_step
    say(f"{epoch + 1} to {trial.until:g}: {trial.resumed}")
    while epoch < trial.until:
        epoch += 1
        state.write_text(str(epoch))
        yield {"loss": params["x"] / epoch, "epoch": epoch}


def test_an_error_on_the_way_out_fails_the_trial_and_is_shown() -> None:
    (trial,) = tune(stumbles).trials
    assert trial.outcome == "failed"
    assert "OSError: no space left" in trial.reason
    assert "stumbles" in trial.traceback


def stumbles(params: dict[str, float]) -> Iterator[float]:
    try:
        yield from (0.3, 0.2, 0.1)
    finally:
        raise OSError("no space left")


def test_a_rule_that_pauses_and_never_resumes_does_not_keep_the_study_from_ending() -> None:
    study = shoal.tune(generator, X, workers=1, trials=2, stopping=At(2, pause=True), timeout=120, progress=False)
    assert study.ended == "all 2 trials have ended"
    assert [trial.outcome for trial in study.trials] == ["stopped", "stopped"]


def test_a_rule_that_raises_ends_the_study_and_says_so_and_the_trial_is_cleaned_up() -> None:
    with pytest.raises(shoal.StudyError, match="the rule Broken failed: ZeroDivisionError"):
        tune(generator, stopping=Broken())
    assert said() == ["epoch 1", "finally"]


class Broken:
    def decide(self, number: int, report: Any, history: Any) -> shoal.Decision:
        raise ZeroDivisionError


def test_the_log_of_a_peer_says_what_was_decided_and_why() -> None:
    shoal.tune(frugal, X, workers=1, trials=2, name="s", stopping="asha-promote", budget=BUDGET, progress=False)
    (log,) = Path("shoal.files/s/peers").glob("*.log")
    lines = log.read_text().splitlines()
    assert any(line.endswith("trial 0 paused: 1st of 1 at epoch 1 when it got there") for line in lines)
    assert any("resumed: promoted to epoch 3: 1st of" in line for line in lines)


def reports_on_and_on(params: dict[str, float], trial: Any) -> float:
    for epoch in range(1, 99):
        trial.report(epoch, loss=params["x"] + 1 / epoch)
    raise AssertionError("it should have been ended")


def yields_on_and_on(params: dict[str, float]) -> Iterator[dict[str, float]]:
    for epoch in range(1, 99):
        yield {"loss": params["x"] + 1 / epoch} if epoch < 10 else {"accuracy": 0.5}


@pytest.mark.parametrize("objective", [reports_on_and_on, yields_on_and_on])
def test_a_trial_that_runs_on_beyond_its_budget_is_done_with_what_it_reported_last(objective: Any) -> None:
    study = tune(objective, stopping="none", budget=BUDGET, keep_checkpoints=1)
    (trial,) = study.trials
    assert (trial.outcome, trial.reports[-1].step) == ("done", 10)
    assert trial.value == study.best.value == trial.params["x"] + 1 / (10 if objective is reports_on_and_on else 9)


def test_a_function_whose_seconds_are_used_up_is_done_with_what_it_reported_last() -> None:
    def reports_until_it_is_ended(params: dict[str, float], trial: Any) -> None:
        for step in itertools.count(1):
            trial.report(step, loss=1 / step)

    study = tune(reports_until_it_is_ended, stopping="none", budget=shoal.Budget("seconds", 0.01, 0.05))
    assert study.best.value == 1 / study.best.reports[-1].step


def test_a_trial_that_used_up_its_budget_without_the_metric_has_failed() -> None:
    def never_says(params: dict[str, float], trial: Any) -> None:
        for epoch in range(1, 99):
            trial.report(epoch, accuracy=0.5)

    (trial,) = tune(never_says, stopping="none", budget=BUDGET, max_failures=9).trials
    assert (trial.outcome, "'loss' is missing" in trial.reason) == ("failed", True)
