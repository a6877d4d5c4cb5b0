"""The journal's actor may be killed at any time: whoever calls next begins another, and no grant gets lost."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clusters import cluster
from conftest import wait_until
from shoal.contracts import Grant
from shoal.errors import StoreError
from shoal.records import Defined, Definition, Ended, encode
from shoal.stores.ray import TRIES, Keeper, RayStore, connect

FIRST = Defined(1, Definition(name="s", space={"domains": {"x": "uniform(0.0, 1.0)"}}), 0.0)


@pytest.fixture
def store(folder: Path) -> Any:
    connect(cluster())
    made = RayStore(f"sqlite:///{folder}/study.db")
    made.create("s", FIRST)
    yield made
    made.close()


def kill(store: RayStore) -> None:
    """Kill the actor's process, which Ray then starts again."""
    store._ray.kill(store._found(), no_restart=False)


def test_an_actor_that_is_killed_is_begun_again_and_nothing_is_lost(store: RayStore) -> None:
    numbers: list[int] = []
    for round_ in range(3):
        store.append("s", "p", [Ended(round_, "done", 0.0, {"loss": 1.0})])
        grant = store.take("s", "p", 3, None)
        assert grant is not None
        numbers += range(grant.start, grant.stop)
        kill(store)
    assert numbers == list(range(9))
    written = {record.number for record in store.read("s", 0)[0] if isinstance(record, Ended)}
    assert written == {0, 1, 2}  # a batch may be there twice, and counts once


def test_an_actor_that_is_killed_while_many_take_numbers_costs_none_and_grants_none_twice(store: RayStore) -> None:
    taken: dict[int, list[int]] = {k: [] for k in range(4)}

    def work(k: int) -> None:
        peer = RayStore(store._secret)
        while grant := peer.take("s", f"peer {k}", 2, 400):
            taken[k] += range(grant.start, grant.stop)

    def count() -> int:
        return sum(map(len, taken.values()))

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in workers:
        thread.start()
    for least in (20, 120, 220):
        wait_until(lambda least=least: count() > least, 60)  # type: ignore[misc]
        kill(store)
    for thread in workers:
        thread.join()
    assert sorted(number for mine in taken.values() for number in mine) == list(range(400))


def test_the_actor_ends_with_its_last_peer_and_comes_back_when_it_is_called(store: RayStore) -> None:
    def begun() -> bool:
        return any(store._name in str(actor) for actor in store._ray.util.list_named_actors(all_namespaces=True))

    store.beat("s", "p", 600.0)
    store.close()
    assert begun()
    assert store.studies() == ["s"]
    store.leave("s", "p")
    store.close()
    wait_until(lambda: not begun(), 100)
    assert store.studies() == ["s"]


@pytest.mark.parametrize("url", ["dir:/tmp/x", "memory://", "ray:sqlite:////tmp/x.db"])
def test_a_store_that_no_actor_can_hold_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="an actor of Ray holds an SQL store"):
        RayStore(url)


def test_a_store_that_cannot_be_opened_is_an_error_in_its_own_words() -> None:
    connect(cluster())
    store = RayStore("sqlite:////nowhere/at/all/study.db")
    with pytest.raises(StoreError, match="the folder must exist and be writable"):
        store.studies()
    store.close()


class Busy:
    """What Ray's client says while the proxy of a cluster gets no server up in its own time, so often."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals

    def is_initialized(self) -> bool:
        return False

    def init(self, *_: Any, **__: Any) -> None:
        self.refusals -= 1
        if self.refusals >= 0:
            raise ConnectionAbortedError("Initialization failure from server:\nProxy failed to Connect to backend!")


def test_a_busy_proxy_is_asked_again_but_not_for_ever_with_a_stand_in_for_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", busy := Busy(TRIES - 1))
    assert connect("ray://head:10001") is busy
    monkeypatch.setitem(sys.modules, "ray", Busy(TRIES))
    with pytest.raises(StoreError, match="ray://head:10001: Initialization failure from server"):
        connect("ray://head:10001")


AGAIN: dict[str, Any] = {"held": []}


def test_what_was_granted_in_a_call_that_died_is_granted_again_to_the_same_peer(folder: Path) -> None:
    """The actor did as it was told, and died before it could say so."""
    pytest.importorskip("ray")
    store = Keeper.__new__(Keeper)
    store._url, store._lock, store._opened, store._called = f"sqlite:///{folder}/study.db", threading.Lock(), None, 0.0

    def ask(method: str, *arguments: Any, again: Any = None) -> Any:
        problem, answer = store.do(method, arguments, again)
        assert not problem
        return answer

    ask("create", "s", encode([FIRST]))
    calls: list[Callable[[Any], Any]] = [
        lambda again: ask("take", "s", "p", 2, None, [], again=again),
        lambda again: ask("resume", "s", "p", 0, 1, again=again),
        lambda again: ask("claim", "s", "key", "p", again=again),
    ]
    for call in calls:
        first = call(None)
        assert first
        assert call(AGAIN) == first
    ask("beat", "s", "heir", 60.0, "host", 1)
    adopted = ask("adopt", "s", "heir")
    assert sorted(adopted) == [(0, 1, 2, 1), (0, 2, 1, 0)]
    assert sorted(ask("adopt", "s", "heir", again=AGAIN)) == sorted(adopted)
    assert ask("adopt", "s", "heir", again={"held": [Grant(*fields).key for fields in adopted]}) == []
