"""Rungs: which budgets they lie at, and which loss of a trial counts at each."""

from __future__ import annotations

import math
from typing import Any

import pytest

import shoal
from shoal.models.rungs import EXPECTED, Ladder, levels, levels_from_top, ordinal, spaced_levels
from shoal.stopping.asha import ASHA
from told import Told


@pytest.mark.parametrize(
    ("least", "most", "eta", "expected"),
    [
        (1, 27, 3, [1, 3, 9, 27]),
        (1, 10, 3, [1, 3, 9, 10]),  # the most is a rung though it is no r·η^k
        (2, 7, 2, [2, 4, 7]),
        (5, 5, 3, [5]),
        (5, 6, 3, [5, 6]),
        (1, 6, 1.5, [1, 2, 3, 5, 6]),  # 1, 1.5, 2.25, 3.375, 5.06 as whole epochs, each once
        (0.5, 4, 2, [0.5, 1, 2, 4]),
        (1, 4.5, 1.5, [1, 1.5, 2.25, 3.375, 4.5]),  # not whole, for the most is not
    ],
)
def test_rungs_lie_at_the_least_times_powers_of_eta_and_at_the_most(
    least: float, most: float, eta: float, expected: list[float]
) -> None:
    assert levels(least, most, eta) == expected


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        (1, 27, [1, 3, 9, 27]),
        (1, 30, [1, 3, 9, 30]),  # 27 is nearly 30
        (1, 100, [1, 3, 9, 27, 100]),
        (1, 50, [1, 3, 9, 27, 50]),  # 27 is not nearly 50
        (30.0, 3600.0, [30, 90, 270, 810, 3600]),
        (5, 6, [5, 6]),  # the first rung stays
        (5, 5, [5]),
    ],
)
def test_rungs_that_are_spaced_keep_away_from_the_most(least: float, most: float, expected: list[float]) -> None:
    assert spaced_levels(least, most, 3) == expected


@pytest.mark.parametrize(
    ("least", "most", "eta", "expected"),
    [
        (1, 81, 3, [1, 3, 9, 27, 81]),
        (1, 243, 3, [1, 3, 9, 27, 81, 243]),  # the log of 243 to 3 is 5, though floats have it a little less
        (1, 28, 3, [1, 3, 9, 28]),
        (1, 100, 3, [1, 4, 11, 33, 100]),
        (2, 10, 3, [3, 10]),
        (0.1, 0.9, 3, [0.1, 0.3, 0.9]),
        (5, 7, 3, [7]),
        (1, 4, 1.5, [1, 2, 3, 4]),
    ],
)
def test_rungs_from_the_top_lie_at_the_most_over_powers_of_eta(
    least: float, most: float, eta: float, expected: list[float]
) -> None:
    """L. Li et al. 2018, algorithm 1: s_max = ⌊log_η(R)⌋, r = R·η^-s."""
    assert levels_from_top(least, most, eta) == expected


def test_rungs_go_on_and_on_where_there_is_no_most() -> None:
    found = levels(1.0, math.inf, 3)
    assert found[:4] == [1, 3, 9, 27]
    assert len(found) > 30
    assert math.isfinite(found[-1])
    assert spaced_levels(1.0, math.inf, 3) == found


@pytest.mark.parametrize("eta", [1, 0.5, 0, -3, math.nan])
def test_an_eta_that_does_not_grow_is_refused(eta: float) -> None:
    with pytest.raises(shoal.StudyError, match="eta must be above 1"):
        levels(1, 9, eta)


def ladder(*reports: tuple[int, int, Any], **options: Any) -> Ladder:
    """Rungs at 1, 3 and 9, after reports of (number, step, loss)."""
    told = Told(ASHA(), **options)
    watched = Ladder(told.history, [1, 3, 9])
    for number, step, loss in reports:
        told.report(number, step, loss, side=1.0)
        watched.tell(told.records[-1])
    late = Ladder(told.history, [1, 3, 9])
    assert late.rungs == watched.rungs  # whoever joins late knows the same
    return watched


def held(found: Ladder) -> list[dict[int, float]]:
    return [rung.of for rung in found.rungs]


def test_a_trial_counts_at_a_rung_with_what_it_reports_there() -> None:
    assert held(ladder((0, 1, 0.9), (0, 2, 0.5), (0, 3, 0.4), (0, 4, 0.1))) == [{0: 0.9}, {0: 0.4}, {}]


def test_where_the_step_of_a_rung_is_missing_the_next_report_counts() -> None:
    assert held(ladder((0, 2, 0.8), (0, 5, 0.4), (0, 8, 0.1))) == [{0: 0.8}, {0: 0.4}, {}]


def test_a_step_that_jumps_over_rungs_counts_at_all_of_them() -> None:
    assert held(ladder((0, 20, 0.3), (0, 21, 0.1))) == [{0: 0.3}, {0: 0.3}, {0: 0.3}]


