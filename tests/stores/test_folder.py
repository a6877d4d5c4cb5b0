"""A store in a shared folder: whatever a dying writer leaves behind, whoever else writes, and whatever it is called."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from shoal.contracts import Grant
from shoal.errors import StoreError
from shoal.records import AnyRecord, Defined, Definition, Ended
from shoal.stores.deeds import file_name
from shoal.stores.folder import FolderStore

FIRST = Defined(1, Definition(name="s", space={"domains": {"x": "uniform(0.0, 1.0)"}}), 0.0)
PARTS = ["claims", "grants", "name", "peers", "records"]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    made = opened(tmp_path)
    made.create("s", FIRST)
    return made


def opened(tmp_path: Path) -> FolderStore:
    """The store, as another process opens it."""
    return FolderStore(f"dir:{tmp_path}/studies")


def records_of(tmp_path: Path) -> Path:
    return tmp_path / "studies" / file_name("s") / "records"


def file_of(tmp_path: Path, writer: str) -> Path:
    """The file of a writer that has written."""
    (found,) = records_of(tmp_path).glob(file_name(writer) + "*")
    return found


def end(number: int) -> list[AnyRecord]:
    return [Ended(number, "done", 0.0, {"loss": 1.0}, reason="fine ✓")]


def told(store: FolderStore, after: int = 0) -> list[int]:
    """The trials that ended, as a reader finds them that goes on until there is no more."""
    found: list[int] = []
    while True:
        records, cursor = store.read("s", after)
        found += [record.number for record in records if isinstance(record, Ended)]
        if cursor == after:
            return found
        after = cursor


# ---------------------------------------------------------------------- torn lines


@pytest.mark.parametrize("left", [1, 8, 9, 40, -1])
def test_a_line_torn_by_a_dying_writer_is_passed_over_and_later_lines_of_others_are_read(
    store: FolderStore, tmp_path: Path, left: int
) -> None:
    store.append("s", "dying", end(0))
    whole = file_of(tmp_path, "dying").stat().st_size
    store.append("s", "dying", end(1))
    os.truncate(file_of(tmp_path, "dying"), (whole if left > 0 else 2 * whole) + left)
    reader = opened(tmp_path)
    assert told(reader) == [0]
    _, cursor = reader.read("s", 0)
    store.append("s", "other", end(2))
    assert told(reader, cursor) == [2]
    assert sorted(told(opened(tmp_path))) == [0, 2]


def test_a_writer_goes_on_after_half_a_line_with_a_new_one(store: FolderStore, tmp_path: Path) -> None:
    store.append("s", "p", end(0))
    with file_of(tmp_path, "p").open("ab") as file:
        file.write(b'0123abcd [{"kind":"ended","numb')
    opened(tmp_path).append("s", "p", end(1))
    assert sorted(told(opened(tmp_path))) == [0, 1]


def test_a_write_that_breaks_off_is_repeated_on_a_line_of_its_own(
    store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, write = opened(tmp_path), os.write

    def breaks_off(descriptor: int, data: bytes) -> int:
        if len(data) < 60:
            raise OSError(errno.EIO, "the server is gone")
        return write(descriptor, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", breaks_off)
        with pytest.raises(StoreError, match="the server is gone"):
            store.append("s", "p", end(0))
    assert file_of(tmp_path, "p").stat().st_size > 20
    assert told(reader) == []
    store.append("s", "p", end(0))
    store.append("s", "p", end(1))
    assert told(reader) == told(opened(tmp_path)) == [0, 1]


@pytest.mark.parametrize(
    "garbage", [b"\0" * 500, b"00000000 []", b"deadbeef " + b"x" * 40, b"\xff\xfe{", b"0", b"", b"\n\n"]
)
def test_garbage_in_the_middle_is_passed_over(store: FolderStore, tmp_path: Path, garbage: bytes) -> None:
    store.append("s", "p", end(0))
    with file_of(tmp_path, "p").open("ab") as file:
        file.write(garbage + b"\n")
    store.append("s", "p", end(1))
    assert told(opened(tmp_path)) == [0, 1]


def test_a_line_of_which_a_byte_was_changed_is_passed_over_by_its_checksum(store: FolderStore, tmp_path: Path) -> None:
    for number in range(3):
        store.append("s", "p", end(number))
    path = file_of(tmp_path, "p")
    path.write_bytes(path.read_bytes().replace(b'"number":1', b'"number":7'))
    assert b'"number":7' in path.read_bytes()
    assert told(opened(tmp_path)) == [0, 2]


def test_what_another_version_wrote_is_an_error_that_names_the_place(store: FolderStore, tmp_path: Path) -> None:
    data = b'[{"kind":"dreamt","number":1}]'
    (records_of(tmp_path) / file_name("late")).write_bytes(b"%08x %b\n" % (zlib.crc32(data), data))
    with pytest.raises(StoreError, match=r"_late of study 's' cannot be read at byte 0 .*another version of Shoal"):
        opened(tmp_path).read("s", 0)


# ---------------------------------------------------------------------- who else writes

OTHER = """
import fcntl, json, os, sys
from shoal.records import Defined, Definition, Ended
from shoal.stores.folder import FolderStore

