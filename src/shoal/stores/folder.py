"""A store in a shared folder, without a server: ``dir:/path``. No file is ever locked.

A study is a folder: ``records/`` holds one append-only file a peer, each line a batch with its checksum, so that what a
dying peer wrote in part is passed over; `shoal.stores.deeds` says who may run which trials; ``peers/`` holds one file a
peer, whose time of change is its last beat, by the clock of the file server.
"""

from __future__ import annotations

import errno
import math
import os
import shutil
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import msgspec

from shoal.contracts import Grant, PeerStatus
from shoal.errors import StoreError
from shoal.files import UMASK, create_alone
from shoal.names import host_name
from shoal.records import AnyRecord, Defined, decode, encode
from shoal.stores.deeds import Deeds, file_name

PAGE_BYTES = 8 << 20  # about how much text is read at once
WHOLE = "~whole^"  # how the file of a study that is finished begins; no peer has such a name


class Beat(msgspec.Struct):
    peer: str
    host: str
    pid: int
    lease: float


@dataclass
class _Study:
    """What is known here of a study: where the batches lie, in the order in which they were found."""

    path: Path
    deeds: Deeds
    batches: list[tuple[str, int, int]] = field(default_factory=list)  # file, offset, length of the line
    seen: dict[str, int] = field(default_factory=dict)  # file -> how much of it is in batches
    born: tuple[int, int] = (0, 0)  # tells it from an earlier study of that name
    own: dict[str, str] = field(default_factory=dict)  # writer -> its file; none is ever begun anew
    torn: set[str] = field(default_factory=set)  # own files that an error left with half a line


