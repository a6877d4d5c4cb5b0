"""What losses at rungs let expect of ends, as more of them come in."""

from __future__ import annotations

import numpy as np
import pytest

from shoal.models.foreseen import Curves, aligned
from shoal.space.domain import Array

NAN, INF = np.nan, np.inf


def grown() -> tuple[Array, Array]:
    """Losses of 30 trials at three rungs, and when they got there; some failed, others did not come that far."""
    rng = np.random.default_rng(0)
    losses = rng.random((30, 1)) + rng.normal(0.0, 0.1, (30, 3)) - [0.0, 0.3, 0.5]
    times = np.cumsum(rng.random((30, 3)), axis=1) + np.arange(30)[:, None] / 5
    for k in range(30):
        losses[k, 1 + k % 3 :] = NAN
    losses[7], losses[18] = [NAN, NAN, INF], [NAN, NAN, INF]
    return losses, np.where(np.isnan(losses), NAN, times)


def test_the_rows_are_in_the_order_of_time_and_at_the_places_of_their_rungs() -> None:
    losses, times = grown()
    curves = Curves(losses, times)
    assert len(curves) == np.count_nonzero(~np.isnan(losses))
    assert set(curves.place) == {0.0, 0.5, 1.0}
    seen = times[curves.trial, (2 * curves.place).astype(int)]
    assert (np.diff(seen) > 0).all()
    assert sorted(curves.trial[curves.top]) == list(range(30))  # one row of each, and none is later
    assert all(curves.place[curves.trial == trial].max() == place for trial, place in
               zip(curves.trial[curves.top], curves.place[curves.top], strict=True))  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 10, 25, 40])
def test_what_the_first_rows_let_expect_does_not_change_with_later_ones(count: int) -> None:
    losses, times = grown()
    curves = Curves(losses, times)
    until = np.sort(times[~np.isnan(times)])[count - 1]
    early = Curves(np.where(times <= until, losses, NAN), times)
    assert len(early) == count
    assert curves.foreseen(count).tolist() == early.foreseen(count).tolist()
    assert np.isfinite(curves.foreseen(count)).all()


def test_a_failure_counts_as_the_worst_of_all_and_as_worse_where_they_tie() -> None:
    times = np.arange(3.0)[:, None]
    assert Curves(np.array([[0.1], [0.7], [INF]]), times).foreseen(3).tolist() == [0.1, 0.7, 0.7]
    assert Curves(np.array([[0.5], [0.5], [INF]]), times).foreseen(3).tolist() == [0.5, 0.5, 0.55]
    assert Curves(np.array([[INF]]), times[:1]).foreseen(1).tolist() == [0.0]


def test_losses_near_the_largest_float_leave_the_others_what_they_let_expect() -> None:
    losses = grown()[0]
    losses[[7, 18]] = [[1e308, 1.7e308, -1.7e308], [-1e308, 1e308, NAN]]
    with np.errstate(all="raise"):
        found = aligned(losses)
    assert np.isfinite(found[~np.isnan(losses)]).all()


@pytest.mark.parametrize("lost", [1e3, 1e10])
@pytest.mark.parametrize("start", [0.0, 0.5, 1.0])
def test_one_trial_that_diverged_does_not_decide_where_the_others_are_thought_to_end(lost: float, start: float) -> None:
    rng = np.random.default_rng(1)
    losses = rng.random((30, 1)) + rng.normal(0.0, 0.05, (30, 3))
    losses[10:, 1:] = NAN
    losses[0] = [start, lost, lost]
    found = aligned(losses)[1:, 0]
    assert found.min() > -1.0
    assert found.max() < 5.0


def test_the_only_rung_is_the_end() -> None:
    assert Curves(np.array([[0.1], [0.2]]), np.array([[0.0], [1.0]])).place.tolist() == [1.0, 1.0]


def test_where_no_two_trials_agree_on_what_is_off_the_others_are_taken_as_they_are() -> None:
    losses = np.array([[0.0, 1e9, NAN], [1e9, 0.0, NAN], [0.5, NAN, NAN], [0.6, NAN, NAN]])
    assert np.isfinite(aligned(losses)[2:, 0]).all()
