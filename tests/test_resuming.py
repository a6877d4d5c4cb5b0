"""Trials that are paused at a rung, and gone on with by whichever peer is free: none is run twice, none is lost."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import shoal
from conftest import wait_until
from shoal.records import AnyRecord, Ended, Started
from shoal.study import Study
from test_faults import peers_killed
from trainings import EPOCHS, LOG, Descent, Killed, Logged, Met

X = {"x": (0.0, 1.0)}


def tune(objective: type, space: dict[str, Any], **options: Any) -> Study:
    options = {"search": "random", "seed": 0, "store": "sqlite:///study.db", "name": "resumed", **options}
    return shoal.tune(
        objective, space, stopping="asha-promote", budget=shoal.Budget("epoch", 1, EPOCHS), progress=False, **options
    )


def steps_run() -> list[tuple[int, int, int, int]]:
    """(number, attempt, step, pid) of each step that was run, in order."""
    return [tuple(map(int, line.split())) for line in Path(LOG).read_text().splitlines()]  # type: ignore[misc]


def records_of(study: Study) -> dict[int, list[AnyRecord]]:
    """What the journal says of each trial's begins and ends, in order."""
    found: dict[int, list[AnyRecord]] = defaultdict(list)
    for record in study._journal.store.read(study.name, 0)[0]:
        if isinstance(record, (Started, Ended)):
            found[record.number].append(record)
    return found


def assert_one_attempt_at_a_time(records: Sequence[AnyRecord]) -> None:
    """An attempt begins only once the one before has ended; it is paused until the last."""
    begins = [record for record in records if isinstance(record, Started)]
    assert [record.attempt for record in begins] == list(range(len(begins)))
    assert [type(record) for record in records[: 2 * len(begins)]] == [Started, Ended] * len(begins)
    for begin, end in zip(records[: 2 * len(begins) : 2], records[1::2], strict=False):
        assert isinstance(begin, Started)
        assert isinstance(end, Ended)
        assert begin.attempt == end.attempt


def assert_all_saw_what_they_should(study: Study, trials: int, killed: bool = False) -> None:
    """Each trial ended at a rung; the best of all saw the whole budget. Where peers were ``killed``, a step may have
    been saved and never told."""
    assert [trial.number for trial in study.trials] == list(range(trials))
    for trial in study.trials:
        assert trial.outcome in ("done", "stopped")
        steps = [report.step for report in trial.reports]
        assert steps == (sorted(set(steps)) if killed else list(range(1, len(steps) + 1)))
        assert steps[-1] == 9 if trial.outcome == "done" else steps[-1] in (1, 3)
    losses = {trial.number: trial.reports[0].metrics["loss"] for trial in study.trials}
    assert killed or study.best.number == min(losses, key=losses.__getitem__)


def test_sixteen_peers_run_each_step_of_each_trial_exactly_once() -> None:
    study = tune(Met, X, trials=48, workers=16)
    assert_all_saw_what_they_should(study, 48)
    run = steps_run()
    wanted = {(trial.number, report.step) for trial in study.trials for report in trial.reports}
    assert Counter((number, step) for number, _, step, _ in run) == Counter(dict.fromkeys(wanted, 1))
    pids: dict[int, set[int]] = defaultdict(set)
    for number, _, _, pid in run:
        pids[number].add(pid)
    assert len(set.union(*pids.values())) == 16
    assert any(len(mine) > 1 for mine in pids.values()), "no trial was gone on with by another peer"
    for records in records_of(study).values():
        assert_one_attempt_at_a_time(records)
        assert [record.outcome for record in records if isinstance(record, Ended)][-1] in ("done", "stopped")


def test_the_curve_of_a_trial_that_was_paused_is_that_of_one_that_was_not() -> None:
    space = {"rate": shoal.loguniform(1e-4, 0.1), "momentum": (0.0, 0.9), "seed": (0, 1000)}
    study = tune(Descent, space, trials=12, workers=3)
    assert len(study.best.resumed) == 2
    for trial in study.trials:
        unbroken = Descent()
        unbroken.setup(trial.params)
        curve = [unbroken.step() for _ in trial.reports]
        assert [report.metrics for report in trial.reports] == curve