class FolderStore:
    """The studies in a folder. Raises StoreError where it cannot be read or written."""

    def __init__(self, url: str, create: bool = True) -> None:
        self.url = url
        self._root = Path(url.removeprefix("dir:"))
        self._lock = threading.RLock()
        self._known: dict[str, _Study] = {}
        self._ahead, self._compared = 0.0, -math.inf  # of this host's seconds, the clock of the file server
        if not create and not self._root.is_dir():
            raise StoreError(f"there is no store {url}: no folder {self._root} here; give --store")
        with self._errors():
            self._root.mkdir(parents=True, exist_ok=True)

    # ------------------------------------------------------------------ studies

    def create(self, name: str, first: Defined) -> bool:
        with self._errors():
            made = Path(tempfile.mkdtemp(prefix=".new-", dir=self._root))
            try:
                for part in ("records", "peers", "grants", "claims"):
                    (made / part).mkdir()
                (made / "records" / file_name("")).write_bytes(_line([first]))
                (made / "name").write_text(name, encoding="utf-8")
                made.chmod(0o777 & ~UMASK)
                made.rename(self._root / file_name(name))
            except OSError:
                shutil.rmtree(made, ignore_errors=True)
                if (self._root / file_name(name)).is_dir():
                    return False
                raise
        self._known.pop(name, None)
        return True

    def studies(self) -> list[str]:
        with self._errors():
            paths = [path / "name" for path in self._root.iterdir() if not path.name.startswith(".")]
            return sorted(path.read_text(encoding="utf-8") for path in paths if path.is_file())

    def remove(self, name: str) -> None:
        with self._errors():
            trash = Path(tempfile.mkdtemp(prefix=".old-", dir=self._root))
            self._find(name).path.rename(trash / "study")
            shutil.rmtree(trash, ignore_errors=True)
        self._known.pop(name, None)

    def compact(self, study: str) -> None:
        """Bring the files of a study that is finished, and on which no peer works, into one."""
        with self._errors(), self._lock:
            kept = self._find(study)
            if any(status.alive for status in self.peers(study)):
                return
            sizes: dict[Path, int] = {}
            lines: dict[bytes, None] = {}
            try:
                for path in sorted((kept.path / "records").iterdir()):
                    data = path.read_bytes()
                    sizes[path] = len(data)
                    lines.update(dict.fromkeys(line for _, line in _lines(data, 0)))
                create_alone(kept.path / "records", WHOLE + token_hex(4), b"".join(lines))
            except FileNotFoundError:
                return  # another process brings them into one just now
            for path, size in sizes.items():
                if _size(path) == size:  # else somebody goes on with the study
                    path.unlink(missing_ok=True)

    # ------------------------------------------------------------------ records

    def append(self, study: str, writer: str, records: Sequence[AnyRecord]) -> None:
        line = _line(records)
        with self._errors(), self._lock:
            kept = self._find(study)
            name = kept.own.get(writer, "")
            if not name or not (kept.path / "records" / name).exists():  # readers know where they were in the old one
                name = kept.own[writer] = f"{file_name(writer)}^{token_hex(4)}"
            data = b"\n" + line if name in kept.torn else line
            descriptor = os.open(kept.path / "records" / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            kept.torn.add(name)
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
                os.fsync(descriptor)  # other hosts see what the file server has
            finally:
                os.close(descriptor)
            kept.torn.discard(name)

    def read(self, study: str, after: int, skip: str = "") -> tuple[list[AnyRecord], int]:
        with self._errors(), self._lock:
            kept = self._find(study)
            self._scan(kept)
            records: list[AnyRecord] = []
            size, mine = 0, f"{file_name(skip)}^" if skip else WHOLE + "none"
            while after < len(kept.batches):
                name, offset, length = kept.batches[after]
                after += 1
                if not name.startswith(mine):
                    try:
                        records += self._decode(study, kept.path / "records" / name, offset, length)
                    except FileNotFoundError:
                        self._scan(kept)  # it is in the one file that was made of all
                    size += length
                if size > PAGE_BYTES:
                    break
        return records, after

    def _scan(self, kept: _Study) -> None:
        """Find the batches that are new since the last look."""
        for entry in sorted(os.scandir(kept.path / "records"), key=lambda entry: entry.name):
            seen = kept.seen.get(entry.name, 0)
            if entry.name.startswith(".") or _size(entry) <= seen:
                continue
            try:
                with open(entry.path, "rb") as file:
                    file.seek(seen)
                    data = file.read()
            except FileNotFoundError:
                self._scan(kept)
                return
            for offset, line in _lines(data, seen):
                kept.batches.append((entry.name, offset, len(line)))
            kept.seen[entry.name] = seen + data.rfind(b"\n") + 1

    def _decode(self, study: str, path: Path, offset: int, length: int) -> list[AnyRecord]:
        with path.open("rb") as file:
            file.seek(offset)
            line = file.read(length)
        try:
            return decode(line[9:-1])
        except msgspec.DecodeError as error:
            raise StoreError(
                f"{self.url}: {path.name} of study {study!r} cannot be read at byte {offset} ({error}); it was written "
                "by another version of Shoal: update the one here, as with pip install -U shoal"
            ) from None

    # ------------------------------------------------------------------ numbers

    def take(self, study: str, peer: str, count: int, limit: int | None, settled: Sequence[int] = ()) -> Grant | None:
        with self._errors(), self._lock:
            return self._find(study).deeds.take(peer, count, limit, settled)

    def resume(self, study: str, peer: str, number: int, generation: int) -> Grant | None:
        with self._errors(), self._lock:
            return self._find(study).deeds.resume(peer, number, generation)

    def adopt(self, study: str, peer: str) -> list[Grant]:
        with self._errors(), self._lock:
            living = {status.peer for status in self.peers(study) if status.alive}
            return self._find(study).deeds.adopt(peer, living)

    def claim(self, study: str, key: str, peer: str) -> bool:
        with self._errors():
            return create_alone(self._find(study).path / "claims", file_name(key), peer.encode())

    # ------------------------------------------------------------------ peers

    def beat(self, study: str, peer: str, lease: float) -> None:
        with self._errors(), self._lock:
            path = self._find(study).path / "peers"
            data = msgspec.json.encode(Beat(peer, host_name(), os.getpid(), lease))
            create_alone(path, file_name(peer), data, replace=True)  # as of now, by the server's clock

    def leave(self, study: str, peer: str) -> None:
        with self._errors():
            (self._find(study).path / "peers" / file_name(peer)).unlink(missing_ok=True)

    def peers(self, study: str) -> list[PeerStatus]:
        with self._errors():
            folder = self._find(study).path / "peers"
            now = self._now(folder)
            found = []
            for path in sorted(folder.iterdir()):
                if path.name.startswith("."):
                    continue
                try:
                    beat, time = msgspec.json.decode(path.read_bytes(), type=Beat), path.stat().st_mtime
                except (FileNotFoundError, msgspec.DecodeError):
                    continue  # it left just now
                age = max(now - time, 0.0)
                found.append(PeerStatus(beat.peer, beat.host, beat.pid, age, age <= beat.lease))
            return found

    def _now(self, folder: Path) -> float:
        """The time by the clock that stamps files, which another host may have; looked at once a minute. Who may only
        read goes by this host's."""
        here = time.monotonic()
        if here - self._compared > 60.0:
            self._ahead = time.time() - here
            if os.access(folder.parent, os.W_OK):
                with tempfile.NamedTemporaryFile(prefix=".clock-", dir=folder.parent) as probe:
                    self._ahead = os.fstat(probe.fileno()).st_mtime - here
            self._compared = here
        return here + self._ahead

    def close(self) -> None:
        """Nothing is held open."""

    # ------------------------------------------------------------------ helpers

    def _find(self, study: str) -> _Study:
        path = self._root / file_name(study)
        try:
            stat = os.stat(path / "name")
        except (FileNotFoundError, NotADirectoryError):
            stat = None
        if stat is None:
            self._known.pop(study, None)
            known = ", ".join(map(repr, self.studies())) or "none"
            raise StoreError(f"{self.url} holds no study {study!r}; it holds: {known}")
        born = (stat.st_ino, stat.st_mtime_ns)
        if study not in self._known or self._known[study].born != born:
            self._known[study] = _Study(path, Deeds(path / "grants"), born=born)
        return self._known[study]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            hint = "make room and run `shoal resume`; what was written is safe" if full else (
                "the folder must be there, and writable, on every host"
            )  # fmt: skip
            raise StoreError(
                f"{self.url}: {error.strerror or error}: {error.filename or self._root}; {hint}"
            ) from error


def _size(entry: os.DirEntry[str] | Path) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return 0


def _line(records: Sequence[AnyRecord]) -> bytes:
    data = encode(records)
    return b"%08x %b\n" % (zlib.crc32(data), data)


def _lines(data: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The whole lines of a part of a file whose checksum is right, and where they begin."""
    place = 0
    while (end := data.find(b"\n", place)) >= 0:
        line = data[place : end + 1]
        if len(line) > 9 and line[:8] == b"%08x" % zlib.crc32(line[9:-1]):
            yield start + place, line
        place = end + 1
