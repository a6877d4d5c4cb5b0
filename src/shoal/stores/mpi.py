"""A journal that lives in the ranks of an MPI job: records travel as messages, numbers come from one-sided atomics.

Every rank holds all records. A batch is sent once to each other rank, without waiting; the first rank also writes it to
a store that outlasts the job. A number is granted, and a trial resumed, by whoever swaps an integer first in the window
of the rank that owns it. When a rank dies MPI ends the job: what was granted and did not end is then adopted, from the
lasting store, by the next.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from shoal.contracts import Grant, PeerStatus, Store
from shoal.errors import StoreError
from shoal.names import host_name
from shoal.records import AnyRecord, Defined, decode, encode
from shoal.vitals import gone

CELLS = 1 << 18  # trials of each rank that can be resumed
AHEAD = 256  # numbers that the lasting store grants to the job at once
TAG = 7
WINDOW = 0.001, 0.00025  # seconds between messages: at least, and for each rank, as each hears of all others
MISSES = 3  # looks without a message after which there is none: a look may do no more than bring the next one nearer
PAUSE = 0.002  # seconds between looks while others finish
LASTING = 0.05  # seconds after which what is new is written to the lasting store at the latest


class MpiStore:
    """One study, in the ranks of a communicator. All ranks make it, and `finish` it, together.

    ``lasting`` is the store behind it, on the first rank alone; ``name`` is the peer that holds the numbers there,
    below ``limit``.
    Raises StoreError where a study of another name is asked for.
    """

    def __init__(self, comm: Any, study: str, limit: int | None, lasting: Store | None, name: str) -> None:
        from mpi4py import MPI

        self.url = str(comm.bcast(lasting.url if lasting is not None else None, root=0))
        self.window = max(WINDOW[0], WINDOW[1] * comm.size)
        self._limit = limit
        self._mpi, self._comm, self._study = MPI, comm.Dup(), study
        self._lasting, self._name = lasting, name
        self._lock = threading.RLock()
        self._cells = MPI.Win.Allocate(8 * CELLS, 8, comm=self._comm)  # the first of rank 0 is the next number
        self._local = np.frombuffer(self._cells.tomemory(), np.int64)  # type: ignore[call-overload]
        self._local[:] = 0
        self._sends: list[tuple[Any, bytes]] = []
        self._sent, self._received = np.zeros(comm.size, int), np.zeros(comm.size, int)
        self._over = False
        self._unwritten: list[AnyRecord] = []  # that the lasting store does not have yet
        self._written = time.monotonic()
        self._granted = 0  # numbers below this one the lasting store knows of
        history = self._open()
        self._batches: list[tuple[str, bytes]] = self._comm.bcast(history, root=0)
        self._cells.Fence()
        self._cells.Lock_all()

    def _open(self) -> list[tuple[str, bytes]] | None:
        """On the first rank: what the lasting store holds."""
        if self._lasting is None:
            return None
        self._lasting.beat(self._study, self._name, 60.0)
        found, cursor = [], 0
        while True:
            records, after = self._lasting.read(self._study, cursor)
            if after == cursor:
                break
            found.append(("", encode(records)))
            cursor = after
        first = self._lasting.take(self._study, self._name, AHEAD, self._limit)
        if first is None:  # all numbers that there will be were granted before
            self._granted = self._local[0] = self._limit or 0
        else:
            self._granted, self._local[0] = first.stop, first.start
        return found

    # ------------------------------------------------------------------ messages

    def append(self, study: str, writer: str, records: Sequence[AnyRecord]) -> None:
        self._check(study)
        data = encode(records)
        message = msgspec.msgpack.encode((writer, data))
        with self._lock:
            self._batches.append((writer, data))
            for rank in range(self._comm.size):
                if rank != self._comm.rank:
                    request = self._comm.Isend([message, self._mpi.BYTE], dest=rank, tag=TAG)
                    self._sends.append((request, message))
                    self._sent[rank] += 1
            if self._lasting is not None:
                self._unwritten += records
        self._pump()

    def read(self, study: str, after: int, skip: str = "") -> tuple[list[AnyRecord], int]:
        self._check(study)
        self._pump()
        end = len(self._batches)
        new = [data for writer, data in self._batches[after:end] if not skip or writer != skip]
        return [record for data in new for record in decode(data)], end

    def tend(self) -> None:
        """Let messages and atomics make progress while the rank's own work does not."""
        self._pump()

    def _pump(self) -> None:
        """Take in what has arrived, and forget what has been sent."""
        if self._over:
            return
        with self._lock:
            status, misses = self._mpi.Status(), 0
            while misses < MISSES:
                message = self._comm.Improbe(self._mpi.ANY_SOURCE, TAG, status)
                if message is None:
                    misses += 1
                    continue
                misses = 0
                buffer = bytearray(status.Get_count(self._mpi.BYTE))
                message.Recv([buffer, self._mpi.BYTE])
                self._received[status.Get_source()] += 1
                writer, data = msgspec.msgpack.decode(bytes(buffer), type=tuple[str, bytes])
                self._batches.append((writer, data))
                if self._lasting is not None:
                    self._unwritten += decode(data)
            if self._unwritten and time.monotonic() - self._written > LASTING:
                self._write()
            self._sends = [sending for sending in self._sends if not sending[0].Test()]

    def _write(self) -> None:
        """To the lasting store, what it does not have yet."""
        if self._lasting is not None and self._unwritten:
            self._lasting.append(self._study, self._name, self._unwritten)
            self._unwritten = []
        self._written = time.monotonic()

    # ------------------------------------------------------------------ numbers

    def take(self, study: str, peer: str, count: int, limit: int | None, settled: Sequence[int] = ()) -> Grant | None:
        self._check(study)
        self._cover()
        while True:
            start = self._swap(0, 0, 0, 0)
            stop = start + count if limit is None else min(start + count, limit)
            if stop <= start:
                return None
            if self._swap(0, 0, start, stop) == start:
                return Grant(start, stop)

    def _cover(self) -> None:
        """On the first rank: have the lasting store know that the job holds all numbers that were granted here."""
        if self._lasting is None:
            return
        with self._lock:
            while (behind := self._swap(0, 0, 0, 0) + AHEAD // 2 - self._granted) > 0:
                grant = self._lasting.take(self._study, self._name, max(behind, AHEAD), self._limit)
                if grant is None:
                    return
                self._granted = grant.stop

    def resume(self, study: str, peer: str, number: int, generation: int) -> Grant | None:
        self._check(study)
        place, owner = divmod(number, self._comm.size)
        if place + 1 >= CELLS:
            raise StoreError(f"trial {number} cannot be resumed: each rank of an MPI job keeps track of {CELLS - 1}")
        known = self._swap(owner, place + 1, 0, 0)
        if known >= generation or self._swap(owner, place + 1, known, generation) != known:
            return None
        return Grant(number, number + 1, generation, origin=generation)

    def _swap(self, rank: int, cell: int, expected: int, new: int) -> int:
        """Compare a cell and swap it; returns what was there. With 0 and 0, a look."""
        with self._lock:
            told, put = np.array([expected], np.int64), np.array([new], np.int64)
            found = np.zeros(1, np.int64)
            self._cells.Compare_and_swap(put, told, found, rank, cell)
            self._cells.Flush(rank)
            return int(found[0])

    def adopt(self, study: str, peer: str) -> list[Grant]:
        """On the first rank: what an earlier job was granted, which had died or dies now."""
        if self._lasting is None:
            return []
        for other in self._lasting.peers(self._study):
            if gone(other):
                self._lasting.leave(self._study, other.peer)
        return self._lasting.adopt(self._study, self._name)

    def claim(self, study: str, key: str, peer: str) -> bool:
        raise StoreError("an MPI job has no claims by name")

    # ------------------------------------------------------------------ peers

    def beat(self, study: str, peer: str, lease: float) -> None:
        """The ranks live and die together; the job's own beat goes to the lasting store."""
        self._pump()
        if self._lasting is not None:
            self._lasting.beat(self._study, self._name, lease)

    def leave(self, study: str, peer: str) -> None:
        """A rank leaves with the others, in `finish`."""

    def peers(self, study: str) -> list[PeerStatus]:
        return [PeerStatus(f"rank {rank}", host_name(), os.getpid(), 0.0, True) for rank in range(self._comm.size)]

    def finish(self) -> None:
        """Wait until every rank has all that any rank wrote. All ranks call it; it ends the store."""
        barrier = self._comm.Ibarrier()
        while not barrier.Test():
            self._pump()
            time.sleep(PAUSE)
        expected = self._comm.alltoall(self._sent.tolist())
        while self._received.tolist() != expected or self._sends:
            self._pump()
            time.sleep(PAUSE)
        if self._lasting is not None:
            self._write()
            self._lasting.leave(self._study, self._name)
        self._over = True
        self._local = np.empty(0, np.int64)
        self._cells.Unlock_all()
        self._cells.Free()
        self._comm.Free()

    def close(self) -> None:
        """`finish` does it, on all ranks."""

    # ------------------------------------------------------------------ one study alone

    def create(self, name: str, first: Defined) -> bool:
        self._check(name)
        return False

    def studies(self) -> list[str]:
        return [self._study]

    def remove(self, name: str) -> None:
        raise StoreError("a study that an MPI job works on cannot be removed by it")

    def _check(self, study: str) -> None:
        if study != self._study:
            raise StoreError(f"{self.url} holds no study {study!r}; it holds: {self._study!r}")
