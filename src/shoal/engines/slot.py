"""What a peer is running right now, in memory that it shares with its supervisor: it is there even after kill -9."""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time

_LAYOUT = struct.Struct("<qqd")


class Slot:
    """Trial number, attempt, and when it began by the machine's monotonic clock."""

    def __init__(self, descriptor: int | None = None) -> None:
        if descriptor is None:
            descriptor, path = tempfile.mkstemp(prefix="shoal-slot-")
            os.unlink(path)
            os.write(descriptor, _LAYOUT.pack(-1, -1, 0.0))
        self.descriptor = descriptor
        self._memory = mmap.mmap(descriptor, _LAYOUT.size)

    def write(self, number: int, attempt: int) -> None:
        _LAYOUT.pack_into(self._memory, 0, number, attempt, time.monotonic())

    def read(self) -> tuple[int, int, float]:
        """Number and attempt (-1: none) and for how many seconds it has been running."""
        number, attempt, began = _LAYOUT.unpack_from(self._memory, 0)
        return number, attempt, time.monotonic() - began

    def close(self) -> None:
        self._memory.close()
        os.close(self.descriptor)
