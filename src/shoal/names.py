"""Names that no other process has, and those of signals."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path


@cache
def host_name() -> str:
    """This host and its process numbers: two hosts, boots or containers never have the same, whatever they are
    called."""
    numbers = b""
    with suppress(OSError):  # Linux alone tells
        numbers = Path("/proc/sys/kernel/random/boot_id").read_bytes() + os.readlink("/proc/self/ns/pid").encode()
    return f"{socket.gethostname()[:100]}/{zlib.crc32(numbers):08x}"


def peer_name() -> str:
    """A name for a peer: the host and a random number."""
    return f"{socket.gethostname().split('.')[0][:60]}-{secrets.token_hex(4)}"


def signal_name(number: int) -> str:
    """SIGKILL for 9; those of real time have a number alone.

    >>> signal_name(9), signal_name(37)
    ('SIGKILL', 'signal 37')
    """
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
