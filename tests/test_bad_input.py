"""Whatever an objective does ends its trial with a reason, and never the study."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bad
import shoal
from shoal.trial import Trial

CHEAP = {
    "raises": "ValueError: the learning rate exploded",
    "exits": "the objective called sys.exit(3)",
    "devours": "MemoryError",
    "nan": "loss is nan: not a finite number",
    "infinity": "loss is inf: not a finite number",
    "text": "the result must be a number or a dict of metrics, got '0.5' (str)",
    "none": "got None (NoneType)",
    "true": "got True (bool)",
    "complex": "got 1j (complex)",
    "empty": "metric 'loss' is missing from the result, which has no metrics",
    "elsewhere": "metric 'loss' is missing from the result, which has 'accuracy'",
    "param": "metric 'how' has the name of a param",
    "huge": "not a finite number",
    "listed": "metric 'curve' must be a number",
    "undecodable": "FileNotFoundError: caf\\udce9.csv",
    "halts": "Halted: enough was raised, though no rule has stopped the trial",
}


def run(*how: str, **options: Any) -> list[Trial]:
    """One trial for each way, in order, in one peer's process."""
    study = shoal.tune(
        bad.objective, {"how": list(bad.HOW)}, trials=len(how), start=[{"how": way} for way in how], max_failures=1000,
        progress=False, **options,
    )  # fmt: skip
    return study.trials


def test_each_wrong_answer_is_a_failed_trial_with_its_reason_and_the_study_goes_on() -> None:
    trials = run(*CHEAP, "fine")
    assert [trial.outcome for trial in trials] == ["failed"] * len(CHEAP) + ["done"]
    for trial, (way, reason) in zip(trials, CHEAP.items(), strict=False):
        assert reason in trial.reason, way
        assert all(math.isfinite(value) for value in trial.metrics.values() if isinstance(value, float))


def test_the_traceback_of_an_exception_is_kept_without_frames_of_the_loop() -> None:
    (trial,) = run("raises")
    assert 'raise ValueError("the learning rate exploded")' in trial.traceback
    assert "peer.py" not in trial.traceback


def test_the_error_of_a_script_s_own_function_is_kept_however_deep_it_was_raised(folder: Path) -> None:
    Path("deep.py").write_text(
        "import json, shoal\ndef train(params):\n    return json.loads('{')\n"
        "if __name__ == '__main__':\n    shoal.tune(train, {'x': (0.0, 1.0)}, trials=1, name='deep', progress=False)\n"
    )
    subprocess.run([sys.executable, "deep.py"], check=True)
    (trial,) = shoal.Study.open("deep").trials
    assert trial.reason.startswith("JSONDecodeError")
    assert "in train" in trial.traceback


def test_what_an_objective_starts_can_be_terminated_and_reads_no_orders() -> None:
    assert [trial.outcome for trial in run("spawns")] == ["done"]


def test_a_segmentation_fault_is_retried_once_and_then_a_failed_trial() -> None:
    trials = run("crashes", "fine", workers=1)
    assert [trial.outcome for trial in trials] == ["failed", "done"]
    assert "SIGSEGV" in trials[0].reason
    assert "2 attempts" in trials[0].reason


@pytest.mark.parametrize(
    ("how", "said"),
    [("terminates", "killed by SIGTERM"), ("leaves", "ended with exit status 0"), ("real-time", "killed by signal")],
)
def test_a_trial_that_ends_its_process_is_retried_and_fails_and_another_peer_takes_the_place(
    how: str, said: str
) -> None:
    trials = run(how, "fine", "fine", workers=2, timeout=60)
    assert [trial.outcome for trial in trials] == ["failed", "done", "done"]
    assert said in trials[0].reason


@pytest.mark.parametrize("workers", [0, 2])
def test_what_an_objective_forks_never_goes_on_as_a_peer(workers: int) -> None:
    trials = run("forks", "forks", "fine", workers=workers, timeout=60)
    assert [(trial.outcome, trial.value) for trial in trials] == [("done", 2.0), ("done", 2.0), ("done", 0.5)]
    assert {trial.attempt for trial in trials} == {0}


def test_an_error_longer_than_a_pipe_ends_the_study(tmp_path: Path) -> None:
    class Wordy:
        def ask(self, number: int, rng: Any) -> Any:
            raise ValueError("x" * 200_000)

        def tell(self, record: Any) -> None:
            pass

    with pytest.raises(shoal.StudyError, match="ValueError"):
        shoal.tune(bad.objective, {"how": ["fine"]}, search=Wordy(), trials=2, timeout=60, progress=False)


