"""The fold: whatever order records come in, and however often, the same state is reached."""

from __future__ import annotations

import itertools
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shoal
from shoal.clock import RealClock
from shoal.history import History
from shoal.journal import Journal
from shoal.records import AnyRecord, Defined, Definition, Ended, Ordered, Reported, Started, write_params
from shoal.stores.memory import MemoryStore

SPACE = shoal.Space({"x": (0.0, 1.0), "c": ["a", None, 1], "d": shoal.randint(1, 5).when(c="a"), "k": "const"})
PEERS = ("ann", "bob")


def definition(space: shoal.Space = SPACE, **plan: Any) -> Definition:
    return Definition(name="s", space=space.to_json(), **plan)


def params_of(number: int, attempt: int) -> dict[str, Any]:
    params = {"x": (number * 7 + attempt) % 10 / 10, "c": ["a", None, 1][(number + attempt) % 3], "k": "const"}
    return {**params, "d": number % 5 + 1} if params["c"] == "a" else params


def started(number: int, attempt: int = 0, params: dict[str, Any] | None = None, **more: Any) -> Started:
    told = params_of(number, attempt) if params is None else params
    peer = PEERS[attempt % 2]
    return Started(number, write_params(told), peer, 10.0 * number + attempt, f"why {attempt}", attempt, **more)


def history(*records: AnyRecord, **plan: Any) -> History:
    made = History(definition(**plan))
    made.fold_all(records)
    return made


def state(made: History) -> Any:
    """All that a user can see of a history."""
    numbers = range(made.length)
    inside = [number for number in numbers if made.inside(number)]
    return {
        "trials": list(made.trials()), "counts": made.counts, "best": made.best, "ended": made.ended,
        "running": set(made.running), "ranked": made.ranked(), "order": made.order, "newer": made.newer,
        "losses": [made.losses(n) for n in numbers], "attempts": [made.attempt(n) for n in numbers], "inside": inside,
        "x": [repr(made.x[n].tolist()) for n in inside], "value": repr(made.value[: made.length].tolist()),
    }  # fmt: skip


@st.composite
def one_trial(draw: Any, number: int) -> list[AnyRecord]:
    """What the journal may hold of a trial: attempts, each with an end, or with two where peers disagree."""
    records: list[AnyRecord] = []
    for attempt in range(draw(st.integers(1, 3))):
        records.append(started(number, attempt))
        steps = draw(st.sets(st.integers(0, 3), max_size=3))
        records += [Reported(number, step, {"loss": step + attempt / 2}, 1.0, attempt) for step in steps]
        for outcome in draw(st.sets(st.sampled_from(["done", "stopped", "failed", "paused", "lost"]), max_size=2)):
            metrics = {"loss": draw(st.integers(0, 3)) / 2, "note": outcome} if outcome == "done" else {}
            records.append(
                Ended(number, outcome, 2.0, metrics, f"{outcome} {attempt}", seconds=attempt + 1.0, attempt=attempt)
            )
    return records


@st.composite
def journals(draw: Any) -> list[AnyRecord]:
    records = [record for number in range(draw(st.integers(1, 3))) for record in draw(one_trial(number))]
    orders = [Ordered(version, "stop" if version % 2 else "go", f"order {version}", 0.0) for version in (1, 2)]
    later = [Defined(version, definition(trials=version), 0.0) for version in (2, 3)]
    return [*records, *draw(st.sets(st.sampled_from(range(4))).map(lambda kept: [[*orders, *later][k] for k in kept]))]


