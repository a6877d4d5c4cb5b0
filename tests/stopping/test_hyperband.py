"""Hyperband, by the numbers of its paper: R = 81 and η = 3, and in the small R = 9: rungs at 1, 3 and 9."""

from __future__ import annotations

import random
from collections import Counter

import pytest

import shoal
from shoal import Exhausted
from shoal.stopping.hyperband import Hyperband
from told import Told, choices


def told_of(most: float = 9, rule: Hyperband | None = None) -> Told:
    return Told(Hyperband() if rule is None else rule, shoal.Budget("epoch", 1, most))


def parked(told: Told, losses: list[float], first: int = 0, until: float = 1) -> Told:
    for number, loss in enumerate(losses, first):
        told.park(number, int(until), loss, until=until)
    return told


def test_brackets_begin_with_as_many_trials_and_as_much_budget_as_algorithm_1_says() -> None:
    """Line 4: n = ⌈B/R · η^s / (s + 1)⌉ and r = R·η^-s, for s = 4, 3, 2, 1 and 0; then over again."""
    told = told_of(81)
    until = [told.next(number).until for number in range(2 * 143)]
    assert until == [1.0] * 81 + [3.0] * 34 + [9.0] * 15 + [27.0] * 8 + [81.0] * 5 + until[:143]


def test_there_are_no_more_brackets_where_the_budget_is_no_power_of_eta() -> None:
    """s_max = ⌊log_3(100)⌋ = 4, and r = 100·3^-s, in whole epochs."""
    told = told_of(100)
    until = [told.next(number).until for number in range(143)]
    assert until == [1.0] * 81 + [4.0] * 34 + [11.0] * 15 + [33.0] * 8 + [100.0] * 5


def test_a_lone_peer_runs_each_bracket_as_table_1_shows() -> None:
    """Lines 6 to 8: of n trials ⌊n / η^i⌋ get to rung i, a bracket after the other."""
    told = told_of(81)
    losses = dict(enumerate(random.Random(0).sample(range(1, 1000), 143)))
    turns = list(choices(told, 206, losses))
    expected = [
        (1, 81), (3, 27), (9, 9), (27, 3), (81, 1), (3, 34), (9, 11), (27, 3), (81, 1), (9, 15), (27, 5), (81, 1),
        (27, 8), (81, 2), (81, 5),
    ]  # fmt: skip
    run = [until for until, count in expected for _ in range(count)]
    assert [until for _, until in turns] == run
    for bracket in (range(81), range(81, 115), range(115, 130), range(130, 138)):
        best = min(bracket, key=lambda number: losses[number])
        assert (best, 81) in turns  # who is the best at all rungs sees the whole budget


def test_no_rung_is_promoted_before_it_is_complete() -> None:
    told = parked(told_of(), [0.5, 0.4, 0.3, 0.2, 0.1, 0.6, 0.7, 0.8])
    assert told.next(8).resume_from is None
    told.park(8, 1, 0.9, until=1)
    promoted = []
    while (proposal := told.next(9)).resume_from is not None:
        assert proposal.until == 3
        promoted.append(proposal.resume_from)
        told.start(proposal.resume_from, 3)
    assert sorted(promoted) == [2, 3, 4]  # of 9 the best 3


def test_while_a_rung_is_incomplete_a_free_peer_begins_the_next_bracket() -> None:
    told = told_of()
    for number in range(9):
        told.start(number, 1)
    proposal = told.next(9)
    assert (proposal.resume_from, proposal.until) == (None, 3)
    assert "bracket 1" in proposal.why


def test_a_trial_is_paused_at_its_bracket_s_first_rung_and_not_before() -> None:
    told = told_of()
    told.start(9, 3)
    assert [told.report(9, step, 0.5).pause for step in (1, 2)] == [False, False]
    assert told.report(9, 3, 0.5).reason == "1st of 1 at epoch 3 when it got there"
    told.start(14, 9)  # of the last bracket: sees all at once
    assert not any(told.report(14, step, 0.5).pause for step in range(1, 10))