def test_a_promoted_trial_whose_peer_is_killed_goes_on_elsewhere_from_its_last_checkpoint() -> None:
    study = tune(Killed, X, trials=6, workers=2)
    assert_all_saw_what_they_should(study, 6)
    number, attempt = map(int, Path("killed").read_text().split())
    mine = [(tried, step) for which, tried, step, _ in steps_run() if which == number]
    before = [(0, 1), (1, 2), (1, 3)]
    assert mine == [*before, *((2, step) for step in (4, 5, 6)), *((3, step) for step in range(4, 10))]
    assert len({pid for which, tried, _, pid in steps_run() if which == number and tried in (2, 3)}) == 2
    ends = [(record.attempt, record.outcome) for record in records_of(study)[number] if isinstance(record, Ended)]
    assert ends == [(0, "paused"), (1, "paused"), (2, "lost"), (3, "done")]
    assert attempt == 2
    assert [report.metrics["loss"] for report in study.trials[number].reports] == [
        study.trials[number].params["x"] / epoch for epoch in range(1, 10)
    ]


def test_peers_killed_at_random_lose_no_trial_and_no_promotion() -> None:
    with peers_killed(every=0.3, most=15) as killed:
        study = tune(Logged, X, trials=150, workers=4, retries=15, timeout=120)
    assert len(killed) >= 3
    assert study.ended == "all 150 trials have ended"
    assert_all_saw_what_they_should(study, 150, killed=True)


def test_a_study_that_is_interrupted_goes_on_with_what_was_paused() -> None:
    first = tune(Logged, X, trials=9, workers=0)
    assert len(first.trials) == 9
    study = tune(Logged, X, trials=18, workers=1)  # more of them: those that were stopped stay so
    assert_all_saw_what_they_should(study, 18)
    assert Counter((number, step) for number, _, step, _ in steps_run()).most_common(1)[0][1] == 1
    assert {trial.number for trial in first.trials if trial.outcome == "stopped"} <= {
        trial.number for trial in study.trials if trial.outcome == "stopped"
    }


def from_nought(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
    """Ten epochs, counted from 0, and a checkpoint before each report."""
    state = trial.checkpoint / "epochs"
    epochs = int(state.read_text()) if state.exists() else 0
    while epochs < 10:
        state.write_text(str(epochs + 1))
        yield {"epoch": epochs, "loss": params["x"] + 1 / (epochs + 1)}
        epochs += 1


def test_a_trial_that_has_nothing_left_to_do_when_it_is_gone_on_with_is_done() -> None:
    """The last rung but one is its last epoch: what was promoted from there ends without another report."""
    study = shoal.tune(
        from_nought, X, trials=6, workers=0, search="random", stopping="asha-promote", seed=0, progress=False,
        budget=shoal.Budget("epoch", 1, 10), store="sqlite:///study.db", name="nought",
    )  # fmt: skip
    assert study._journal.history.counts["failed"] == 0
    done = [trial for trial in study.trials if trial.outcome == "done"]
    assert done
    for trial in done:
        assert [report.step for report in trial.reports] == list(range(10))
        assert trial.value == trial.reports[-1].metrics["loss"]


def dies_at_its_end(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
    """Five epochs; its process is killed when all are told and saved, and finds nothing to do when it is back."""
    state = trial.checkpoint / "epochs"
    epochs = int(state.read_text()) if state.exists() else 0
    while epochs < 5:
        epochs += 1
        state.write_text(str(epochs))
        yield {"loss": params["x"] / epochs, "epoch": epochs}
        if epochs == 5 and trial.attempt == 0:
            wait_until(all_are_told)
            os.kill(os.getpid(), signal.SIGKILL)


def all_are_told() -> bool:
    trials = shoal.Study.open("resumed", store="sqlite:///study.db").trials
    return bool(trials) and len(trials[0].reports) == 5


def test_a_trial_whose_process_died_when_all_was_done_ends_with_what_it_had_told() -> None:
    study = shoal.tune(
        dies_at_its_end, X, trials=1, workers=1, search="random", seed=0, progress=False,
        store="sqlite:///study.db", name="resumed",
    )  # fmt: skip
    (trial,) = study.trials
    assert (trial.outcome, trial.attempt) == ("done", 1)
    assert [report.step for report in trial.reports] == [1, 2, 3, 4, 5]
    assert trial.value == trial.reports[-1].metrics["loss"]


def slow(params: dict[str, float]) -> Iterator[dict[str, float]]:
    """Forty reports in the whole of its budget; saves nothing."""
    for k in range(1, 60):
        time.sleep(0.01)
        yield {"loss": params["x"] + 1 / k}


def test_without_checkpoints_the_seconds_of_what_begins_again_begin_again() -> None:
    study = shoal.tune(
        slow, X, trials=4, workers=0, search="random", stopping="asha-promote", seed=0, progress=False,
        budget=shoal.Budget("seconds", 0.05, 0.4), store="memory",
    )  # fmt: skip
    done = [trial for trial in study.trials if trial.outcome == "done"]
    assert done
    for trial in done:
        assert trial.reports[-1].seconds >= 0.4
        assert len(trial.reports) > 15