def test_without_retries_a_crash_fails_its_trial_at_once() -> None:
    trials = run("crashes", "fine", retries=0)
    assert trials[0].outcome == "failed"
    assert "1 attempts" in trials[0].reason


def test_an_endless_loop_is_killed_at_its_timeout() -> None:
    trials = run("loops", "fine", trial_timeout=5)
    assert [trial.outcome for trial in trials] == ["failed", "done"]
    assert "trial_timeout=5" in trials[0].reason


def test_megabytes_of_output_harm_nothing() -> None:
    trials = run("babbles", "fine")
    assert [trial.outcome for trial in trials] == ["done", "done"]


def test_a_study_whose_first_ten_trials_fail_stops_and_shows_the_first_traceback() -> None:
    with pytest.raises(shoal.StudyError) as problem:
        shoal.tune(bad.raises, {"x": (0.0, 1.0)}, trials=100, name="doomed", progress=False)
    assert "all of the first 10 trials failed" in str(problem.value)
    assert 'raise ValueError("the learning rate exploded")' in str(problem.value)
    assert len(shoal.Study.open("doomed").trials) == 10


def test_max_failures_sets_after_how_many_failures_a_study_stops() -> None:
    with pytest.raises(shoal.StudyError, match="all of the first 3 trials failed"):
        shoal.tune(bad.raises, {"x": (0.0, 1.0)}, trials=100, max_failures=3, workers=0, progress=False)


def test_a_side_metric_that_is_not_finite_costs_no_trial() -> None:
    study = shoal.tune(
        lambda params: {"loss": params["x"], "auc": math.nan, "good": np.True_, "how": np.str_("fast")},
        {"x": (0.0, 1.0)}, trials=1, workers=0, progress=False,
    )  # fmt: skip
    assert study.best.metrics["auc"] == "nan"
    assert study.best.metrics["good"] is True
    assert study.best.metrics["how"] == "fast"


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def test_an_exception_that_cannot_say_what_it_is_fails_its_trial_alone() -> None:
    def mute(params: dict[str, float]) -> float:
        if params["x"] > 0.5:
            raise Mute
        return params["x"]

    study = shoal.tune(mute, {"x": (0.0, 1.0)}, trials=9, workers=0, search="sobol", progress=False)
    failed = [trial for trial in study.trials if trial.outcome == "failed"]
    assert {trial.reason for trial in failed} == {"Mute, which fails to say more"}


def test_what_is_to_end_at_once_starts_no_more_peers(folder: Path) -> None:
    study = shoal.tune(bad.raises, {"x": (0.0, 1.0)}, trials=9, workers=60, timeout=0, directory=folder, progress=False)
    assert not study.trials
    assert len(list(folder.glob("**/peers/*.log"))) < 5


def test_an_objective_may_do_to_its_params_what_it_likes() -> None:
    def spoil(params: dict[str, Any]) -> float:
        params["layers"].append(99)
        params["x"] = "gone"
        return 0.0

    study = shoal.tune(spoil, {"x": (0.0, 1.0), "layers": [[1], [2]]}, trials=4, workers=0, progress=False)
    assert all(trial.params["layers"] in ([1], [2]) and 0 <= trial.params["x"] <= 1 for trial in study.trials)


@pytest.mark.parametrize(
    "objective", [3, None, [], "", "no_such_program_here", "nowhere.py", "nowhere:f", "math:nothing"]
)
def test_what_is_no_objective_is_refused_before_anything_runs(objective: Any) -> None:
    with pytest.raises(shoal.ShoalError):
        shoal.tune(objective, {"x": (0.0, 1.0)}, trials=1, progress=False)


@pytest.mark.parametrize(
    "options",
    [{"trials": 0}, {"trials": -1}, {"workers": -1}, {"workers": 1.5}, {"search": "genetik"}, {"goal": "up"},
    {"trials": "ten"},
     {"settings": {"pop": 3}}, {"metric": "x"}, {"start": [{"y": 1}]}, {"start": [{"x": 7.0}]}, {"name": ""},
     {"name": "a\nb"},
     {"store": "memory://"}, {"store": "nosuchdb://x"}, {"gpus": 3}, {"retries": -1}, {"trial_timeout": 0}],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused_with_the_value_in_the_message(options: dict[str, Any]) -> None:
    with pytest.raises(shoal.ShoalError) as problem:
        shoal.tune(bad.objective, {"x": (0.0, 1.0)}, **{"trials": 1, "progress": False, **options})
    assert len(str(problem.value)) > 15