def test_trials_are_compared_within_their_own_bracket_and_turn() -> None:
    told = parked(told_of(), [0.5] * 8 + [0.4])
    parked(told, [0.01] * 8, first=17)  # the same bracket, a turn later
    promoted = set()
    while (number := told.next(99).resume_from) is not None:
        promoted.add(number)
        told.start(number, 3)
    assert promoted == {0, 1, 8}


def test_a_trial_that_fails_before_the_rung_is_not_waited_for() -> None:
    told = parked(told_of(), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    told.start(8, 1)
    assert told.next(9).resume_from is None
    told.end(8, "failed")
    assert told.next(9).resume_from == 0


@pytest.mark.parametrize("late", [False, True])
def test_a_trial_that_fails_after_its_promotion_leaves_its_rung_complete(late: bool) -> None:
    told = parked(told_of(), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert told.next(9).resume_from == 0
    told.start(0, 3)
    told.end(0, "failed")
    peer = told.late(Hyperband()) if late else told
    assert peer.next(9).resume_from == 1


def test_without_fresh_trials_an_incomplete_rung_is_promoted_and_its_best_sees_the_whole_budget() -> None:
    told = parked(told_of(), [0.3, 0.1, 0.2])
    assert told.next(3).resume_from is None
    run: Counter[int] = Counter()
    while True:
        try:
            proposal = told.next(-1)
        except Exhausted:
            break
        assert proposal.resume_from is not None
        run[proposal.resume_from] += 1
        told.start(proposal.resume_from, proposal.until)
        if told.report(proposal.resume_from, int(proposal.until), 0.1 * proposal.resume_from + 0.1).pause:
            told.end(proposal.resume_from, "paused")
        else:
            told.end(proposal.resume_from)
    assert sum(told.history.trial(number).outcome == "done" for number in range(3)) >= 1


def test_of_an_incomplete_rung_no_more_than_a_third_is_promoted_at_the_end() -> None:
    """A bracket that was cut short halves as one of its size would: it does not train all of the few that it has."""
    told = parked(told_of(81), [0.1 * number for number in range(1, 10)])
    promoted = []
    while True:
        try:
            proposal = told.next(-1)
        except Exhausted:
            break
        assert proposal.resume_from is not None
        promoted.append(proposal.resume_from)
        told.start(proposal.resume_from, proposal.until)
    assert len(promoted) <= 3


def test_asynchronous_hyperband_promotes_the_best_third_of_those_that_came_so_far() -> None:
    told = parked(told_of(rule=Hyperband(synchronous=False)), [0.3, 0.1])
    assert told.next(2).resume_from is None
    told.park(2, 1, 0.2, until=1)
    assert (told.next(3).resume_from, told.next(3).until) == (1, 3)
    told.start(1, 3)
    assert told.next(3).resume_from is None


@pytest.mark.parametrize("first", ["report", "end"])
def test_a_trial_that_fails_counts_alike_for_who_was_there_and_who_joins_late(first: str) -> None:
    """Its report and its end have two writers where its process died: either may be heard first."""
    told = told_of()
    told.start(0, 3)
    for what in (first, "end" if first == "report" else "report"):
        if what == "end":
            told.end(0, "failed")
        else:
            told.report(0, 3, 0.1)
    rules = told.rule, told.late(Hyperband()).rule
    assert [dict(rule._lost) for rule in rules] == [{(2, 0): 1, (2, 1): 1, (2, 2): 1}] * 2  # type: ignore[attr-defined]
    assert [[len(rung) for rung in rule._ladder(0).rungs] for rule in rules] == [[0, 0, 0]] * 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("reports", [0, 1])
def test_a_trial_that_is_done_before_its_first_rung_holds_no_one_up(reports: int) -> None:
    """Trial 0 returns early; of the first cohort nine begin at epoch 1, and the rung is whole with eight of them."""
    told = told_of()
    told.start(0, 1)
    if reports:
        told.report(0, 0, 0.4)
    told.end(0, loss=0.0)
    parked(told, [0.1 * number for number in range(1, 9)], first=1)
    for known in (told, told.late(Hyperband())):
        proposal = known.next(9)
        assert (proposal.resume_from, proposal.until) == (1, 3)
        assert "2nd of 9" in proposal.why
