"""What every stopping rule owes a study: it ends, the best saw the whole budget, and all peers think the same of it."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import pytest

from shoal import Exhausted
from shoal.contracts import Proposal
from shoal.engines.simulated import Curve
from shoal.records import AnyRecord, Defined, Ended, Ordered, Reported, encode
from shoal.space import Params
from simulations import ALL, SPACE, Ran, Safe
from stoppings import EVERY, GOALS, PAUSING, RULES, plan_of, rule_of
from told import Told


class Gains(Safe):
    """More is better."""

    def curve(self, params: Params) -> Curve:
        return [(step, {"loss": -metrics["loss"]}, seconds) for step, metrics, seconds in super().curve(params)]


PROBLEMS = {"minimize": Safe(), "maximize": Gains()}


@cache
def ran(key: str, goal: str) -> Ran:
    return Ran(peers=4, problem=PROBLEMS[goal], **plan_of(key, goal))


@cache
def suffered(key: str) -> Ran:
    """A study some of whose trials fail, and some of whose peers die."""
    return Ran(ALL, peers=4, problem=Safe(), retries=20, max_failures=None, **plan_of(key, "minimize"))


@EVERY
@GOALS
def test_every_trial_is_finished_and_the_best_of_all_reports_is_that_of_a_done_one(key: str, goal: str) -> None:
    study = ran(key, goal)
    assert len(study.outcomes) == 60
    assert set(study.outcomes) == {"done", "stopped"}, "a rule that stops nothing here is not tested"
    losses = [study.history.loss(report) for trial in study.history.trials() for report in trial.reports]
    assert study.history.best is not None
    assert study.history.best_value == min(loss for loss in losses if loss is not None)
    assert study.history.reports(study.history.best)[-1].step == 9


@EVERY
def test_where_trials_fail_and_peers_die_every_trial_is_finished_too(key: str) -> None:
    study = suffered(key)
    assert len(study.outcomes) == 60
    assert set(study.outcomes) == {"done", "stopped", "failed"}
    assert any(
        len(study.history.reports(number)) and study.history.reports(number)[-1].step == 9 for number in range(60)
    )


@EVERY
@GOALS
@pytest.mark.parametrize("peers", [1, 3])
def test_the_only_trial_sees_the_whole_budget(key: str, goal: str, peers: int) -> None:
    study = Ran(peers=peers, problem=PROBLEMS[goal], trials=1, start=[{"x": 0.1}], **plan_of(key, goal))
    assert study.outcomes == ["done"]
    assert [report.step for report in study.history.reports(0)] == list(range(1, 10))


@EVERY
def test_two_studies_with_one_seed_leave_the_same_journal(key: str) -> None:
    again = Ran(ALL, peers=4, problem=Safe(), retries=20, max_failures=None, **plan_of(key, "minimize"))
    assert encode(again.records) == encode(suffered(key).records)


@EVERY
@GOALS
def test_what_ends_a_trial_early_says_why_with_the_numbers_that_it_compared(key: str, goal: str) -> None:
    early = [record for record in ran(key, goal).records if isinstance(record, Ended) and record.outcome != "done"]
    assert early
    for record in early:
        assert record.outcome in ("stopped", "paused")
        assert any(letter.isdigit() for letter in record.reason), record.reason
        assert len(record.reason.split()) >= 4, record.reason
        assert "nan" not in record.reason


@EVERY
@GOALS
def test_a_rule_that_promotes_stops_nothing_before_the_end(key: str, goal: str) -> None:
    if RULES[key][0] in PAUSING:
        stops = [r for r in ran(key, goal).records if isinstance(r, Ended) and r.outcome == "stopped"]
        assert stops
        assert all(record.reason.startswith("never gone on with: ") for record in stops)


# ---------------------------------------------------------------------- one fold on every peer


def peer(key: str) -> Told:
    return Told(rule_of(key), space=SPACE.to_json(), trials=60, seed=1)


def asked(told: Told, number: int) -> Proposal | str:
    try:
        return replace(told.next(number), seconds=0.0)
    except Exhausted as end:
        return str(end)


def thoughts(told: Told, probes: list[Reported]) -> list[Any]:
    """What a peer makes of some reports that it knows of, and what it would do next."""
    decided = [told.proposer.decide(report.number, report) for report in probes]
    return [*decided, asked(told, told.history.length), asked(told, -1)]


@cache
def facts(key: str) -> list[AnyRecord]:
    """What the trials of a study said, with curves that cross, and with other losses where one was run again."""
    told = [record for record in suffered(key).records if not isinstance(record, (Defined, Ordered))]
    return [noisy(record) if isinstance(record, Reported) else record for record in told]


def noisy(record: Reported) -> Reported:
    noise = random.Random(1000 * record.number + 10 * record.step + record.attempt).gauss(0.0, 0.1)
    return msgspec.structs.replace(record, metrics={"loss": record.metrics["loss"] + noise})  # type: ignore[operator]


def latest(told: Told, records: list[AnyRecord]) -> list[Reported]:
    """The last reports of trials that still run."""
    found = {r.number: r for r in records if isinstance(r, Reported) and r.attempt == told.history.attempt(r.number)}
    return [report for number, report in found.items() if number in told.history.running]


@EVERY
def test_a_peer_that_joins_late_thinks_as_one_that_was_there_all_along(key: str) -> None:
    records = facts(key)
    for count in range(20, len(records), len(records) // 12):
        told = peer(key)
        told.tell(*records[:count])
        probes = latest(told, records[:count])
        assert thoughts(told.late(rule_of(key)), probes) == thoughts(told, probes), f"after {count} records"


@EVERY
def test_a_history_that_is_read_in_any_order_gives_the_same_thoughts(key: str) -> None:
    records = facts(key)
    for count in range(50, len(records), len(records) // 6):
        told = peer(key)
        told.records = records[:count]
        in_order = told.late(rule_of(key))
        random.Random(count).shuffle(told.records)
        shuffled = told.late(rule_of(key))
        probes = latest(in_order, records[:count])
        assert thoughts(shuffled, probes) == thoughts(in_order, probes), f"after {count} records"


@EVERY
def test_peers_that_hear_of_trials_in_another_order_think_the_same(key: str) -> None:
    """What one trial says comes in its order; what others say, between."""
    records = facts(key)
    for count in range(50, len(records), len(records) // 6):
        one, two = peer(key), peer(key)
        one.tell(*records[:count])
        two.tell(*interleaved(records[:count], seed=count))
        probes = latest(one, records[:count])
        assert thoughts(two, probes) == thoughts(one, probes), f"after {count} records"


def interleaved(records: list[AnyRecord], seed: int) -> list[AnyRecord]:
    waiting: dict[int, list[AnyRecord]] = defaultdict(list)
    for record in reversed(records):
        waiting[record.number].append(record)  # type: ignore[union-attr]
    order = [record.number for record in records]  # type: ignore[union-attr]
    random.Random(seed).shuffle(order)
    return [waiting[number].pop() for number in order]


@EVERY
def test_asking_and_deciding_change_nothing(key: str) -> None:
    records = facts(key)
    for count in (60, 200, len(records) - 20):
        curious, silent = peer(key), peer(key)
        curious.tell(*records[:count])
        silent.tell(*records[:count])
        probes = latest(silent, records[:count])
        thoughts(curious, probes)
        assert thoughts(curious, probes) == thoughts(silent, probes)
