"""Who may run which trials, as files that appear whole or not at all, and that only one process can create.

A grant is a file ``KEY.GENERATION`` whose text names its peer: the one of the highest generation holds. KEY is the
first number, or ``rNUMBER.ORIGIN`` for a trial that was resumed as attempt ORIGIN. ``KEY.settled`` says that all of its
trials have ended. Those of each thousand numbers lie in a folder of their own: so whoever looks for what is held lists
the few that have changed, however long the study.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from hashlib import sha1
from pathlib import Path
from urllib.parse import quote

import msgspec

from shoal.contracts import Grant
from shoal.files import create_alone

EACH = 1_000  # numbers to a folder
STILL = 2.0  # seconds that a folder is listed again after it changed: its time may have no finer steps


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
        self._of: dict[int, list[Deed]] = {}  # the same by the grants' keys
        self._settled: set[str] = set()
        self._open: dict[str, Deed] = {}  # the latest of each grant that is not settled
        self._resumed: dict[int, Deed] = {}  # trial -> the latest of those that it was resumed under
        self._listed: dict[str, tuple[int, float, float]] = {}  # folder -> its time, when that was new, and listed last
        self._next = -1  # the first number that is not known to be granted

    def take(self, peer: str, count: int, limit: int | None, settled: Sequence[int]) -> Grant | None:
        for key in settled:
            self._settle(peer, key)
        if self._next < 0:
            self._next = self._latest()
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

    def _latest(self) -> int:
        """The first number of a grant that is among the last thousand: all before it are granted."""
        for folder in sorted(os.listdir(self._path), reverse=True):
            found = [name for name in os.listdir(self._path / folder) if name[0].isdigit() and name.endswith(".0000")]
            if found:
                return int(min(found).split(".")[0])
        return 0

    def _beyond(self) -> bool:
        """Step over a grant that another was given; False where there is none."""
        try:
            self._next = self._read(f"{self._next:012d}.0000", self._folder(self._next)).stop
        except FileNotFoundError:
            return False
        return True

    def resume(self, peer: str, number: int, generation: int) -> Grant | None:
        deed = Deed(peer, number, number + 1, generation, generation)
        return deed.grant if self._create(deed) else None

    def adopt(self, peer: str, living: Collection[str]) -> list[Grant]:
        self._look()
        adopted = []
        for deed in sorted(self._open.values(), key=lambda deed: deed.key):
            if deed.peer != peer and deed.peer not in living:
                mine = Deed(peer, deed.start, deed.stop, deed.generation + 1, deed.origin)
                if self._create(mine):
                    adopted.append(mine.grant)
        return adopted

    def _look(self) -> None:
        """Read what is new, in the folders that have changed."""
        for folder in os.scandir(self._path):
            changed, now = folder.stat().st_mtime_ns, time.monotonic()
            before, since, listed = self._listed.get(folder.name, (-1, now, now))
            if before == changed and listed - since > STILL:
                continue
            for name in os.listdir(folder.path):
                if name.endswith(".settled"):
                    self._settled.add(name.removesuffix(".settled"))
                    self._open.pop(name.removesuffix(".settled"), None)
                elif not name.startswith("."):
                    self._read(name, folder.name)
            self._listed[folder.name] = changed, since if before == changed else now, now

    def _settle(self, peer: str, key: int) -> None:
        mine = [deed for deed in self._of.get(key, ()) if deed.peer == peer]
        if not mine:
            return
        deed = max(mine, key=lambda deed: (deed.origin, deed.generation))
        folder = self._path / self._folder(deed.start)
        if not (folder / f"{deed.key}.{deed.generation + 1:04d}").exists():  # no one has adopted it
            create_alone(folder, f"{deed.key}.settled", b"")
            self._settled.add(deed.key)
            self._open.pop(deed.key, None)

    def _create(self, deed: Deed) -> bool:
        name, folder = f"{deed.key}.{deed.generation:04d}", self._path / self._folder(deed.start)
        try:
            made = create_alone(folder, name, msgspec.json.encode(deed))
        except FileNotFoundError:
            folder.mkdir(exist_ok=True)
            made = create_alone(folder, name, msgspec.json.encode(deed))
        if made:
            self._remember(name, deed)
        return made

    def _read(self, name: str, folder: str) -> Deed:
        if name not in self._known:
            self._remember(name, msgspec.json.decode((self._path / folder / name).read_bytes(), type=Deed))
        return self._known[name]

    def _remember(self, name: str, deed: Deed) -> None:
        self._known[name] = deed
        self._of.setdefault(deed.grant.key, []).append(deed)
        if deed.origin:
            latest = self._resumed.get(deed.start, deed)
            if latest.origin > deed.origin:
                return
            if latest.origin < deed.origin:
                self._open.pop(latest.key, None)
            self._resumed[deed.start] = deed
        held = self._open.get(deed.key)
        if deed.key not in self._settled and (held is None or held.generation < deed.generation):
            self._open[deed.key] = deed

    @staticmethod
    def _folder(number: int) -> str:
        return f"{number // EACH:09d}"


def file_name(name: str) -> str:
    """A name that any file system takes, for any text: no two have the same, and none leads elsewhere."""
    safe = "_" + quote(name, safe=" ")
    return safe if len(safe) <= 180 else f"{safe[:130]}~{sha1(name.encode()).hexdigest()}"
