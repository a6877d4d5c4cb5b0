"""Successive halving by promotion, by worked examples: η = 3, rungs at 1, 3 and 9."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import shoal
from shoal import Exhausted
from shoal.records import AnyRecord, Ended, Reported, Started, write_params
from shoal.stopping.pasha import PASHA
from shoal.stopping.promotion import Promotion
from told import Told, choices


def parked(losses: list[float], told: Told | None = None) -> Told:
    """A study whose trials are paused at epoch 1 with these losses."""
    told = Told(Promotion()) if told is None else told
    for number, loss in enumerate(losses):
        told.park(number, 1, loss, until=1)
    return told


def test_a_new_trial_runs_to_the_first_rung_and_is_paused_there() -> None:
    told = Told(Promotion())
    proposal = told.next(0)
    assert (proposal.resume_from, proposal.until) == (None, 1)
    told.start(0, proposal.until)
    decision = told.report(0, 1, 0.5)
    assert decision == shoal.Decision(pause=True, reason="1st of 1 at epoch 1 when it got there")


def test_while_a_rung_holds_fewer_than_eta_none_of_it_is_promoted() -> None:
    told = parked([0.1, 0.2])
    assert told.next(2).resume_from is None
    told.park(2, 1, 0.3, until=1)
    assert told.next(3).resume_from == 0


def test_the_best_third_of_a_rung_is_promoted_the_best_first() -> None:
    told = parked([0.6, 0.2, 0.5, 0.1, 0.4, 0.3])
    for expected in (3, 1):  # of 6, the best 2
        proposal = told.next(6)
        assert (proposal.resume_from, proposal.until) == (expected, 3)
        assert proposal.params == told.history.params(expected)
        told.start(expected, proposal.until)
    assert proposal.why == "promoted to epoch 3: 2nd of 6 at 1"
    assert told.next(6).resume_from is None


def test_a_trial_that_was_promoted_still_counts_at_the_rung_below() -> None:
    """The best third is of all that got to a rung, not of those that wait there."""
    told = parked([0.1, 0.2, 0.3, 0.4, 0.5])
    told.start(0, 3)
    assert told.next(5).resume_from is None  # 0.2 is the 2nd of 5
    told.park(5, 1, 0.6, until=1)
    assert told.next(6).resume_from == 1


def test_promotions_to_a_higher_rung_come_first() -> None:
    told = parked([0.01 * number for number in range(12)])
    for number in (0, 1, 2):
        told.park(number, 3, 0.5 - 0.1 * number, until=3)
    proposal = told.next(12)  # one of 3 at epoch 3, and one more of 12 at epoch 1
    assert (proposal.resume_from, proposal.until) == (2, 9)
    told.start(2, 9)
    proposal = told.next(12)
    assert (proposal.resume_from, proposal.until) == (3, 3)


def test_a_lone_peer_climbs_as_the_paper_says() -> None:
    told = Told(Promotion())
    losses = {0: 0.5, 1: 0.2, 2: 0.9, 3: 0.8, 4: 0.1, 5: 0.7, 6: 0.6, 7: 0.3, 8: 0.4}
    assert list(choices(told, 13, losses)) == [
        (0, 1), (1, 1), (2, 1), (1, 3),  # the best of 3
        (3, 1), (4, 1), (4, 3),  # the best of 5
        (5, 1), (6, 1), (7, 1), (8, 1), (7, 3),  # the third of 9, when the first two have gone on
        (4, 9),  # the best of 3 at epoch 3
    ]  # fmt: skip


def test_a_resumed_trial_is_paused_at_the_rung_that_it_was_resumed_for() -> None:
    told = parked([0.1, 0.2, 0.3])
    told.start(0, 3)
    assert not told.report(0, 1, 0.1).pause  # said again, by one that has no checkpoint
    assert not told.report(0, 2, 0.1).pause
    assert told.report(0, 3, 0.1).reason == "1st of 1 at epoch 3 when it got there"
    told.end(0, "paused")
    told.start(0, 9)
    assert [told.report(0, step, 0.1).pause for step in range(4, 10)] == [False] * 6


def test_a_step_that_jumps_over_rungs_waits_at_the_last_of_them() -> None:
    told = parked([0.3, 0.4])
    assert told.park(2, 5, 0.2, until=1).reason == "1st of 1 at epoch 3 when it got there"
    assert told.next(3).resume_from is None  # the best of 3 at epoch 1 waits at epoch 3
    for number in (0, 1):
        told.park(number, 3, 0.5, until=3)
    assert (told.next(3).resume_from, told.next(3).until) == (2, 9)


def test_a_report_without_the_metric_does_not_pause_and_the_next_one_does() -> None:
    told = Told(Promotion())
    told.start(0, 1)
    assert not told.report(0, 1, None, accuracy=0.5).pause
    assert told.report(0, 2, 0.4).pause


def test_a_side_metric_that_is_not_finite_changes_nothing() -> None:
    told = Told(Promotion())
    told.start(0, 1)
    assert told.report(0, 1, 0.4, grad="nan", norm="inf").pause


def test_of_trials_that_tie_the_first_is_promoted_first_and_all_within_the_best_third() -> None:
    told = parked([0.5] * 6)
    promoted = []
    while (number := told.next(6).resume_from) is not None:
        promoted.append(number)
        told.start(number, 3)
    assert promoted[:2] == [0, 1]
    assert len(promoted) == 2  # of 6 a third


def test_where_more_is_better_the_greatest_is_promoted() -> None:
    told = parked([0.1, 0.9, 0.5], Told(Promotion(), goal="maximize"))
    assert told.next(3).resume_from == 1


def test_a_trial_that_is_run_again_after_its_peer_died_is_not_promoted_meanwhile() -> None:
    told = parked([0.1, 0.2, 0.3])
    told.start(0, 3)
    told.end(0, "lost")
    assert told.next(3).resume_from is None
    told.start(0, 3)
    assert told.next(3).resume_from is None


def test_without_fresh_trials_the_best_of_a_rung_goes_on_though_there_are_few() -> None:
    told = parked([0.2, 0.1])
    assert told.next(2).resume_from is None
    assert (told.next(-1).resume_from, told.next(-1).until) == (1, 3)
    told.park(1, 3, 0.1, until=3)
    assert (told.next(-1).resume_from, told.next(-1).until) == (1, 9)
    told.start(1, 9)
    told.report(1, 9, 0.1)
    told.end(1)
    with pytest.raises(Exhausted, match="no paused trial is worth resuming"):
        told.next(-1)


def test_where_the_best_trial_fails_on_its_way_the_next_best_sees_the_whole_budget() -> None:
    told = parked([0.2, 0.1])
    told.start(1, 3)
    told.end(1, "failed")
    assert told.next(-1).resume_from == 0


def test_a_peer_that_joins_late_promotes_the_same() -> None:
    told = Told(Promotion())
    losses = {number: (7 * number % 30 + 1) / 30 for number in range(40)}
    for _ in range(40):
        late = told.late(Promotion())
        assert late.next(told.history.length) == told.next(told.history.length)
        list(choices(told, 1, losses))
    assert 9 in {told.history.until(number) for number in range(told.history.length)}


@pytest.mark.parametrize("settings", [{"eta": 1}, {"grace": -1}, {"brackets": 3}])
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(shoal.StudyError, match=r"asha-promote|promotion"):
        shoal.Study(
            {"x": (0.0, 1.0)}, stopping="asha-promote", stopping_settings=settings, budget=shoal.Budget("epoch", 1, 9)
        )


def test_without_a_budget_it_is_refused_and_the_message_says_how_to_give_one() -> None:
    with pytest.raises(shoal.StudyError, match=r"needs a budget.*shoal.Budget\('epoch', 1, 27\)"):
        shoal.Study({"x": (0.0, 1.0)}, stopping="asha-promote")


# ---------------------------------------------------------------------- the end of a study


def epochs(params: dict[str, float]) -> Iterator[dict[str, float]]:
    for epoch in range(1, 10):
        yield {"loss": params["x"] / epoch}


def study_of(losses: list[float], **options: Any) -> shoal.Study:
    return shoal.tune(
        epochs, {"x": (0.0, 1.0)}, trials=len(losses), start=[{"x": loss} for loss in losses], search="random", seed=0,
        stopping="asha-promote", budget=shoal.Budget("epoch", 1, 9), progress=False, **{"workers": 0, **options},
    )  # fmt: skip


@pytest.mark.parametrize("losses", [[0.5], [0.5, 0.1], [0.5, 0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]])
@pytest.mark.parametrize("workers", [0, 2])
def test_at_the_end_the_best_trial_saw_the_whole_budget_and_all_others_are_stopped(
    losses: list[float], workers: int
) -> None:
    study = study_of(losses, workers=workers)
    assert [trial.number for trial in study.trials] == list(range(len(losses)))
    best = losses.index(min(losses))
    assert study.trials[best].outcome == "done"
    assert [report.step for report in study.trials[best].reports] == list(range(1, 10))
    assert study.best.number == best
    outcomes = Counter(trial.outcome for trial in study.trials)
    assert outcomes["done"] + outcomes["stopped"] == len(losses)
    for trial in study.trials:
        if trial.outcome == "stopped":
            assert trial.reason.startswith("never gone on with: ")
            assert trial.reports[-1].step in (1, 3)
    assert f"all {len(losses)} trials have ended" in study.ended


def test_a_finite_space_is_searched_to_its_end_and_nothing_stays_paused() -> None:
    study = shoal.tune(
        epochs, {"x": [0.4, 0.2, 0.3]}, search="grid", stopping="asha-promote", budget=shoal.Budget("epoch", 1, 9),
        workers=0, progress=False,
    )  # fmt: skip
    assert {trial.params["x"]: trial.outcome for trial in study.trials} == {0.4: "stopped", 0.2: "done", 0.3: "stopped"}


def test_one_part_of_the_budget_in_as_many_as_there_are_rungs_goes_to_trials_that_are_not_paused() -> None:
    told = Told(Promotion(adapt=True))
    first: list[float] = []  # how far each trial goes at first
    spent: dict[int, float] = {}
    for _ in range(120):
        proposal = told.next(len(first))
        assert proposal == told.late(Promotion(adapt=True)).next(len(first))
        number = len(first) if proposal.resume_from is None else proposal.resume_from
        if proposal.resume_from is None:
            first.append(proposal.until)
        told.start(number, proposal.until)
        spent[number] = proposal.until
        paused = told.report(number, int(proposal.until), 0.5 + 0.01 * (7 * number % 20)).pause
        assert paused is (proposal.until < 9)
        told.end(number, "paused" if paused else "done")
    assert first[:3] == [9, 1, 1]
    assert set(first) == {1, 9}
    assert sum(until for until in first if until == 9) == pytest.approx(sum(spent.values()) / 3, abs=9)


def test_without_learning_every_trial_is_paused_at_first() -> None:
    assert {Told(Promotion()).next(number).until for number in range(3)} == {1}


@pytest.mark.parametrize("rule", ["asha-promote", "hyperband", "freeze", "auto", "pasha"])
def test_trials_that_stop_where_they_are_asked_to_may_tell_their_loss_later(rule: str) -> None:
    """A loss at every fifth epoch, the rungs at 1, 3, 9 and 27: who has told none yet is gone on with."""

    def train(params: dict[str, float], trial: shoal.LiveTrial) -> Any:
        saved = trial.checkpoint / "epoch"
        epoch = int(saved.read_text()) if saved.exists() else 0
        while epoch < min(27, trial.until):
            epoch += 1
            saved.write_text(str(epoch))
            yield {"epoch": epoch, **({"loss": params["x"] + 1 / epoch} if epoch % 5 == 0 or epoch == 27 else {})}

    study = shoal.tune(train, {"x": (0.0, 1.0)}, trials=12, workers=0, budget=shoal.Budget("epoch", 1, 27),
                       stopping=rule, search="random", seed=0, timeout=60.0, progress=False)  # fmt: skip
    outcomes = Counter(trial.outcome for trial in study.trials)
    assert outcomes["failed"] == 0
    assert outcomes["done"] >= 1
    assert sum(outcomes.values()) == 12
    assert all(trial.attempt <= 4 for trial in study.trials)


@pytest.mark.parametrize("rule", [Promotion, PASHA])
def test_who_heard_of_the_later_attempt_first_knows_the_same(rule: type) -> None:
    """Records of one writer come in order, those of two in any."""
    first: list[AnyRecord] = [
        Started(0, write_params({"x": 0.1}), "a", 0.0, until=1.0), Reported(0, 1, {"loss": 5.0}, 1.0, 0, 1.0, True),
        Ended(0, "paused", 1.0, {"loss": 5.0}, attempt=0, decided=True),
    ]  # fmt: skip
    second: list[AnyRecord] = [
        Started(0, write_params({"x": 0.1}), "b", 2.0, attempt=1, until=3.0),
        Reported(0, 3, {"loss": 0.5}, 3.0, 1, 3.0, True),
        Ended(0, "paused", 3.0, {"loss": 0.5}, attempt=1, decided=True),
    ]  # fmt: skip
    for order in ([*first, *second], [*second, *first], [first[0], *second, *first[1:]]):
        told = Told(rule())
        told.tell(*order)
        ladder = getattr(told.rule, "ladder", None) or told.rule._promotion.ladder  # type: ignore[attr-defined]
        assert [dict(rung.of) for rung in ladder.rungs][:2] == [{0: 5.0}, {0: 0.5}]
