"""What a peer must do while its main thread is busy training: beat, and write what is due."""

from __future__ import annotations

import threading
from contextlib import suppress
from time import monotonic

from shoal.errors import StoreError
from shoal.journal import WINDOW, Journal


class Pulse:
    """A thread that beats for a peer every quarter of its lease. A store that does not answer is tried again.

    A flush that fails keeps its records; the peer's own next flush meets the same error, and raises it.
    """

    def __init__(self, journal: Journal, lease: float) -> None:
        self._journal, self._lease = journal, lease
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="shoal-pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._journal.store.beat(self._journal.study, self._journal.writer, self._lease)
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        beaten = monotonic()
        tend = getattr(self._journal.store, "tend", lambda: None)  # what a store wants done often
        while not self._ended.wait(WINDOW):
            with suppress(StoreError):
                if monotonic() - beaten >= self._lease / 4:
                    self._journal.store.beat(self._journal.study, self._journal.writer, self._lease)
                    beaten = monotonic()
                self._journal.flush_if_due()
                tend()
