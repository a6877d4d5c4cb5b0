"""Whose turn a trial is, when peers die at the worst moments: no trial is left behind, none is run by two at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

import shoal
from shoal import catalog
from shoal.clock import RealClock
from shoal.contracts import Grant
from shoal.engines.simulated import VirtualClock
from shoal.journal import Journal
from shoal.peer import Peer
from shoal.records import AnyRecord, Defined, Definition, Ended, Started, write_params
from shoal.stores.memory import MemoryStore
from shoal.study import Study
from shoal.turns import Held, Turn, Turns
from trainings import Logged

LONG = 600.0  # a lease that outlives the test
BUDGET = shoal.Budget("epoch", 1, 9)
X = {"x": (0.0, 1.0)}


class Peers:
    """A study in a store, as several peers see it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        plan = Definition(name="s", space=shoal.Space(X).to_json(), budget=BUDGET, trials=9, stopping="asha-promote")
        self.store.create("s", Defined(1, plan, 0.0))

    def join(self, name: str) -> tuple[Journal, Turns]:
        self.store.beat("s", name, LONG)
        journal = Journal(self.store, "s", name, RealClock())
        return journal, Turns(journal, RealClock())

    def leave(self, name: str) -> None:
        self.store.leave("s", name)


def begin(journal: Journal, turn: Turn) -> None:
    journal.append(Started(turn.number, write_params({"x": 0.5}), journal.writer, 0.0, attempt=turn.attempt))
    journal.flush()


def pause(journal: Journal, turn: Turn) -> None:
    begin(journal, turn)
    journal.append(Ended(turn.number, "paused", 0.0, attempt=turn.attempt, decided=True))
    journal.flush()


def taken(turns: Turns) -> Turn:
    turn = turns.next()
    assert turn is not None
    return turn


def test_what_a_peer_paused_is_not_run_again_when_it_dies() -> None:
    peers = Peers()
    journal, turns = peers.join("first")
    pause(journal, taken(turns))
    peers.leave("first")
    _, others = peers.join("second")
    assert taken(others).number == 1


def test_what_a_peer_resumed_goes_on_as_the_next_attempt_when_it_dies() -> None:
    peers = Peers()
    journal, turns = peers.join("first")
    pause(journal, taken(turns))
    resumed = turns.resume(0)
    assert resumed is not None
    assert (resumed.number, resumed.attempt) == (0, 1)
    begin(journal, resumed)
    peers.leave("first")
    later, others = peers.join("second")
    again = taken(others)
    assert (again.number, again.attempt) == (0, 2)
    assert later.history.trial(0).outcome == "lost"


def test_a_trial_whose_peer_died_between_resuming_and_beginning_it_can_still_be_gone_on_with() -> None:
    """The peer's claim on attempt 1 lasts, though attempt 1 never began."""
    peers = Peers()
    journal, turns = peers.join("first")
    pause(journal, taken(turns))
    assert turns.resume(0) is not None
    peers.leave("first")
    _, others = peers.join("second")
    again = taken(others)
    if again.number != 0:  # it may be left paused, to be resumed when its turn comes
        resumed = others.resume(0)
        assert resumed is not None, "no peer will ever go on with trial 0"
        again = resumed
    assert again.number == 0
    assert again.attempt > 0


def test_a_study_ends_though_a_peer_died_between_resuming_a_trial_and_beginning_it() -> None:
    options = {"name": "s", "stopping": "asha-promote", "budget": BUDGET, "trials": 4, "search": "random"}
    with Study(X, store="study.db", seed=0, **options) as study:  # type: ignore[arg-type]
        for loss in (0.3, 0.1, 0.2):
            study.report(trial := study.ask(), 1, loss=loss)
            study.tell(trial)
        study._journal.store.beat("s", "gone", LONG)
        assert study._journal.store.resume("s", "gone", 1, 1) is not None
        study._journal.store.leave("s", "gone")
    study = shoal.tune(Logged, store="study.db", name="s", workers=1, timeout=120, progress=False)
    assert study.ended == "all 4 trials have ended"