def test_a_report_without_the_metric_reaches_no_rung() -> None:
    found = ladder((0, 1, None), (0, 2, 0.7), (0, 3, None), (0, 4, 0.6))
    assert held(found) == [{0: 0.7}, {0: 0.6}, {}]
    assert found.reached(0) == 2
    assert found.reached(1) == 0


def test_where_more_is_better_the_greatest_is_first() -> None:
    found = ladder((0, 1, 0.2), (1, 1, 0.9), goal="maximize").rungs[0]
    assert (found.rank(found.of[1]), found.rank(found.of[0])) == (0, 1)


def test_ties_share_a_place() -> None:
    found = ladder((0, 1, 0.5), (1, 1, 0.2), (2, 1, 0.5), (3, 1, 0.7)).rungs[0]
    assert [found.rank(found.of[number]) for number in range(4)] == [1, 0, 1, 3]
    assert len(found) == 4


def test_a_budget_that_is_a_metric_counts_in_place_of_the_step() -> None:
    told = Told(ASHA(), shoal.Budget("samples", 100, 900))
    assert held(_of(told, (1, {"samples": 150}), (2, {"samples": 320}), (900, {"samples": 330}))) == [
        {0: 0.5}, {0: 0.5}, {},
    ]  # fmt: skip


@pytest.mark.parametrize("side", ["nan", True])
def test_where_the_metric_of_the_budget_is_no_number_the_step_counts(side: Any) -> None:
    told = Told(ASHA(), shoal.Budget("samples", 100, 900))
    assert held(_of(told, (99, {"samples": side}), (100, {"samples": side}))) == [{0: 0.5}, {}, {}]


def _of(told: Told, *reports: tuple[int, dict[str, Any]]) -> Ladder:
    found = Ladder(told.history, [100, 300, 900])
    for step, metrics in reports:
        told.report(0, step, 0.5, **metrics)
        found.tell(told.records[-1])
    return found


def test_a_budget_in_seconds_counts_what_was_measured_and_not_the_step() -> None:
    told = Told(ASHA(), shoal.Budget("seconds", 100, 900))
    assert held(_of(told, (500, {"seconds": 99.0}), (501, {"seconds": 301.5}))) == [{0: 0.5}, {0: 0.5}, {}]


@pytest.mark.parametrize(
    ("place", "words"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"),
     (111, "111th"), (122, "122nd"), (1001, "1,001st")],
)  # fmt: skip
def test_places_are_said_in_words(place: int, words: str) -> None:
    assert ordinal(place) == words


def foresight(at_first: list[float], at_next: list[float]) -> float:
    """Of how many trials at the first rung one goes on, after these losses at the first two; η is 3."""
    pairs = zip(at_first, at_next, strict=True)
    return ladder(
        *((n, step, loss) for n, pair in enumerate(pairs) for step, loss in zip((1, 3), pair, strict=True))
    ).one_in(0, 3)


def test_where_a_rung_foresees_the_next_one_in_eta_goes_on_and_where_it_does_not_all() -> None:
    losses = [0.01 * n for n in range(60)]
    assert 2.85 < foresight(losses, [loss**3 for loss in losses]) <= 3
    assert foresight(losses, losses[::-1]) == 1
    assert foresight(losses, [0.5] * 60) < 1.1
    noisy = [loss + 0.3 * (7 * n % 20 / 20) for n, loss in enumerate(losses)]
    assert 2 < foresight(losses, noisy) < 2.9


def test_a_few_trials_say_little_of_what_a_rung_foresees() -> None:
    assert foresight([], []) == 3**EXPECTED
    assert 1 < foresight([0.1, 0.2], [0.2, 0.1]) < foresight([0.1], [0.2]) == 3**EXPECTED


@pytest.mark.parametrize("first", [0, 1], ids=["epochs from 0", "epochs from 1"])
def test_a_trial_that_is_done_counts_at_the_last_rung_with_its_result(first: int) -> None:
    """Whatever it called its last epoch, and where the result is of other data than the reports."""

    def curve(params: dict[str, float], trial: shoal.LiveTrial) -> float:
        for epoch in range(first, first + 9):
            trial.report(epoch, loss=params["x"] + 1.0)
        return params["x"]

    study = shoal.tune(curve, {"x": (0.0, 1.0)}, trials=4, workers=0, budget=shoal.Budget("epoch", 1, 9),
                       stopping="none", search="random", store="memory://", progress=False)  # fmt: skip
    history = study._journal.history
    ladder = Ladder(history, [1.0, 3.0, 9.0])
    assert ladder.losses(4)[:, -1].tolist() == [trial.params["x"] for trial in study.trials]
    assert ladder.losses(4)[:, 0].tolist() == [trial.params["x"] + 1.0 for trial in study.trials]
    assert [ladder.rungs[-1].of[k] for k in range(4)] == [trial.params["x"] for trial in study.trials]
    assert len(ladder.rungs[-1]) == 4
