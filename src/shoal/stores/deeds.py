"""Who may run which trials, as files that appear whole or not at all, and that only one process can create.

A grant is a file ``KEY.GENERATION`` whose text names its peer: the one of the highest generation holds. KEY is the
first number, or ``rNUMBER.ORIGIN`` for a trial that was resumed as attempt ORIGIN. ``KEY.settled`` says that all of its
trials have ended.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection, Sequence
from hashlib import sha1
from pathlib import Path
from urllib.parse import quote

import msgspec

from shoal.contracts import Grant

UMASK = os.umask(0)  # there is no other way to look
os.umask(UMASK)


class Deed(msgspec.Struct, frozen=True):
    """What a grant's file holds."""

    peer: str
    start: int
    stop: int
    generation: int
    origin: int = 0

    @property
    def grant(self) -> Grant:
        return Grant(self.start, self.stop, self.generation, self.origin)

    @property
    def key(self) -> str:
        return f"r{self.start:09d}.{self.origin:04d}" if self.origin else f"{self.start:012d}"


class Deeds:
    """The grants of a study, in a folder. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Deed] = {}  # file -> what it says; it never changes
        self._settled: set[str] = set()
        self._next = 0  # the first number that is not known to be granted

    def take(self, peer: str, count: int, limit: int | None, settled: Sequence[int]) -> Grant | None:
        for key in settled:
            self._settle(peer, key)
        while True:
            stop = self._next + count if limit is None else min(self._next + count, limit)
            deed = Deed(peer, self._next, stop, 0)
            if stop <= self._next:
                if not self._beyond():
                    return None
            elif self._create(deed):
                self._next = stop
                return deed.grant
            else:
                self._beyond()

    def _beyond(self) -> bool:
        """Step over a grant that another was given; False where there is none."""
        name = f"{self._next:012d}.0000"
        try:
            self._next = self._read(name).stop
        except FileNotFoundError:
            return False
        return True

    def resume(self, peer: str, number: int, generation: int) -> Grant | None:
        deed = Deed(peer, number, number + 1, generation, generation)
        return deed.grant if self._create(deed) else None

    def adopt(self, peer: str, living: Collection[str]) -> list[Grant]:
        adopted = []
        for deed in self._held():
            if deed.peer != peer and deed.peer not in living:
                mine = Deed(peer, deed.start, deed.stop, deed.generation + 1, deed.origin)
                if self._create(mine):
                    adopted.append(mine.grant)
        return adopted

    def _held(self) -> list[Deed]:
        """The latest deed of each grant that is not settled; of a trial that was resumed often, the last counts."""
        for name in os.listdir(self._path):
            if name.endswith(".settled"):
                self._settled.add(name.removesuffix(".settled"))
            elif not name.startswith("."):
                self._read(name)
        latest: dict[str, Deed] = {}
        resumed: dict[int, Deed] = {}
        for deed in self._known.values():
            if deed.key not in latest or latest[deed.key].generation < deed.generation:
                latest[deed.key] = deed
            if deed.origin and (deed.start not in resumed or resumed[deed.start].origin < deed.origin):
                resumed[deed.start] = deed
        return [
            deed for key, deed in sorted(latest.items())
            if key not in self._settled and (not deed.origin or resumed[deed.start].origin == deed.origin)
        ]  # fmt: skip

    def _settle(self, peer: str, key: int) -> None:
        mine = [deed for deed in self._known.values() if deed.grant.key == key and deed.peer == peer]
        if not mine:
            return
        deed = max(mine, key=lambda deed: (deed.origin, deed.generation))
        if not (self._path / f"{deed.key}.{deed.generation + 1:04d}").exists():  # no one has adopted it
            create_alone(self._path, f"{deed.key}.settled", b"")

    def _create(self, deed: Deed) -> bool:
        name = f"{deed.key}.{deed.generation:04d}"
        made = create_alone(self._path, name, msgspec.json.encode(deed))
        if made:
            self._known[name] = deed
        return made

    def _read(self, name: str) -> Deed:
        if name not in self._known:
            self._known[name] = msgspec.json.decode((self._path / name).read_bytes(), type=Deed)
        return self._known[name]


def create_alone(folder: Path, name: str, data: bytes, replace: bool = False) -> bool:
    """Create a file whole; of all that try, one succeeds, unless it is to be replaced. Raises OSError."""
    descriptor, path = tempfile.mkstemp(prefix=".", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o666 & ~UMASK)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(path, folder / name)
            return True
        try:
            os.link(path, folder / name)
        except FileExistsError:
            return False
        return True
    finally:
        if not replace or os.path.exists(path):
            os.unlink(path)


def file_name(name: str) -> str:
    """A name that any file system takes, for any text: no two have the same, and none leads elsewhere."""
    safe = "_" + quote(name, safe=" ")
    return safe if len(safe) <= 180 else f"{safe[:130]}~{sha1(name.encode()).hexdigest()}"
