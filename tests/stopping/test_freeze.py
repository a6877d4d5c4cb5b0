"""Freeze and thaw: of those paused at a rung, those go on that are best there, and those foreseen to end best."""

from __future__ import annotations

import pytest

import shoal
from shoal import Exhausted
from shoal.models.rungs import Ladder
from shoal.stopping.freeze import FEWEST, Freeze
from shoal.stopping.promotion import Promotion
from told import Told


def loss(x: float, epoch: int) -> float:
    """Who is best at first is worst in the end."""
    return {1: x, 3: 0.5 + 0.0 * x, 9: 1.0 - x}[epoch]


def crossed(rule: Freeze | Promotion, count: int = 24, through: int = 4, goal: str = "minimize") -> Told:
    """Trials that are paused at epoch 1, but for some all over the space that have seen the whole budget."""
    told = Told(rule, goal=goal)
    sign = 1.0 if goal == "minimize" else -1.0
    for number in range(count):
        x, epochs = (7 * number % count) / count, (1, 3, 9) if number < through else (1,)
        told.start(number, epochs[-1], x=x)
        for epoch in epochs:
            told.report(number, epoch, sign * loss(x, epoch))
        told.end(number, "done" if number < through else "paused", loss=sign * loss(x, 9))
    return told


def x_of(told: Told, number: int | None) -> float:
    assert number is not None
    return float(told.history.params(number)["x"])


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_trials_that_will_end_best_go_on_though_they_are_worst_as_yet_and_those_best_as_yet_too(goal: str) -> None:
    told = crossed(Freeze(), goal=goal)
    foreseen, best = [], []
    for turn in range(4):
        proposal = told.next(24)
        assert proposal.until == 3
        (best if turn % 2 else foreseen).append(x_of(told, proposal.resume_from))
        told.start(proposal.resume_from, 3)  # type: ignore[arg-type]
    assert min(foreseen) > 0.7
    assert max(best) < 0.3


@pytest.mark.parametrize(("count", "through"), [(24, 4), (24, 8), (26, 4), (27, 5)])
def test_of_all_that_got_to_a_rung_the_share_goes_on_that_it_deserves(count: int, through: int) -> None:
    told = crossed(Freeze(), count, through)
    deserved = int(count / Ladder(told.history, [1, 3, 9]).one_in(0, 3))
    assert deserved >= count / 3
    went = 0
    while (number := told.next(count).resume_from) is not None:
        told.start(number, 3)
        went += 1
    assert went == deserved - through


def test_of_the_budget_that_goes_to_trials_without_a_pause_half_takes_the_models_favourites_to_their_end() -> None:
    told = crossed(Freeze(), count=120)
    whole, rest = 4 * 9, 0
    while (whole + rest) * 3 <= 116 + whole + rest:
        proposal = told.next(120)
        assert proposal == told.late(Freeze()).next(120)
        assert proposal.until == 9
        assert "the model's favourite of" in proposal.why
        x = x_of(told, proposal.resume_from)
        assert x > 0.7  # one of the worst as yet
        told.start(proposal.resume_from, 9, x=x)  # type: ignore[arg-type]
        rest += 8
    assert rest == 24
    assert told.next(120).until == 3


def test_without_enough_trials_to_learn_from_it_is_successive_halving() -> None:
    count = FEWEST - 1
    freeze, promotion = (crossed(rule, count, through=1) for rule in (Freeze(), Promotion(adapt=True)))
    assert freeze.next(count) == promotion.next(count)
    assert x_of(freeze, freeze.next(count).resume_from) < 0.2


def test_trials_are_paused_as_in_successive_halving() -> None:
    told = crossed(Freeze())
    decision = told.park(24, 1, 0.01, until=1)
    assert decision == shoal.Decision(pause=True, reason="2nd of 25 at epoch 1 when it got there")


def test_two_peers_foresee_the_same_and_asking_twice_changes_nothing() -> None:
    told = crossed(Freeze())
    late = told.late(Freeze())
    assert told.next(24) == told.next(24) == late.next(24)


def test_a_trial_that_failed_is_not_gone_on_with() -> None:
    told = crossed(Freeze())
    first = told.next(24).resume_from
    assert first is not None
    told.start(first, 3)
    told.end(first, "failed")
    second = told.next(24).resume_from
    assert second not in (first, None)


def test_without_fresh_trials_one_sees_the_whole_budget() -> None:
    told = crossed(Freeze(), count=10, through=0)
    run = []
    for _ in range(30):
        try:
            proposal = told.next(-1)
        except Exhausted:
            break
        number, until = proposal.resume_from, int(proposal.until)
        assert number is not None
        run.append(until)
        told.start(number, until, x=x_of(told, number))
        if told.report(number, until, loss(x_of(told, number), until)).pause:
            told.end(number, "paused")
        else:
            told.end(number)
    assert 10 > run.count(3) > run.count(9) >= 1


def test_losses_that_all_agree_are_foreseen_without_harm() -> None:
    told = Told(Freeze())
    for number in range(12):
        told.start(number, 1, x=number / 12)
        told.report(number, 1, 0.5)
        told.end(number, "paused")
    assert told.next(12).resume_from is not None


def test_at_the_end_the_best_of_a_rung_goes_on_though_a_trial_that_was_not_paused_there_took_its_place() -> None:
    told = Told(Freeze())
    told.start(0, 9, x=0.9)
    for epoch in (1, 3, 9):
        told.report(0, epoch, 0.9)
    told.end(0, loss=0.9)
    for number, loss in ((1, 0.2), (2, 0.1)):
        told.park(number, 1, loss, until=1)
        told.park(number, 3, loss, until=3)
    assert told.next(3).resume_from is None
    proposal = told.next(-1)
    assert (proposal.resume_from, proposal.until) == (2, 9)
    told.start(2, 9)
    told.report(2, 9, 0.1)
    told.end(2, loss=0.1)
    with pytest.raises(Exhausted):
        told.next(-1)
