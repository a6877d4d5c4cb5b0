"""Peers in virtual time: a run is a function of its seed, and whatever goes wrong, every trial ends."""

from __future__ import annotations

import math
from collections import defaultdict

import pytest

from shoal.engines.simulated import LEASE, Curve, Faults
from shoal.records import Defined, Ended, Ordered, Reported, Started, encode
from shoal.space import Params
from simulations import ALL, Ran, Safe, Training

RULES = ["none", "asha", "asha-promote"]


@pytest.mark.parametrize("stopping", RULES)
@pytest.mark.parametrize("faults", [None, ALL])
def test_the_same_seed_gives_the_same_journal_to_the_byte(stopping: str, faults: Faults | None) -> None:
    one, two = (Ran(faults, stopping=stopping) for _ in range(2))
    assert len(one.records) > 100
    assert encode(one.records) == encode(two.records)
    assert (one.time, one.simulation.busy) == (two.time, two.simulation.busy)


def test_another_seed_gives_another_journal() -> None:
    assert encode(Ran(seed=1).records[1:]) != encode(Ran(seed=2).records[1:])


@pytest.mark.parametrize("search", ["auto", "gp", "tpe", "evolution"])
def test_searches_that_learn_repeat_themselves_too(search: str) -> None:
    one, two = (Ran(search=search, trials=25) for _ in range(2))
    assert encode(one.records) == encode(two.records)


@pytest.mark.parametrize("stopping", RULES)
def test_without_faults_all_trials_end_and_the_best_saw_the_whole_budget(stopping: str) -> None:
    ran = Ran(stopping=stopping, problem=Safe())
    assert len(ran.outcomes) == 60
    assert set(ran.outcomes) <= {"done", "stopped"}
    best = ran.history.best
    assert best is not None
    assert [report.step for report in ran.history.reports(best)] == list(range(1, 10))
    if stopping == "none":
        assert ran.outcomes == ["done"] * 60


def test_a_lone_peer_takes_as_long_as_all_its_steps_and_is_never_idle() -> None:
    ran = Ran(peers=1, stopping="none", trials=7, problem=Safe())
    wanted = sum(9 * ran.history.params(number)["cost"] for number in range(7))
    assert ran.time == pytest.approx(wanted)
    assert ran.simulation.busy == pytest.approx(wanted)
    assert ran.history.trial(3).seconds == pytest.approx(9 * ran.history.params(3)["cost"])


