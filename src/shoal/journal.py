"""A peer's way to the journal: appends are grouped, and what the others wrote is folded into its history."""

from __future__ import annotations

import threading
from collections.abc import Callable

from shoal.contracts import Clock, Store
from shoal.errors import StoreError
from shoal.history import History
from shoal.records import AnyRecord, Defined

WINDOW = 0.05  # seconds of work that are at risk when a peer is killed; it is then simply run again


class Journal:
    """The records of one study, seen and written by one peer.

    ``append`` and ``sync`` belong to the thread of the peer loop; ``flush`` may be called from any.
    """

    def __init__(self, store: Store, study: str, writer: str, clock: Clock) -> None:
        self.store, self.study, self.writer, self._clock = store, study, writer, clock
        self._lock = threading.Lock()
        self._buffer: list[AnyRecord] = []
        self._oldest = 0.0
        self._listener: Callable[[AnyRecord], None] | None = None
        self.history = self._load()

    def _load(self) -> History:
        records, self._cursor = self.store.read(self.study, 0)
        newest = max((r for r in records if type(r) is Defined), key=lambda r: r.version, default=None)
        if newest is None:
            raise StoreError(f"{self.store.url} holds no definition of study {self.study!r}")
        history = History(newest.definition, newest.version)
        history.fold_all(records)
        return history

    def reload(self) -> History:
        """Begin anew with the latest definition."""
        self.flush()
        self.history = self._load()
        return self.history

    def listen(self, listener: Callable[[AnyRecord], None]) -> None:
        """Have a listener told every record that the history takes in from now on."""
        self._listener = listener

    def append(self, record: AnyRecord) -> None:
        """Fold a record of this peer's own and write it with the next group, within `WINDOW` seconds."""
        self._fold(record)
        now = self._clock.monotonic()
        with self._lock:
            if not self._buffer:
                self._oldest = now
            self._buffer.append(record)
        if now - self._oldest > WINDOW:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting, in one transaction."""
        with self._lock:
            if self._buffer:
                self.store.append(self.study, self.writer, self._buffer)
                self._buffer = []

    def flush_if_due(self) -> None:
        if self._buffer and self._clock.monotonic() - self._oldest > WINDOW:
            self.flush()

    def sync(self) -> int:
        """Write what is waiting and fold what others wrote; returns how many records came in."""
        self.flush()
        records, self._cursor = self.store.read(self.study, self._cursor, self.writer)
        for record in records:
            self._fold(record)
        return len(records)

    def _fold(self, record: AnyRecord) -> None:
        if self.history.fold(record) and self._listener is not None:
            self._listener(record)