locked = []
sys.addaudithook(lambda event, args: locked.append(event) if event.startswith(("fcntl.", "msvcrt.")) else None)
store = FolderStore(sys.argv[1])
records, cursor = store.read("s", 0)
store.append("s", "other", [Ended(number, "done", 0.0, {"loss": 1.0}) for number in (5, 6)])
store.beat("s", "other", 60.0)
grants = [store.take("s", "other", 2, None), *store.adopt("s", "other"), store.resume("s", "other", 1, 1)]
store.take("s", "other", 1, None, [grants[0].start])
claimed = [store.claim("s", "key", "other"), store.claim("s", "mine", "other")]
store.create("t", Defined(1, Definition(name="t", space={}), 0.0))
store.append("t", "other", [Ended(0, "done", 0.0)])
store.compact("t")
store.remove("t")
print(json.dumps([len(records), [(g.start, g.stop, g.generation) for g in grants], claimed, locked]))
fcntl.flock(sys.stdout, fcntl.LOCK_UN)
assert locked == ["fcntl.flock"], "the hook is blind"
"""


def test_another_process_sees_what_this_one_appended_and_the_other_way_and_no_file_is_locked(
    store: FolderStore, tmp_path: Path
) -> None:
    store.append("s", "p", end(0))
    _, cursor = store.read("s", 0)
    assert store.take("s", "p", 3, None) == Grant(0, 3)
    assert store.claim("s", "key", "p")
    said = subprocess.run([sys.executable, "-c", OTHER, store.url], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout) == [2, [[3, 5, 0], [0, 3, 1], [1, 2, 1]], [False, True], []]
    assert told(store, cursor) == [5, 6]
    assert store.take("s", "p", 1, None) == Grant(6, 7)
    assert [status.peer for status in store.peers("s")] == ["other"]
    assert os.listdir(tmp_path / "studies") == [file_name("s")]
    assert sorted(os.listdir(tmp_path / "studies" / file_name("s"))) == PARTS
    assert len(os.listdir(records_of(tmp_path))) == 3  # of whoever began it, p and other
    assert {file_of(tmp_path, writer).is_file() for writer in ("p", "other")} == {True}


def test_a_study_that_another_process_removed_and_began_anew_is_read_anew(store: FolderStore, tmp_path: Path) -> None:
    late = opened(tmp_path)
    store.append("s", "p", end(0))
    assert told(late) == [0]
    assert late.take("s", "q", 5, None) == Grant(0, 5)
    store.remove("s")
    store.create("s", FIRST)
    assert late.read("s", 0)[0] == [FIRST]
    assert late.take("s", "q", 2, None) == Grant(0, 2)


def test_a_beat_that_a_killed_peer_had_not_put_in_place_is_nobody(store: FolderStore, tmp_path: Path) -> None:
    store.beat("s", "p", 600.0)
    peers = tmp_path / "studies" / file_name("s") / "peers"
    (peers / ".tmp1234").write_bytes((peers / file_name("p")).read_bytes())
    store.leave("s", "p")
    assert store.peers("s") == []


# ---------------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name",
    [
        "../../escaped",
        "/etc/escaped",
        "..",
        ".",
        "a\\b",
        "x" * 100,
        "学" * 100,
        "a\nb",
        "~whole",
        ".hidden",
        "nul\0",
    ],
)
def test_hostile_and_long_names_of_studies_peers_and_keys_stay_inside_the_folder(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "studies"
    store = opened(tmp_path)
    store.create(name, FIRST)
    store.append(name, name, end(0))
    store.append(name, name + "'", end(1))
    store.beat(name, name, 60.0)
    assert store.take(name, name, 1, None) == Grant(0, 1)
    assert (store.claim(name, name, name), store.claim(name, name, name)) == (True, False)
    assert sorted(record.number for record in store.read(name, 0)[0] if isinstance(record, Ended)) == [0, 1]
    assert [status.peer for status in store.peers(name)] == [name]
    assert FolderStore(store.url).studies() == [name]
    assert os.listdir(tmp_path) == ["studies"]
    (study,) = inside.iterdir()
    assert sorted(os.listdir(study)) == PARTS
    assert len(os.listdir(study / "records")) == 3
    store.leave(name, name)
    store.remove(name)
    assert os.listdir(inside) == []


# ---------------------------------------------------------------------- where nothing can be kept


def test_a_path_that_is_a_file_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for path in (tmp_path / "notes.txt", tmp_path / "notes.txt" / "studies"):
        with pytest.raises(StoreError, match=r"notes\.txt.*the folder must be there, and writable, on every host"):
            FolderStore(f"dir:{path}")
        with pytest.raises(StoreError, match=r"no folder .*notes\.txt.* here; give --store"):
            FolderStore(f"dir:{path}", create=False)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_folder_that_is_gone_or_spoilt_is_an_error_that_names_it(store: FolderStore, tmp_path: Path) -> None:
    grants = tmp_path / "studies" / file_name("s") / "grants"
    grants.rmdir()
    grants.write_text("not a folder")
    with pytest.raises(StoreError, match=r"grants.*the folder must be there, and writable"):
        store.take("s", "p", 1, None)
    shutil.rmtree(records_of(tmp_path))
    records_of(tmp_path).write_text("not a folder")
    with pytest.raises(StoreError, match=r"records.*the folder must be there, and writable"):
        store.append("s", "p", end(0))
