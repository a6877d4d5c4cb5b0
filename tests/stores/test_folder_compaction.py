"""The files of a finished study become one: nothing is lost, and whoever was reading or writing goes on."""

from __future__ import annotations

import os
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from test_folder import end, file_of, opened, records_of, store, told

import shoal
from shoal.records import Ended
from shoal.stores import folder as folder_module
from shoal.stores.folder import FolderStore
from shoal.study import Study

__all__ = ["store"]  # the fixture
WRITERS = 4  # a, p, q, and whoever began the study


@pytest.fixture
def finished(store: FolderStore) -> FolderStore:
    """Nine trials ended, by three peers that have left."""
    for number in range(9):
        store.append("s", "apq"[number % 3], end(number))
    return store


def files(tmp_path: Path) -> set[str]:
    return set(os.listdir(records_of(tmp_path)))


def test_every_record_is_kept_in_one_file(finished: FolderStore, tmp_path: Path) -> None:
    before = finished.read("s", 0)[0]
    assert len(files(tmp_path)) == WRITERS
    finished.compact("s")
    assert len(files(tmp_path)) == 1
    after = opened(tmp_path).read("s", 0)[0]
    assert sorted(map(str, after)) == sorted(map(str, before))
    for k in range(3):  # each writer's in order
        assert [number for number in told(opened(tmp_path)) if number % 3 == k] == [k, k + 3, k + 6]


def test_what_a_dying_writer_left_is_dropped_with_the_rest_kept(finished: FolderStore, tmp_path: Path) -> None:
    with file_of(tmp_path, "p").open("ab") as file:
        file.write(b'0123abcd [{"kind":')
    finished.compact("s")
    finished.append("s", "late", end(9))
    assert sorted(told(opened(tmp_path))) == list(range(10))


def test_a_peer_that_lives_keeps_its_file(finished: FolderStore, tmp_path: Path) -> None:
    finished.beat("s", "p", 600.0)
    finished.compact("s")
    assert len(files(tmp_path)) == WRITERS
    finished.leave("s", "p")
    finished.compact("s")
    assert len(files(tmp_path)) == 1


def rest(reader: FolderStore, cursor: int) -> set[int]:
    return set(told(reader, cursor))


@pytest.mark.parametrize("writer", ["p", "new", "zz"])
@pytest.mark.parametrize("same", [False, True], ids=["another process", "the same process"])
def test_a_reader_that_had_read_before_goes_on(finished: FolderStore, tmp_path: Path, same: bool, writer: str) -> None:
    reader = finished if same else opened(tmp_path)
    _, cursor = reader.read("s", 0)
    finished.compact("s")
    finished.append("s", writer, end(9))
    assert 9 in rest(reader, cursor)
    _, cursor = reader.read("s", cursor)
    for number in range(10, 14):
        finished.append("s", writer, end(number))
        records, cursor = reader.read("s", cursor)
        assert records == end(number)


@pytest.mark.parametrize("same", [False, True], ids=["another process", "the same process"])
def test_a_reader_that_had_read_a_part_reads_the_rest(
    finished: FolderStore, tmp_path: Path, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "PAGE_BYTES", 100)
    reader = finished if same else opened(tmp_path)
    records, cursor = reader.read("s", 0)
    first = {record.number for record in records if isinstance(record, Ended)}
    assert len(first) < 5
    finished.compact("s")
    assert first | rest(reader, cursor) == set(range(9))


@pytest.mark.parametrize("same", [False, True], ids=["another process", "the same process"])
@pytest.mark.parametrize("looks", [False, True], ids=["asleep", "awake"])
def test_a_study_that_is_gone_on_with_is_compacted_again_and_readers_go_on(
    finished: FolderStore, tmp_path: Path, same: bool, looks: bool
) -> None:
    finished.compact("s")
    reader = finished if same else opened(tmp_path)
    _, cursor = reader.read("s", 0)
    seen: set[int] = set()
    other = opened(tmp_path)
    for number in range(9, 12):
        other.append("s", f"b{number}", end(number))
        if looks:
            records, cursor = reader.read("s", cursor)
            seen |= {record.number for record in records if isinstance(record, Ended)}
    other.compact("s")
    assert len(files(tmp_path)) == 1
    assert sorted(set(told(opened(tmp_path)))) == list(range(12))
    assert seen | rest(reader, cursor) >= {9, 10, 11}
    other.append("s", "last", end(12))
    assert 12 in rest(reader, cursor)
    assert rest(reader, 0) == set(range(13))  # as one reads that begins anew


def test_a_compaction_that_was_killed_half_way_is_done_by_the_next(finished: FolderStore, tmp_path: Path) -> None:
    kept = {path: path.read_bytes() for path in records_of(tmp_path).iterdir()}
    finished.compact("s")
    for path, data in list(kept.items())[:2]:
        path.write_bytes(data)
    (records_of(tmp_path) / ".tmpabcd").write_bytes(b"half a file")
    finished.append("s", "late", end(9))
    assert set(told(opened(tmp_path))) == set(range(10))
    opened(tmp_path).compact("s")
    assert len(files(tmp_path)) == 1
    assert sorted(told(opened(tmp_path))) == list(range(10))


def compact_when_told(tmp_path: Path, go: Barrier, rounds: int) -> None:
    for _ in range(rounds):
        go.wait(60)
        opened(tmp_path).compact("s")
        go.wait(60)


def test_processes_that_bring_the_files_together_at_once_lose_nothing_and_none_fails(
    finished: FolderStore, tmp_path: Path
) -> None:
    fork = get_context("fork")
    count, rounds = 6, 40
    go = fork.Barrier(count + 1)
    crew = [fork.Process(target=compact_when_told, args=(tmp_path, go, rounds)) for _ in range(count)]
    for process in crew:
        process.start()
    for k in range(rounds):
        for number in range(9 + 8 * k, 17 + 8 * k):
            finished.append("s", f"b{number}", end(number))
        go.wait(60)
        go.wait(60)
        assert set(told(opened(tmp_path))) == set(range(17 + 8 * k))
    for process in crew:
        process.join(60)
        assert process.exitcode == 0


def loss(params: dict[str, float]) -> float:
    return params["x"]


def test_tune_leaves_one_file_and_a_study_in_hand_sees_what_a_later_tune_brings(tmp_path: Path) -> None:
    def tune(trials: int) -> Study:
        return shoal.tune(loss, {"x": (0.0, 1.0)}, trials=trials, workers=0, search="random", name="s",
                          store="dir:studies", progress=False)  # fmt: skip

    study = tune(10)
    watched = Study.open("s", "dir:studies")
    assert len(watched.trials) == 10
    assert len(files(tmp_path)) == 1
    for trials in (15, 20):
        tune(trials)
        assert len(files(tmp_path)) == 1
        assert [trial.number for trial in watched.trials if trial.outcome == "done"] == list(range(trials))
        assert [trial.number for trial in study.trials if trial.outcome == "done"] == list(range(trials))