def test_a_trial_that_a_living_peer_resumed_is_not_taken_from_it_whoever_else_dies() -> None:
    """The grant under which trial 0 was begun passes from one dead peer to the next, for trial 1 is still open."""
    peers = Peers()
    journal, _ = peers.join("first")
    peers.store.take("s", "first", 2, None)
    pause(journal, Turn(0, 0, 0.0, Held(Grant(0, 2), 2)))
    peers.leave("first")
    _, heirs = peers.join("heir")
    assert taken(heirs).number == 1
    alive, turns = peers.join("alive")
    resumed = turns.resume(0)
    assert resumed is not None
    begin(alive, resumed)
    peers.leave("heir")
    late, others = peers.join("late")
    assert taken(others).number == 1
    assert taken(others).number == 2
    late.sync()
    assert late.history.trial(0).outcome == "running"


@pytest.mark.parametrize("ended", [False, True])
def test_who_settles_an_earlier_attempt_still_holds_the_one_that_it_runs(ended: bool) -> None:
    """Trial 0 is resumed, paused and resumed again by the same peer, which then takes a fresh number, and dies."""
    peers = Peers()
    journal, turns = peers.join("first")
    first = taken(turns)
    pause(journal, first)
    turns.ended(first)
    fresh = taken(turns)
    turns.put_back(fresh)
    for _ in range(2):
        resumed = turns.resume(0)
        assert resumed is not None
        if resumed.attempt == 1:
            pause(journal, resumed)
            turns.ended(resumed)
    begin(journal, resumed)
    while taken(turns).number < 5:
        pass  # fresh numbers; what was settled is let go
    if ended:
        journal.append(Ended(0, "done", 0.0, {"loss": 1.0}, attempt=2))
        journal.flush()
    peers.leave("first")
    _, others = peers.join("second")
    again = [(turn.number, turn.attempt) for turn in iter(others.next, None)]
    assert ((0, 3) in again) is not ended


def test_what_a_silent_peer_ends_before_its_heir_begins_it_is_not_run_again() -> None:
    """Two trials were adopted at once; while the heir runs one, the peer that was frozen wakes and ends the other."""
    peers = Peers()
    journal, turns = peers.join("frozen")
    for turn in (taken(turns), taken(turns)):
        begin(journal, turn)
    peers.leave("frozen")
    other, heirs = peers.join("heir")
    mine = taken(heirs)
    begin(other, mine)
    assert (mine.number, mine.attempt) == (0, 1)
    journal.append(Ended(1, "done", 0.0, {"loss": 1.0}))  # by its own attempt, the first
    journal.flush()
    assert taken(heirs).number == 2
    assert other.history.finished(1)
    assert other.history.attempt(1) == 0


def test_a_peer_that_was_frozen_does_not_begin_what_its_heir_has_begun() -> None:
    peers = Peers()
    journal, _ = peers.join("frozen")
    turns = Turns(journal, RealClock(), block=3)
    begin(journal, taken(turns))
    peers.leave("frozen")
    other, heirs = peers.join("heir")
    for number in (0, 1):
        turn = taken(heirs)
        assert turn.number == number
        begin(other, turn)
    journal.sync()
    assert taken(turns).number == 2  # which the heir has not begun: who is first counts


class Slow(MemoryStore):
    """A store that so many peers ask that each call but reading takes a while; the calls are counted."""

    def __init__(self, clock: VirtualClock, seconds: float, trials: int | None = None) -> None:
        super().__init__(now=clock.now)
        self.clock, self.seconds, self.calls = clock, seconds, Counter[str]()
        plan = Definition(name="s", space=shoal.Space(X).to_json(), trials=trials, search="genetic")
        self.create("s", Defined(1, plan, 0.0))
        self.beat("s", "peer", 1e9)

    def take(self, *asked: Any, **more: Any) -> Grant | None:
        self.clock.time += self.seconds
        self.calls["take"] += 1
        return super().take(*asked, **more)

    def adopt(self, *asked: Any) -> list[Grant]:
        self.clock.time += self.seconds
        self.calls["adopt"] += 1
        return super().adopt(*asked)

    def read(self, *asked: Any) -> tuple[list[AnyRecord], int]:
        self.calls["read"] += 1
        return super().read(*asked)


