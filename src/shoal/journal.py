"""A peer's way to the journal: appends are grouped, and what the others wrote is folded into its history."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from shoal.contracts import Clock, Store
from shoal.errors import StoreError
from shoal.history import History
from shoal.records import AnyRecord, Defined

WINDOW = 0.05  # seconds of work that are at risk when a peer is killed; it is then simply run again


class Journal:
    """The records of one study, seen and written by one peer.

    ``append`` and ``sync`` belong to the thread of the peer loop; ``flush`` may be called from any.
    """

    window = WINDOW

    def __init__(self, store: Store, study: str, writer: str, clock: Clock) -> None:
        self.store, self.study, self.writer, self._clock = store, study, writer, clock
        self.window = getattr(store, "window", WINDOW)
        self._lock = threading.Lock()
        self._buffer: list[AnyRecord] = []
        self._oldest = 0.0
        self.changes: list[str] = []  # how the study was redefined by whoever opened this
        self._listener: Callable[[AnyRecord], None] | None = None
        self.history = self._load()

    def _load(self) -> History:
        history: History | None = None
        self._cursor = 0
        for records in self._pages(""):
            if history is None:
                first = next((record for record in records if type(record) is Defined), None)
                if first is None:
                    break
                history = History(first.definition, first.version, first.time)
            history.fold_all(records)
            if history.newer is not None:  # its definition came later: begin anew with that one
                history = History(history.newer.definition, history.newer.version, history.newer.time)
                self._cursor = 0
        if history is None:
            raise StoreError(f"{self.store.url} holds no definition of study {self.study!r}")
        return history

    def _pages(self, skip: str) -> Iterator[list[AnyRecord]]:
        """What is new in the store, a part at a time, so that no one holds a whole journal at once."""
        while True:
            before = self._cursor
            records, self._cursor = self.store.read(self.study, before, skip)
            if self._cursor == before:
                return
            yield records

    def pages(self) -> Iterator[list[AnyRecord]]:
        """All records that the store holds, a part at a time, for whoever looks at more than their fold."""
        cursor, before = 0, -1
        while cursor != before:
            before = cursor
            records, cursor = self.store.read(self.study, before)
            yield records

    def reload(self) -> History:
        """Begin anew with the latest definition."""
        self.flush()
        self.history = self._load()
        return self.history

    def listen(self, listener: Callable[[AnyRecord], None]) -> None:
        """Have a listener told every record that the history takes in from now on."""
        self._listener = listener

    def append(self, record: AnyRecord) -> None:
        """Fold a record of this peer's own and write it with the next group, within ``window`` seconds."""
        self._fold(record)
        now = self._clock.monotonic()
        with self._lock:
            if not self._buffer:
                self._oldest = now
            self._buffer.append(record)
        if now - self._oldest > self.window:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting, in one transaction."""
        with self._lock:
            if self._buffer:
                self.store.append(self.study, self.writer, self._buffer)
                self._buffer = []

    def flush_if_due(self) -> None:
        if self._buffer and self._clock.monotonic() - self._oldest > self.window:
            self.flush()

    def sync(self) -> int:
        """Write what is waiting and fold all that others wrote; returns how many records came in."""
        self.flush()
        return sum(self._fold_all(records) for records in self._pages(self.writer))

    def glance(self) -> int:
        """As `sync`, but of what others wrote a part may be left for the next time: it asks the store but once."""
        self.flush()
        return self._fold_all(next(self._pages(self.writer), []))

    def _fold_all(self, records: list[AnyRecord]) -> int:
        for record in records:
            self._fold(record)
        return len(records)

    def _fold(self, record: AnyRecord) -> None:
        if self.history.fold(record) and self._listener is not None:
            self._listener(record)
