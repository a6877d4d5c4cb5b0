"""Which peers are alive: by their leases, and on this host by their processes."""

from __future__ import annotations

import psutil

from shoal.contracts import PeerStatus, Store
from shoal.names import host_name


def gone(peer: PeerStatus) -> bool:
    """Whether a peer of this host has no process any more: no one need wait for its lease."""
    return peer.host == host_name() and not psutil.pid_exists(peer.pid)


def sweep(store: Store, study: str) -> None:
    """Let others have at once what is held by peers of this host that have no process any more."""
    for peer in store.peers(study):
        if gone(peer):
            store.leave(study, peer.peer)


def living(store: Store, study: str) -> list[PeerStatus]:
    """The peers that are at work on a study."""
    return [peer for peer in store.peers(study) if peer.alive and not gone(peer)]
