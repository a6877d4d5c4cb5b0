"""Names that no other process has."""

from __future__ import annotations

import secrets
import socket


def peer_name() -> str:
    """A name for a peer: the host and a random number."""
    return f"{socket.gethostname().split('.')[0][:60]}-{secrets.token_hex(4)}"