@pytest.mark.parametrize(("seconds", "least", "most"), [(0.0, 10, 30), (0.001, 30, 60), (0.1, 1_000, 1_000)])
def test_how_many_numbers_are_taken_at_once_goes_by_what_trials_take_and_not_by_the_wait_for_them(
    seconds: float, least: int, most: int
) -> None:
    clock = VirtualClock()
    store = Slow(clock, 0.5)
    turns = Turns(Journal(store, "s", "peer", clock), clock)
    for _ in range(1_000):
        turn = taken(turns)
        clock.time += seconds
        turns.ended(turn)
    assert least <= store.calls["take"] <= most


def test_looking_for_dead_peers_takes_a_fiftieth_of_a_peers_time_in_a_store_that_is_slow_to_tell() -> None:
    clock = VirtualClock()
    store = Slow(clock, 2.0)
    turns = Turns(Journal(store, "s", "peer", clock), clock)
    for _ in range(100):
        turn = taken(turns)
        clock.time += 60.0
        turns.ended(turn)
    assert 40 <= store.calls["adopt"] <= 62  # in 6,400 s; one each 102 s at most


def test_where_all_numbers_are_taken_no_one_asks_for_more_until_there_are() -> None:
    clock = VirtualClock()
    store = Slow(clock, 0.0, trials=1)
    journal = Journal(store, "s", "peer", clock)
    turns = Turns(journal, clock)
    assert taken(turns).number == 0
    assert [turns.next() for _ in range(100)] == [None] * 100
    assert store.calls["take"] == 2
    journal.append(Defined(2, msgspec.structs.replace(journal.history.definition, trials=2), 0.0))
    assert taken(turns).number == 1


def test_a_peer_that_waits_for_others_looks_ever_more_rarely_and_yet_goes_on_soon() -> None:
    clock = VirtualClock()
    store = Slow(clock, 0.0, trials=2)
    slow = Journal(store, "s", "slow", clock)
    store.beat("s", "slow", 1e9)
    other = taken(Turns(slow, clock))
    begin(slow, other)
    journal = Journal(store, "s", "peer", clock)
    peer = Peer(journal, catalog.thinker(None, None, clock), catalog.objective(lambda params: 0.0), clock)
    hour, ended = 3_600.0, False
    for pause in peer.run():
        clock.time += pause
        if clock.time > hour and not ended:
            ended = True
            slow.append(Ended(other.number, "done", clock.time, {"loss": 0.0}))
            slow.flush()
    assert ended
    assert clock.time < hour + 10.0
    assert store.calls["read"] < 2 * hour / 5.0
    assert store.calls["take"] <= 4


def test_between_two_long_trials_a_peer_reads_once_and_knows_what_others_wrote_meanwhile() -> None:
    clock = VirtualClock()
    store = Slow(clock, 0.0, trials=40)
    journal = Journal(store, "s", "peer", clock)
    known = []

    def minute(params: dict[str, float]) -> float:
        known.append(journal.history.length)
        clock.time += 60.0
        other = 1_000 + len(known)
        store.append("s", "other", [Started(other, write_params({"x": 0.5}), "other", 0.0), Ended(other, "done", 0.0)])
        return params["x"]

    peer = Peer(journal, catalog.thinker(None, None, clock), catalog.objective(minute), clock)
    store.calls.clear()
    assert list(peer.run()) == []  # until all forty have ended, half of them the other's
    assert known == [1, *range(1_002, 1_021)]
    assert store.calls["read"] <= 20 + 3
