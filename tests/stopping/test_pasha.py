"""PASHA, by worked examples: η = 3 and rungs at 3, 9, 27 and 81, of which two are in use at first."""

from __future__ import annotations

import pytest

import shoal
from shoal import Exhausted
from shoal.stopping.pasha import PASHA
from told import Told


def climbed(*curves: dict[int, float], most: float = 81) -> Told:
    """A study whose trials have these losses at these epochs, and are paused at the last of them."""
    told = Told(PASHA(grace=3), shoal.Budget("epoch", 1, most))
    for number, curve in enumerate(curves):
        told.start(number, max(curve))
        for step, loss in curve.items():
            paused = told.report(number, step, loss).pause
        assert paused
        told.end(number, "paused")
    return told


def promotions(told: Told, number: int = 99) -> list[tuple[int, float]]:
    """Which trials free peers would go on with, and until when."""
    found = []
    while (proposal := told.next(number)).resume_from is not None:
        found.append((proposal.resume_from, proposal.until))
        told.start(proposal.resume_from, proposal.until)
    return found


STEADY = [{1: 0.5 + 0.1 * k, 3: 0.4 + 0.1 * k, 9: 0.3 + 0.1 * k} for k in range(3)]


def test_while_the_top_two_rungs_rank_alike_nothing_goes_beyond_them() -> None:
    assert promotions(climbed(*STEADY)) == []


def test_at_first_trials_go_to_the_second_rung() -> None:
    """Algorithm 1: R_0 = η·r."""
    told = Told(PASHA(), shoal.Budget("epoch", 1, 81))
    for number in range(9):
        told.start(number, 1)
        assert told.report(number, 1, 0.1 * number).pause
        told.end(number, "paused")
    assert promotions(told) == [(0, 3), (1, 3), (2, 3)]
    for number in range(3):
        assert told.report(number, 3, 0.1 * number).pause
        told.end(number, "paused")
    assert promotions(told) == []


def test_once_the_top_two_rungs_rank_otherwise_the_best_goes_on_to_the_next() -> None:
    flipped = [STEADY[0], STEADY[1], {1: 0.7, 3: 0.6, 9: 0.2}]
    assert promotions(climbed(*flipped)) == [(2, 27)]


def test_a_trial_that_fails_later_ranks_nothing_otherwise() -> None:
    told = climbed(*STEADY, {1: 0.8, 3: 0.7, 9: 0.2})
    assert promotions(told) == [(3, 27)]
    told.end(3, "failed")
    assert promotions(told) == []


def test_the_budget_grows_by_one_rung_at_a_time() -> None:
    told = climbed(*[{1: 0.5, 3: 0.4 - 0.1 * k, 9: 0.3 + 0.1 * k} for k in range(3)])
    assert promotions(told) == [(0, 27)]
    told.report(0, 27, 0.1)
    told.end(0, "paused")
    assert promotions(told) == []  # one alone at epoch 27 is in no wrong order


def test_a_tie_at_the_lower_rung_is_no_other_order() -> None:
    assert promotions(climbed(*[{1: 0.5, 3: 0.4, 9: 0.3 + 0.1 * k} for k in range(3)])) == []


def test_a_difference_below_that_of_curves_which_cross_and_cross_back_does_not_count() -> None:
    """Section 4.2: ε is what trials differ by whose order changes to and fro."""
    last = {1: 0.7, 3: 0.40, 9: 0.35}
    assert promotions(climbed({1: 0.6, 3: 0.30, 9: 0.25}, {1: 0.5, 3: 0.29, 9: 0.27}, last)) == [(0, 27)]  # cross once
    to_and_fro = {1: 0.6, 3: 0.30, 4: 0.24, 5: 0.28, 9: 0.25}, {1: 0.5, 3: 0.29, 4: 0.26, 5: 0.26, 9: 0.27}
    assert promotions(climbed(*to_and_fro, last)) == []  # ε = 0.02, and the order at epoch 3 was wrong by 0.01


def test_a_difference_above_the_noise_counts() -> None:
    first = {1: 0.5, 2: 0.42, 3: 0.34, 4: 0.24, 5: 0.28, 9: 0.25}
    second = {1: 0.6, 2: 0.40, 3: 0.29, 4: 0.26, 5: 0.26, 9: 0.27}  # wrong by 0.05 at epoch 3; ε = 0.02
    assert promotions(climbed(first, second, {1: 0.7, 3: 0.4, 9: 0.35})) == [(0, 27)]


def test_with_two_rungs_it_is_successive_halving() -> None:
    told = climbed({1: 0.5, 3: 0.4}, {1: 0.6, 3: 0.5}, {1: 0.7, 3: 0.6}, most=9)
    assert promotions(told) == [(0, 9)]


def test_where_more_is_better_rungs_are_ranked_by_that() -> None:
    told = Told(PASHA(grace=3), shoal.Budget("epoch", 1, 81), goal="maximize")
    for number in range(3):
        told.start(number, 9)
        for step in (1, 3, 9):
            told.report(number, step, 0.1 * number + 0.01 * step)
        told.end(number, "paused")
    assert promotions(told) == []


def test_a_trial_that_began_from_another_s_checkpoint_is_at_the_upper_rung_alone_and_ranks_nothing() -> None:
    """As where a study of a population goes on under this rule."""
    told = climbed(*STEADY)
    told.start(3, 27, source=0)
    told.report(3, 9, 0.01)
    assert promotions(told) == []


def test_without_fresh_trials_the_best_sees_the_whole_budget() -> None:
    told = climbed(*STEADY)
    for until in (27, 81):
        proposal = told.next(-1)
        assert (proposal.resume_from, proposal.until) == (0, until)
        told.start(0, until)
        told.report(0, until, 0.2)
        told.end(0, "paused" if until < 81 else "done")


def test_a_look_at_what_there_is_without_fresh_trials_does_not_spend_more_on_them() -> None:
    """One peer that asks in vain must not make it plain successive halving for all that follows."""
    told = climbed(STEADY[0])
    assert told.next(-1).until == 27
    for number in (1, 2):
        told.start(number, 9)
        for step, loss in STEADY[number].items():
            told.report(number, step, loss)
        told.end(number, "paused")
    assert promotions(told) == []


def test_no_trial_is_worth_resuming_where_none_is_paused() -> None:
    with pytest.raises(Exhausted, match="no paused trial"):
        climbed().next(-1)
