"""A finished study as a problem: what was recorded comes back, and the rest lies between."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import shoal
from shoal.engines.replay import STEPS, Replay, Synthetic
from shoal.errors import StudyError
from shoal.history import History
from shoal.problems import problem
from shoal.records import AnyRecord, Definition, Ended, Outcome, Reported, Started, write_params

X = shoal.Space({"x": (0.0, 1.0)})
Reports = list[tuple[int, float]]


class Recorded:
    """A study that is told trial by trial."""

    def __init__(self, space: shoal.Space = X, **plan: Any) -> None:
        self.history = History(Definition(name="s", space=space.to_json(), **plan))

    def trial(
        self, x: float, reports: Reports, outcome: Outcome = "done", loss: float | None = None, pace: float = 1.0,
        **params: Any,
    ) -> None:  # fmt: skip
        """Reports (step, loss), after ``pace`` seconds a step; its result is the last of them, unless told."""
        number, records = self.history.length, list[AnyRecord]()
        records.append(Started(number, write_params({"x": x, **params}), "p", 0.0))
        records += [Reported(number, step, {"loss": told}, 0.0, seconds=pace * step) for step, told in reports]
        result = reports[-1][1] if loss is None and reports else loss
        metrics = {"loss": result} if outcome == "done" and result is not None else {}
        records.append(Ended(number, outcome, 0.0, metrics, seconds=pace * (reports[-1][0] if reports else 1)))
        self.history.fold_all(records)

    def curve(self, x: float, **params: Any) -> list[tuple[int, float, float]]:
        return [(step, told["loss"], s) for step, told, s in Replay(self.history).curve({"x": x, **params})]  # type: ignore[misc]


def falling(x: float, steps: int = 5) -> Reports:
    return [(step, x + 1 / step) for step in range(1, steps + 1)]


@pytest.fixture
def recorded() -> Recorded:
    """Eleven trials; the greater x, the worse and the slower."""
    made = Recorded()
    for k in range(11):
        made.trial(k / 10, falling(k / 10), pace=1 + k)
    return made


def test_recorded_params_give_back_the_recorded_curve_and_duration_exactly(recorded: Recorded) -> None:
    for k in range(11):
        assert recorded.curve(k / 10) == [(step, loss, (1.0 + k) * step) for step, loss in falling(k / 10)]


def test_a_result_that_differs_from_the_last_report_is_the_end_of_the_curve(recorded: Recorded) -> None:
    recorded.trial(0.33, falling(0.33), loss=7.0)
    assert [loss for _, loss, _ in recorded.curve(0.33)] == [*(loss for _, loss in falling(0.33)[:-1]), 7.0]


@pytest.mark.parametrize("x", [0.02, 0.12, 0.45, 0.53, 0.77, 0.98])
def test_params_between_lie_between_their_neighbours(recorded: Recorded, x: float) -> None:
    below, above = recorded.curve(math.floor(10 * x) / 10), recorded.curve(math.ceil(10 * x) / 10)
    for low, (step, loss, seconds), high in zip(below, recorded.curve(x), above, strict=True):
        assert step == low[0]
        assert low[1] - 1e-9 <= loss <= high[1] + 1e-9
        assert low[2] - 1e-9 <= seconds <= high[2] + 1e-9
    assert below[-1][1] < recorded.curve(x)[-1][1] < above[-1][1]  # 50 trees do not all fall to one side


def test_between_others_the_nearer_neighbour_counts_for_more(recorded: Recorded) -> None:
    ends = [recorded.curve(0.4 + part / 100)[-1][1] for part in range(1, 10)]
    assert ends == sorted(ends)
    assert ends[0] < 0.6 + 0.03 < 0.6 + 0.07 < ends[-1]


def test_choices_are_told_apart() -> None:
    made = Recorded(shoal.Space({"x": (0.0, 1.0), "act": ["relu", "tanh"]}))
    for k in range(20):
        made.trial(k / 19, falling(k % 2 * 10.0), act=["relu", "tanh"][k % 2])
    assert made.curve(0.51, act="relu")[-1][1] < 3 < 7 < made.curve(0.51, act="tanh")[-1][1]


def test_beside_choices_numbers_are_told_apart_as_finely() -> None:
    """Where trials near by have the same choice, that splits nothing."""
    made, rng = Recorded(shoal.Space({"x": (0.0, 1.0), "act": ["relu", "tanh"]})), np.random.default_rng(0)
    for k in range(40):
        x = float(rng.random())
        made.trial(x, falling((x - 0.3) ** 2 + 0.1 * (k % 2)), act=["relu", "tanh"][k % 2])
    for x in (0.1, 0.3, 0.5, 0.9):
        assert made.curve(x, act="relu")[-1][1] == pytest.approx((x - 0.3) ** 2 + 1 / 5, abs=0.06)
    assert made.curve(0.3, act="relu")[-1][1] < 0.21


@pytest.mark.parametrize("outcome", ["stopped", "paused"])
def test_a_trial_that_ended_early_is_drawn_on_as_the_others_changed(recorded: Recorded, outcome: Outcome) -> None:
    """The others fell from 1/2 to 1/3, 1/4 and 1/5 above their x."""
    recorded.trial(0.55, [(1, 3.0), (2, 2.0)], outcome, pace=4.0)
    curve = recorded.curve(0.55)
    assert [step for step, _, _ in curve] == [1, 2, 3, 4, 5]
    assert [loss for _, loss, _ in curve] == pytest.approx([3.0, 2.0, *(2.0 - 1 / 2 + 1 / step for step in (3, 4, 5))])
    assert [seconds for _, _, seconds in curve] == pytest.approx([4.0, 8.0, 12.0, 16.0, 20.0])


def test_a_region_where_all_failed_fails_and_another_does_not(recorded: Recorded) -> None:
    for k in range(12):
        recorded.trial(0.91 + k / 1000, [(1, 1.0)], "failed", pace=3.0)
    ((_, loss, seconds),) = recorded.curve(0.9155)
    assert math.isnan(loss)
    assert seconds == pytest.approx(3.0)
    assert all(math.isfinite(loss) for x in (0.1, 0.45, 0.85) for _, loss, _ in recorded.curve(x))
    assert len(recorded.curve(0.9)) == 5  # what has a result keeps it


def test_a_failure_among_many_that_did_well_fails_itself_alone(recorded: Recorded) -> None:
    recorded.trial(0.45, [], "failed")
    assert math.isnan(recorded.curve(0.45)[-1][1])
    assert recorded.curve(0.4)[-1][1] == pytest.approx(0.6)


def test_reports_of_the_same_instant_take_time_each_so_that_no_simulation_stands_still() -> None:
    made = Recorded()
    for k in range(4):
        made.trial(k / 4, falling(k / 4), pace=0.0)
    assert all((np.diff([seconds for _, _, seconds in made.curve(x)]) > 0).all() for x in (0.0, 0.25, 0.6))


def test_fewer_than_two_results_are_an_error_that_counts_them() -> None:
    made = Recorded()
    for count in (0, 1):
        made.trial(0.9, [(1, 1.0)], "failed")
        with pytest.raises(StudyError, match=f"study 's' has {count} trials with a result; a simulation needs 2"):
            Replay(made.history)
        made.trial(0.1 + count / 2, falling(0.1))
    assert Replay(made.history).curve({"x": 0.1})


def test_a_study_without_reports_gives_curves_of_one_point_and_suggests_no_budget() -> None:
    made = Recorded()
    for k in range(5):
        made.trial(k / 4, [], loss=float(k), pace=2.0 + k)
    replay = Replay(made.history)
    assert replay.budget is None
    assert [replay.curve({"x": k / 4}) for k in range(5)] == [[(1, {"loss": float(k)}, 2.0 + k)] for k in range(5)]
    ((_, told, seconds),) = replay.curve({"x": 0.6})
    assert 2.0 < float(told["loss"]) < 3.0
    assert 4.0 < seconds < 5.0


def test_a_study_with_reports_suggests_their_steps_as_the_budget(recorded: Recorded) -> None:
    assert Replay(recorded.history).budget == shoal.Budget("step", 1, 5)


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    made = Recorded()
    for x in (0.0, 1.0):
        made.trial(x, falling(x, 5000))
    curve = made.curve(0.0)
    assert len(curve) == STEPS
    assert (curve[0][0], curve[-1]) == (1, (5000, 1 / 5000, 5000.0))


def test_where_more_is_better_the_values_are_those_that_were_told() -> None:
    made = Recorded(goal="maximize")
    for k in range(11):
        made.trial(k / 10, [(1, 0.1), (2, k / 10)])
    assert [loss for _, loss, _ in made.curve(0.9)] == [0.1, 0.9]
    assert 0.4 <= made.curve(0.45)[-1][1] <= 0.5


def test_a_metric_that_is_no_number_in_a_report_does_not_count(recorded: Recorded) -> None:
    number = recorded.history.length
    recorded.history.fold(Started(number, write_params({"x": 0.05}), "p", 0.0))
    for step, told in ((1, math.nan), (2, math.inf), (3, True)):
        recorded.history.fold(Reported(number, step, {"loss": told}, 0.0, seconds=float(step)))
    recorded.history.fold(Ended(number, "stopped", 0.0, seconds=3.0))
    assert all(math.isfinite(loss) for _, loss, _ in recorded.curve(0.05))


# ---------------------------------------------------------------------- made-up curves


@pytest.mark.parametrize("name", ["rastrigin", "himmelblau", "bbob_f1"])
@pytest.mark.parametrize("steps", [1, 27])
def test_a_made_up_curve_falls_to_the_function_s_value(name: str, steps: int) -> None:
    made = problem(name)
    curves = Synthetic(made, made.space, "loss", steps)
    rng = np.random.default_rng(0)
    for _ in range(20):
        params = made.space.sample(rng)
        curve = curves.curve(params)
        losses = [float(told["loss"]) for _, told, _ in curve]
        assert [step for step, _, _ in curve] == list(range(1, steps + 1))
        assert [seconds for _, _, seconds in curve] == [float(step) for step in range(1, steps + 1)]
        assert losses[-1] == pytest.approx(made(params))
        assert losses == sorted(losses, reverse=True)
        assert steps == 1 or losses[0] > losses[-1]


def test_made_up_curves_cross() -> None:
    """Else the first step would tell all, and any rule would be right."""
    made = problem("rastrigin")
    curves = Synthetic(made, made.space, "loss", 27)
    rng = np.random.default_rng(0)
    losses = [[float(told["loss"]) for _, told, _ in curves.curve(made.space.sample(rng))] for _ in range(60)]
    order = [np.argsort([curve[step] for curve in losses]).tolist() for step in (2, -1)]
    assert order[0] != order[1]


def test_what_counts_in_the_budget_is_what_is_replayed() -> None:
    """Reports every hundred batches, which say of which epoch they are."""
    told = Recorded(budget=shoal.Budget("epoch", 1, 3))
    for number in range(3):
        records: list[AnyRecord] = [Started(number, write_params({"x": number / 4}), "p", 0.0)]
        records += [
            Reported(number, 100 * epoch, {"loss": 1.0 / epoch, "epoch": epoch}, 0.0, seconds=2.0 * epoch)
            for epoch in (1, 2, 3)
        ]
        told.history.fold_all([*records, Ended(number, "done", 0.0, {"loss": 1 / 3}, seconds=6.0)])
    assert told.curve(0.25) == [(1, 1.0, 2.0), (2, 0.5, 4.0), (3, pytest.approx(1 / 3), 6.0)]


@pytest.mark.parametrize("first", [0, -3])
def test_steps_may_be_counted_from_anywhere(first: int) -> None:
    told = Recorded()
    for x in (0.0, 0.5):
        told.trial(x, [(first + k, 1.0 - 0.1 * k) for k in range(4)])
    told.trial(1.0, [(first, 0.9)], outcome="stopped")
    seconds = [spent for _, _, spent in told.curve(1.0)]
    assert np.isfinite(seconds).all()
    assert seconds == sorted(seconds)