@given(journals(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=300)
def test_the_order_of_records_does_not_matter(records: list[AnyRecord], random: Any) -> None:
    shuffled = random.sample(records, len(records))
    assert state(history(*shuffled)) == state(history(*records))


@given(journals(), st.randoms(use_true_random=False))
@settings(deadline=None)
def test_looking_in_between_changes_nothing(records: list[AnyRecord], random: Any) -> None:
    watched = History(definition())
    for record in random.sample(records, len(records)):
        watched.fold(record)
        state(watched)
    rebuilt = history(*records)
    assert state(watched)["x"] == state(rebuilt)["x"]
    assert state(watched)["counts"] == state(rebuilt)["counts"]


@given(journals(), st.data())
@settings(deadline=None)
def test_what_is_delivered_twice_counts_once(records: list[AnyRecord], data: Any) -> None:
    again = data.draw(st.lists(st.sampled_from(records), max_size=10))
    made = history(*records)
    before = state(made)
    assert [made.fold(record) for record in again] == [False] * len(again)
    assert state(made) == before


@given(journals())
@settings(deadline=None)
def test_the_counts_and_the_best_agree_with_the_trials(records: list[AnyRecord]) -> None:
    made = history(*records)
    trials = list(made.trials())
    assert made.counts == {name: sum(t.outcome == name for t in trials) for name in made.counts}
    assert made.running == {t.number for t in trials if t.outcome == "running"}
    assert made.ended == sum(t.outcome in ("done", "stopped", "failed") for t in trials)
    assert all(made.finished(t.number) == (t.outcome in ("done", "stopped", "failed")) for t in trials)
    done = sorted((t.value, t.number) for t in trials if t.value is not None)
    assert made.ranked() == [number for _, number in done]
    assert made.best == (done[0][1] if done else None)


def test_a_trial_tells_all_that_is_known_of_it() -> None:
    made = history(
        started(1), Reported(1, 5, {"loss": 2.0}, 0.0), Reported(1, 2, {"loss": 3.0}, 0.0),
        Ended(1, "done", 9.0, {"loss": 1.5, "n": 3, "ok": True, "note": "fine"}, seconds=4.0),
    )  # fmt: skip
    trial = made.trial(1)
    assert (trial.outcome, trial.value, trial.params) == ("done", 1.5, params_of(1, 0))
    assert trial.metrics == {"loss": 1.5, "n": 3, "ok": True, "note": "fine"}
    assert [report.step for report in trial.reports] == [2, 5]
    assert (trial.peer, trial.why, trial.time, trial.seconds) == ("ann", "why 0", 10.0, 4.0)
    assert made.counts["waiting"] == 1  # trial 0 is not known of yet
    for number in (2, -1):
        with pytest.raises(IndexError, match=f"there is no trial {number}"):
            made.trial(number)


def test_a_later_attempt_overtakes_an_earlier_one_and_its_late_records() -> None:
    made = history(started(0), Reported(0, 1, {"loss": 9.0}, 0.0), started(0, 1))
    assert made.fold(Ended(0, "done", 0.0, {"loss": 0.0})) is False  # a stale peer finishes after all
    assert made.fold(Reported(0, 2, {"loss": 9.0}, 0.0)) is False
    trial = made.trial(0)
    assert (trial.outcome, trial.attempt, trial.reports, trial.value) == ("running", 1, (), None)
    assert trial.params == params_of(0, 1)


@pytest.mark.parametrize(("parts", "before"), [((9,), 0), ((1, 3, 9), 3), ((1, 9, 9), 1), ((1, 3, 0), 3), ((0,), 0)])
def test_whichever_record_comes_first_a_trial_that_goes_on_began_where_it_was_paused(
    parts: tuple[float, ...], before: float
) -> None:
    records = [started(0, attempt, until=float(part)) for attempt, part in enumerate(parts)]
    for made in (history(*records), history(*reversed(records))):
        assert made.until(0) == parts[-1]
        assert made.until_before(0) == before


@pytest.mark.parametrize(("resumed", "steps"), [((3, 4), [1, 2, 3, 4]), ((1, 2), [1, 2]), ((), [])])
def test_a_trial_that_goes_on_from_what_a_lost_attempt_saved_keeps_the_curve_up_to_there(
    resumed: tuple[int, ...], steps: list[int]
) -> None:
    records: list[AnyRecord] = [started(0), *(Reported(0, step, {"loss": 1.0}, 0.0) for step in (1, 2, 3))]
    records += [Ended(0, "lost", 0.0), started(0, 1)]
    records += [Reported(0, step, {"loss": 1.0}, 0.0, attempt=1) for step in resumed]
    for order in (records, records[::-1]):
        assert [report.step for report in history(*order).reports(0)] == steps


def test_losses_count_the_attempts_that_were_lost() -> None:
    records = [started(0), Ended(0, "lost", 0.0), started(0, 1), Ended(0, "lost", 0.0, attempt=1), started(0, 2)]
    for order in (records, records[::-1]):
        made = history(*order)
        assert made.losses(0) == 2
        assert made.running == {0}


def test_a_trial_whose_end_alone_is_known_has_no_params_yet() -> None:
    made = history(Ended(3, "done", 0.0, {"loss": 1.0}))
    assert (made.params(3), made.trial(3).outcome, made.best, made.inside(3)) == ({}, "done", 3, False)
    made.fold(started(3))
    assert (made.params(3), made.trial(3).outcome, made.inside(3)) == (params_of(3, 0), "done", True)


def test_maximising_turns_the_sign_inside_and_back_outside() -> None:
    made = history(*[Ended(n, "done", 0.0, {"loss": float(n)}) for n in range(5)], goal="maximize")
    assert (made.best, made.ranked(2), made.trial(4).value, made.value[4]) == (4, [4, 3], 4.0, -4.0)


def test_of_equal_trials_the_first_is_the_best() -> None:
    ends = [Ended(n, "done", 0.0, {"loss": 1.0}) for n in range(4)]
    assert history(*ends).best == history(*reversed(ends)).best == 0


def test_many_trials_keep_their_values_while_the_arrays_grow() -> None:
    rng = np.random.default_rng(0)
    params = [SPACE.sample(rng) for _ in range(500)]
    made = History(definition())
    for number in rng.permutation(500).tolist():
        made.fold(Ended(number, "done", 0.0, {"loss": number / 7, "other": number}))
        made.fold(started(number, params=params[number]))
    for number in range(500):
        trial = made.trial(number)
        assert (trial.params, trial.value, trial.metrics["other"]) == (params[number], number / 7, number)
        assert list(trial.params) == list(params[number])


def test_params_of_an_earlier_space_are_adapted_or_kept_aside() -> None:
    space = shoal.Space({"x": (0.0, 0.5), "new": shoal.uniform(0.0, 1.0, default=0.25)})
    made = History(definition(space), version=2)
    made.fold_all([started(0, params={"x": 0.3}, definition=1), started(1, params={"x": 0.9}, definition=1)])
    assert (made.params(0), made.inside(0)) == ({"x": 0.3, "new": 0.25}, True)
    assert (made.params(1), made.inside(1)) == ({"x": 0.9}, False)


@pytest.mark.parametrize("look", [False, True])
def test_a_new_attempt_brings_a_trial_back_into_the_space(look: bool) -> None:
    made = History(definition(shoal.Space({"x": (0.0, 0.5)})), version=2)
    made.fold(started(0, params={"x": 0.9}, definition=1))
    if look:
        assert not made.inside(0)
    made.fold(started(0, 1, params={"x": 0.25}, definition=2))
    assert (made.params(0), made.inside(0)) == ({"x": 0.25}, True)


def test_a_space_of_one_constant_has_a_history_too() -> None:
    made = History(definition(shoal.Space({"k": 7})))
    made.fold_all([started(0, params={"k": 7}), started(1, params={"k": 7})])
    assert (made.params(0), made.params(1), made.x.shape[1]) == ({"k": 7}, {"k": 7}, 0)


@pytest.mark.parametrize("metric", [math.nan, True, "0.5"])
def test_a_metric_that_is_no_finite_number_never_is_the_best(metric: Any) -> None:
    made = history(Ended(0, "done", 0.0, {"loss": metric}), Ended(1, "done", 0.0, {"loss": 1e300}))
    assert (made.best, made.ranked()) == (1, [1])


@pytest.mark.parametrize(
    ("plan", "verdict"),
    [
        ({"trials": 4}, "all 4 trials have ended"), ({"trials": 5}, ""),
        ({"target": 0.5}, "target 0.5 was reached by trial 1"),
        ({"target": 0.4}, ""), ({"patience": 2}, "the last 2 trials brought nothing better than trial 1"),
        ({"patience": 3}, ""),
    ],
)  # fmt: skip
def test_the_verdict_says_why_no_trial_may_begin(plan: dict[str, Any], verdict: str) -> None:
    ends = [Ended(n, "done", 0.0, {"loss": loss}) for n, loss in enumerate([1.0, 0.5, 0.7, 0.5])]
    found = history(*ends, **plan).verdict()
    assert verdict in found
    assert bool(found) == bool(verdict)


def test_failures_alone_end_a_study_but_not_once_a_trial_succeeded() -> None:
    failures = [Ended(n, "failed", 0.0) for n in range(3)]
    assert history(*failures, max_failures=3).verdict() == "all of the first 3 trials failed"
    assert history(*failures, Ended(9, "done", 0.0, {"loss": 1.0}), max_failures=3).verdict() == ""


def test_the_latest_order_counts() -> None:
    stop, go = Ordered(1, "stop", "enough", 0.0), Ordered(2, "go", "", 0.0)
    assert history(stop).verdict() == "enough"
    assert history(stop, go).verdict() == history(go, stop).verdict() == ""


def test_of_two_definitions_or_orders_of_one_version_the_later_counts_whichever_is_heard_first() -> None:
    first = Definition(name="s", space={"domains": {"x": "uniform(0.0, 1.0)"}}, trials=10)
    told = [
        *(Defined(2, msgspec.structs.replace(first, trials=count), float(count)) for count in (100, 200)),
        *(Ordered(1, order, order, time) for order, time in (("stop", 1.0), ("go", 2.0))),
    ]
    for records in itertools.permutations(told):
        history = History(first, 1, 0.0)
        for record in records:
            history.fold(record)
        assert (history.definition.trials, history.version) == (200, 2)
        assert history.order is not None
        assert history.order.order == "go"


@pytest.mark.parametrize("later", [0, 1])
def test_peers_agree_on_the_later_of_two_definitions_that_were_written_at_once(later: int) -> None:
    store, clock = MemoryStore(), RealClock()
    plan = Definition(name="s", space={"domains": {"x": "uniform(0.0, 1.0)"}}, trials=10)
    store.create("s", Defined(1, plan, 0.0))
    peers = [Journal(store, "s", name, clock) for name in "abc"]
    for place, trials in enumerate((100, 200)):
        new = msgspec.structs.replace(plan, trials=trials, goal="maximize")
        peers[place].append(Defined(2, new, 1.0 + (place == later)))
        peers[place].flush()
        peers[2].sync()
    for peer in peers:
        peer.sync()
        peer.reload()
    known = [*peers, Journal(store, "s", "late", clock)]
    assert [peer.history.definition.trials for peer in known] == [(100, 200)[later]] * 4
