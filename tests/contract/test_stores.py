"""What every store owes. A new store is tested by joining `MAKERS`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from clusters import ray_store
from conftest import at_once, wait_until
from databases import database
from shoal.contracts import Grant, Store
from shoal.errors import StoreError
from shoal.records import AnyRecord, Defined, Definition, Ended, Ordered, Started, encode, write_params
from shoal.stores.folder import FolderStore
from shoal.stores.memory import MemoryStore
from shoal.stores.sql import SqlStore

LONG, SHORT = 600.0, 0.05  # leases that outlive the test, and that end within it
MAKERS = {
    "memory": lambda folder: MemoryStore(),
    "sqlite": lambda folder: SqlStore(f"sqlite:///{folder}/study.db"),
    "folder": lambda folder: FolderStore(f"dir:{folder}/studies"),
    "postgresql": lambda folder: SqlStore(database("postgresql", folder.name)),
    "mysql": lambda folder: SqlStore(database("mysql", folder.name)),
    "ray": lambda folder: ray_store(),
}
FIRST = Defined(1, Definition(name="s", space={"domains": {"x": "uniform(0.0, 1.0)"}}), 0.0)


@pytest.fixture(params=MAKERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MAKERS[request.param](tmp_path)
    made.create("s", FIRST)
    yield made
    made.close()


def ended(*numbers: int) -> list[AnyRecord]:
    return [Ended(number, "done", 0.0, {"loss": 1.0}, reason="fine ✓") for number in numbers]


# ---------------------------------------------------------------------- studies


@pytest.mark.parametrize(
    "name", ["x", "naïve 学习 🐟", "it's; DROP TABLE shoal_studies --", "100%_", "S", "a/b", "..", "x" * 100]
)
def test_a_study_is_created_once_under_any_name_and_can_be_removed(store: Store, name: str) -> None:
    assert store.create(name, FIRST) is True
    assert store.create(name, FIRST) is False
    assert sorted(store.studies()) == sorted(["s", name])
    assert store.read(name, 0)[0] == [FIRST]
    store.remove(name)
    assert store.studies() == ["s"]
    with pytest.raises(StoreError):
        store.read(name, 0)


def test_exactly_one_of_many_creates_a_study(store: Store) -> None:
    assert sum(at_once(8, lambda k: store.create("new", FIRST))) == 1
    assert store.read("new", 0)[0] == [FIRST]


def test_an_unknown_study_is_an_error_that_names_the_known_ones(store: Store) -> None:
    store.create("mnist", FIRST)
    asked: list[Callable[[], Any]] = [
        lambda: store.read("mnits", 0), lambda: store.append("mnits", "p", ended(0)),
        lambda: store.take("mnits", "p", 1, None), lambda: store.remove("mnits"),
    ]  # fmt: skip
    for ask in asked:
        with pytest.raises(StoreError, match=r"no study 'mnits'; it holds: ('s', 'mnist'|'mnist', 's')"):
            ask()
    assert sorted(store.studies()) == ["mnist", "s"]


def test_studies_do_not_see_each_other(store: Store) -> None:
    store.create("t", FIRST)
    store.append("t", "p", ended(1))
    assert store.take("t", "p", 5, None) == Grant(0, 5)
    assert store.claim("t", "key", "p")
    store.beat("t", "p", LONG)
    assert store.read("s", 0)[0] == [FIRST]
    assert store.take("s", "p", 5, None) == Grant(0, 5)
    assert store.claim("s", "key", "p")
    assert store.peers("s") == []
    store.remove("t")
    assert store.take("s", "p", 1, None) == Grant(5, 6)


def test_a_study_that_was_removed_begins_anew_whatever_its_peers_still_say(store: Store) -> None:
    store.append("s", "p", ended(1))
    store.take("s", "p", 3, None)
    store.claim("s", "key", "p")
    store.beat("s", "p", LONG)
    store.remove("s")
    late: list[Callable[[], Any]] = [
        lambda: store.beat("s", "late", LONG), lambda: store.claim("s", "other", "late"),
        lambda: store.adopt("s", "late"),
        lambda: store.leave("s", "late"), lambda: store.peers("s"),
    ]  # fmt: skip
    for call in late:
        with suppress(StoreError):  # whether a late peer is told so is up to the store
            call()
    assert store.create("s", FIRST)
    assert store.read("s", 0)[0] == [FIRST]
    assert store.peers("s") == []
    assert store.take("s", "q", 2, None) == Grant(0, 2)
    assert store.claim("s", "key", "q")
    assert store.claim("s", "other", "q")


# ---------------------------------------------------------------------- records


def test_records_come_back_in_order_as_they_were_written(store: Store) -> None:
    params = write_params({"x": 0.5, "name": "naïve ' \" 🐟", "list": [1, None, {"a": True}]})
    written = [Started(0, params, "p", 1.5, why="w"), *ended(0), Ordered(1, "stop", "enough", 2.0)]
    store.append("s", "p", written[:2])
    store.append("s", "p", written[2:])
    records, _ = store.read("s", 0)
    assert encode(records) == encode([FIRST, *written])


def test_a_cursor_brings_just_what_is_new(store: Store) -> None:
    _, cursor = store.read("s", 0)
    assert store.read("s", cursor) == ([], cursor)
    for number in range(3):
        store.append("s", "p", ended(number))
        records, later = store.read("s", cursor)
        assert records == ended(number)
        assert later > cursor
        cursor = later
    assert store.read("s", cursor) == ([], cursor)


def test_a_writer_can_skip_its_own_records_and_moves_on_all_the_same(store: Store) -> None:
    _, cursor = store.read("s", 0)
    store.append("s", "mine", ended(0))
    store.append("s", "other", ended(1))
    store.append("s", "mine", ended(2))
    records, after = store.read("s", cursor, "mine")
    assert records == ended(1)
    assert store.read("s", after) == ([], after)
    everything = [record for record in store.read("s", cursor)[0] if isinstance(record, Ended)]
    assert sorted(everything, key=lambda record: record.number) == ended(0, 1, 2)


def test_a_batch_of_records_is_large_or_empty(store: Store) -> None:
    store.append("s", "p", [])
    many = ended(*range(20_000))
    store.append("s", "p", many)
    assert store.read("s", 0)[0] == [FIRST, *many]


def test_readers_miss_nothing_while_many_write(store: Store) -> None:
    """A cursor must never pass a batch whose commit comes later."""
    writers, batches = 4, 25
    seen: list[int] = []
    cursor = store.read("s", 0)[1]

    def work(k: int) -> None:
        nonlocal cursor
        if k < writers:
            for batch in range(batches):
                store.append("s", f"writer {k}", ended(k * batches + batch))
            return
        while len(seen) < writers * batches:
            records, cursor = store.read("s", cursor)
            seen.extend(record.number for record in records)  # type: ignore[union-attr]

    at_once(writers + 1, work)
    assert sorted(seen) == list(range(writers * batches))
    for k in range(writers):
        mine = [number for number in seen if number // batches == k]
        assert mine == sorted(mine)


# ---------------------------------------------------------------------- numbers


def test_numbers_are_granted_in_blocks_up_to_the_limit(store: Store) -> None:
    granted = [store.take("s", "p", count, 10) for count in (1, 4, 100, 1)]
    assert granted == [Grant(0, 1), Grant(1, 5), Grant(5, 10), None]
    assert store.take("s", "p", 2, 8) is None  # the limit was lowered below what was granted
    assert store.take("s", "p", 2, 11) == Grant(10, 11)
    assert store.take("s", "p", 2, None) == Grant(11, 13)
    assert store.take("s", "p", 0, None) is None


def test_no_number_is_granted_twice_and_none_is_left_out(store: Store) -> None:
    limit = 100

    def work(k: int) -> list[int]:
        mine: list[int] = []
        while grant := store.take("s", f"peer {k}", 1 + k % 3, limit):
            assert grant.generation == 0
            mine += range(grant.start, grant.stop)
        return mine

    taken = [number for mine in at_once(8, work) for number in mine]
    assert sorted(taken) == list(range(limit))


def test_what_a_peer_that_left_was_granted_goes_to_another_at_once_and_once(store: Store) -> None:
    store.beat("s", "gone", LONG)
    store.beat("s", "heir", LONG)
    store.take("s", "gone", 3, None)
    store.take("s", "gone", 2, None)
    assert store.adopt("s", "heir") == []
    store.leave("s", "gone")
    assert sorted(store.adopt("s", "heir"), key=lambda grant: grant.start) == [Grant(0, 3, 1), Grant(3, 5, 1)]
    assert store.adopt("s", "heir") == []
    store.beat("s", "third", LONG)
    assert store.adopt("s", "third") == []
    store.leave("s", "heir")
    assert sorted(store.adopt("s", "third"), key=lambda grant: grant.start) == [Grant(0, 3, 2), Grant(3, 5, 2)]


def test_what_a_silent_peer_was_granted_is_adopted_once_its_lease_is_over(store: Store) -> None:
    store.beat("s", "heir", LONG)
    store.take("s", "silent", 2, None)
    store.beat("s", "silent", LONG)
    assert store.adopt("s", "heir") == []
    store.beat("s", "silent", SHORT)  # the latest beat says for how long it is good
    found: list[Grant] = []
    wait_until(lambda: found.extend(store.adopt("s", "heir")) or found)
    assert found == [Grant(0, 2, 1)]


def test_exactly_one_of_many_adopts_a_grant(store: Store) -> None:
    for _ in range(6):
        store.take("s", "gone", 1, None)
    heirs = [f"heir {k}" for k in range(8)]
    for heir in heirs:
        store.beat("s", heir, LONG)
    store.leave("s", "gone")
    adopted = [grant for grants in at_once(8, lambda k: store.adopt("s", heirs[k])) for grant in grants]
    assert sorted(grant.start for grant in adopted) == list(range(6))
    assert {grant.generation for grant in adopted} == {1}


def test_grants_that_were_settled_are_not_adopted(store: Store) -> None:
    store.beat("s", "heir", LONG)
    for _ in range(3):
        store.take("s", "gone", 2, 6)
    assert store.take("s", "gone", 2, 6, settled=[0, 4]) is None  # settling counts though no number is left
    assert store.adopt("s", "heir") == [Grant(2, 4, 1)]


def test_a_peer_cannot_settle_what_another_has_adopted_from_it(store: Store) -> None:
    store.take("s", "stale", 2, None)
    store.beat("s", "heir", LONG)
    assert store.adopt("s", "heir") == [Grant(0, 2, 1)]
    store.take("s", "stale", 1, 2, settled=[0])
    store.leave("s", "heir")
    assert store.adopt("s", "third") == [Grant(0, 2, 2)]


def test_exactly_one_of_many_claims_a_key(store: Store) -> None:
    for key in ("plain", "", "naïve 🐟", "rung 1"):
        claimed = at_once(8, lambda k, key=key: store.claim("s", key, f"peer {k}"))  # type: ignore[misc]
        assert sum(claimed) == 1
        assert not store.claim("s", key, f"peer {claimed.index(True)}")  # not even the winner claims it again


# ---------------------------------------------------------------------- going on with a trial


def test_exactly_one_of_many_resumes_a_trial_in_each_generation(store: Store) -> None:
    """Peers that were not told what became of the others ask for the same attempt."""
    store.take("s", "first", 1, None)
    for generation in (1, 2, 3):
        granted = at_once(8, lambda k, g=generation: store.resume("s", f"peer {k}", 0, g))  # type: ignore[misc]
        assert sorted(filter(None, granted), key=str) == [Grant(0, 1, generation, origin=generation)]
        winner = f"peer {next(k for k, grant in enumerate(granted) if grant)}"
        assert store.resume("s", winner, 0, generation) is None  # not even the winner goes on with it again


def test_trials_and_studies_are_resumed_apart_and_take_no_number(store: Store) -> None:
    store.create("t", FIRST)
    store.take("s", "p", 2, None)
    granted = [store.resume(study, "p", number, 1) for study, number in (("s", 0), ("s", 1), ("t", 0))]
    assert granted == [Grant(0, 1, 1, 1), Grant(1, 2, 1, 1), Grant(0, 1, 1, 1)]
    assert store.take("s", "p", 2, None) == Grant(2, 4)
    store.remove("t")
    assert store.create("t", FIRST)
    assert store.resume("t", "p", 0, 1) == Grant(0, 1, 1, 1)


def test_what_a_dead_peer_resumed_is_adopted_beside_what_it_took(store: Store) -> None:
    store.beat("s", "heir", LONG)
    store.beat("s", "gone", LONG)
    store.take("s", "gone", 2, None)
    store.resume("s", "gone", 0, 3)
    assert store.adopt("s", "heir") == []
    store.leave("s", "gone")
    adopted = sorted(store.adopt("s", "heir"), key=lambda grant: grant.key)
    assert adopted == [Grant(0, 1, 4, origin=3), Grant(0, 2, 1)]
    assert store.adopt("s", "heir") == []
    store.beat("s", "third", LONG)
    store.leave("s", "heir")
    assert Grant(0, 1, 5, origin=3) in store.adopt("s", "third")


def test_exactly_one_of_many_adopts_what_a_dead_peer_resumed(store: Store) -> None:
    for number in range(6):
        store.resume("s", "gone", number, 1)
    heirs = [f"heir {k}" for k in range(8)]
    for heir in heirs:
        store.beat("s", heir, LONG)
    adopted = [grant for grants in at_once(8, lambda k: store.adopt("s", heirs[k])) for grant in grants]
    assert sorted(grant.start for grant in adopted) == list(range(6))
    assert all(grant == Grant(grant.start, grant.start + 1, 2, origin=1) for grant in adopted)


def test_what_was_resumed_is_settled_by_its_key_apart_from_what_was_taken(store: Store) -> None:
    taken = store.take("s", "gone", 1, 1)
    resumed = store.resume("s", "gone", 0, 1)
    assert taken is not None
    assert resumed is not None
    assert taken.key != resumed.key
    assert Grant.of(resumed.key, resumed.stop, resumed.generation, resumed.origin) == resumed
    store.take("s", "gone", 1, 1, settled=[resumed.key])
    store.beat("s", "heir", LONG)
    assert store.adopt("s", "heir") == [Grant(0, 1, 1)]
    store.take("s", "heir", 1, 1, settled=[taken.key])
    store.beat("s", "third", LONG)
    store.leave("s", "heir")
    assert store.adopt("s", "third") == []


def test_a_peer_cannot_settle_what_another_resumed_after_it(store: Store) -> None:
    first = store.resume("s", "stale", 0, 1)
    second = store.resume("s", "other", 0, 2)
    assert first is not None
    assert second is not None
    store.take("s", "stale", 1, 0, settled=[first.key])
    store.beat("s", "heir", LONG)
    assert store.adopt("s", "heir") == [Grant(0, 1, 3, origin=2)]


def test_no_trial_of_an_unknown_study_is_resumed(store: Store) -> None:
    with pytest.raises(StoreError, match="no study 'mnits'; it holds: 's'"):
        store.resume("mnits", "p", 0, 1)


# ---------------------------------------------------------------------- peers


def test_peers_are_alive_until_their_lease_is_over_or_they_leave(store: Store) -> None:
    assert store.peers("s") == []
    store.beat("s", "a", LONG)
    store.beat("s", "b", SHORT)
    wait_until(lambda: {status.peer: status.alive for status in store.peers("s")} == {"a": True, "b": False})
    for status in store.peers("s"):
        assert 0 <= status.age < 60
        assert status.host
        assert status.pid > 0
    store.beat("s", "b", LONG)
    assert all(status.alive for status in store.peers("s"))
    store.leave("s", "b")
    store.leave("s", "never there")
    assert [status.peer for status in store.peers("s")] == ["a"]


def test_many_threads_beat_at_once(store: Store) -> None:
    at_once(8, lambda k: [store.beat("s", f"peer {k % 4}", LONG) for _ in range(5)])
    assert sorted(status.peer for status in store.peers("s")) == [f"peer {k}" for k in range(4)]