class Ticking:
    """A clock that is a second later each time that someone looks."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        self.time += 1.0
        return self.time

    monotonic = now

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def test_peers_spend_the_time_that_the_search_takes_to_propose_and_to_learn() -> None:
    """A second for each proposal, and one for each record up to the last that begins a trial."""
    ran = Ran(peers=1, stopping="none", trials=7, problem=Safe(), watch=Ticking())
    trials = sum(9 * ran.history.params(number)["cost"] for number in range(7))
    told = 6 * (1 + 9 + 1) + 1  # a start, nine reports and an end each
    assert ran.time == pytest.approx(trials + 7 + told)
    assert ran.simulation.busy == pytest.approx(trials)
    assert ran.history.thought == pytest.approx(7)
    assert ran.history.trial(3).seconds == pytest.approx(9 * ran.history.params(3)["cost"])


def test_each_peer_spends_the_time_to_learn_what_all_found_and_its_own_to_propose() -> None:
    charged, free = (Ran(peers=10, stopping="none", trials=200, problem=Safe(), watch=w) for w in (Ticking(), None))
    assert charged.outcomes == free.outcomes == ["done"] * 200
    lasted = [record.time for record in charged.records if isinstance(record, Ended)]
    told = len(charged.records)
    assert charged.time > free.time + 200 / 10 + 0.9 * told  # each of ten proposed twenty times, and learnt it all
    assert charged.time < free.time + 200 / 10 + told + 9 * 4 + 20
    assert max(lasted) == charged.time


def test_what_is_cut_off_was_no_work_though_the_search_takes_longer() -> None:
    ran = Ran(peers=8, until=5.0, watch=Ticking())
    assert ran.time == 5.0
    assert ran.share <= 1


def test_a_trial_that_was_paused_goes_on_where_it_was() -> None:
    """Each of its steps takes its time once, whoever runs it."""
    ran = Ran(problem=Safe())
    reported = [(record.number, record.step) for record in ran.records if isinstance(record, Reported)]
    assert len(reported) == len(set(reported))
    assert max(trial.attempt for trial in ran.history.trials()) == 2
    for trial in ran.history.trials():
        cost, steps = trial.params["cost"], len(trial.reports)
        assert [report.seconds for report in trial.reports] == pytest.approx(
            [cost * epoch for epoch in range(1, steps + 1)], abs=2e-3
        )
        assert trial.seconds == pytest.approx(cost * steps)


def test_peers_are_busy_at_most_all_of_the_time() -> None:
    for peers in (1, 3, 50):
        assert 0 < Ran(peers=peers).share <= 1
    assert Ran(peers=3, stopping="none").share > 0.9


def test_what_is_cut_off_was_no_work() -> None:
    ran = Ran(peers=8, until=5.0)
    assert ran.time == 5.0
    assert all(record.time <= 5.0 for record in ran.records)
    assert ran.share <= 1
    assert ran.history.running


def test_more_peers_are_faster() -> None:
    times = [Ran(peers=peers, stopping="none").time for peers in (1, 4, 16)]
    assert times[1] < times[0] / 3
    assert times[2] < times[1] / 2


def test_a_share_of_the_trials_fails_on_the_way() -> None:
    ran = Ran(Faults(failures=0.3), stopping="none", trials=400, max_failures=None, problem=Safe())
    failed = ran.outcomes.count("failed")
    assert abs(failed - 120) < 4 * math.sqrt(400 * 0.3 * 0.7)
    assert set(ran.outcomes) == {"done", "failed"}
    for trial in ran.history.trials():
        if trial.outcome == "failed":
            assert trial.reason == "a simulated failure"
            assert len(trial.reports) < 9
            assert trial.seconds is not None
            assert trial.seconds < 9 * trial.params["cost"]


def test_params_that_the_problem_refuses_are_failed_trials() -> None:
    ran = Ran(trials=300, stopping="none")
    refused = [trial for trial in ran.history.trials() if trial.params["x"] > 0.99]
    assert refused
    assert {(trial.outcome, trial.reason) for trial in refused} == {("failed", "x is too large")}


@pytest.mark.parametrize("stopping", RULES)
@pytest.mark.parametrize("seed", range(4))
def test_though_peers_die_all_trials_end(stopping: str, seed: int) -> None:
    ran = Ran(Faults(deaths=0.05), stopping=stopping, seed=seed, retries=20, problem=Safe())
    assert len(ran.outcomes) == 60
    assert set(ran.outcomes) <= {"done", "stopped"}
    assert any(isinstance(record, Ended) and record.outcome == "lost" for record in ran.records)
    assert max(len(ran.history.reports(number)) for number in range(60)) == 9


class Quick(Safe):
    """Trials so short that peers take many numbers at once."""

    def curve(self, params: Params) -> Curve:
        return [(epoch, metrics, seconds / 1000) for epoch, metrics, seconds in super().curve(params)]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("problem", [Safe, Quick])
def test_no_trial_is_taken_from_a_peer_that_lives(problem: type[Training], seed: int) -> None:
    """Who is dead writes nothing any more: nothing follows on an attempt that was lost, and attempts never overlap."""
    ran = Ran(Faults(deaths=0.08), peers=4, seed=seed, retries=50, problem=problem())
    running: dict[int, int] = {}
    lost: dict[int, set[int]] = defaultdict(set)
    for record in ran.records:
        if isinstance(record, (Defined, Ordered)):
            continue
        assert record.attempt not in lost[record.number], f"trial {record.number} was declared lost while it ran"
        if isinstance(record, Started):
            assert record.number not in running
            running[record.number] = record.attempt
        elif isinstance(record, Ended):
            running.pop(record.number, None)
            if record.outcome == "lost":
                lost[record.number].add(record.attempt)


def test_a_trial_that_dies_too_often_has_failed() -> None:
    ran = Ran(Faults(deaths=0.3), stopping="none", trials=30, retries=1)
    failed = [trial for trial in ran.history.trials() if trial.outcome == "failed"]
    assert len(ran.outcomes) == 30
    assert all("lost in each of 2 attempts" in trial.reason for trial in failed)
    ran = Ran(Faults(deaths=0.3), stopping="asha-promote", trials=60, retries=1)
    assert any("lost in 2 of 3 attempts" in trial.reason for trial in ran.history.trials())  # the first was paused


def test_a_death_costs_its_peer_until_it_is_noticed() -> None:
    """Another takes the place of the dead one, a lease later."""
    ran = Ran(Faults(deaths=0.02), peers=1, stopping="none", trials=20, retries=20, problem=Safe())
    deaths = sum(isinstance(record, Ended) and record.outcome == "lost" for record in ran.records)
    assert deaths > 0
    assert ran.time >= ran.simulation.busy + deaths * LEASE


def test_peers_differ_in_speed_by_as_much_as_is_said() -> None:
    ran = Ran(Faults(speed_spread=5.0), peers=40, stopping="none", trials=200, problem=Safe())
    slowness = [trial.seconds / (9 * trial.params["cost"]) for trial in ran.history.trials() if trial.seconds]
    assert 1 <= min(slowness) < 1.3
    assert 3.5 < max(slowness) <= 5
    by_peer = defaultdict(set)
    for trial, slow in zip(ran.history.trials(), slowness, strict=True):
        by_peer[trial.peer].add(round(slow, 6))
    assert all(len(found) == 1 for found in by_peer.values())  # a peer stays as slow as it is


def test_hundreds_of_peers_begin_each_trial_once() -> None:
    ran = Ran(peers=400, trials=1500, stopping="asha")
    begun = [record.number for record in ran.records if isinstance(record, Started)]
    assert sorted(begun) == list(range(1500))
    assert len({record.peer for record in ran.records if isinstance(record, Started)}) == 400
