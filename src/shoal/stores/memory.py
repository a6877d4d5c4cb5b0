"""A store in this process's memory: for ask and tell, for tests and for simulations. Gone when the process ends."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic

from shoal.contracts import Grant, PeerStatus
from shoal.errors import StoreError
from shoal.names import host_name
from shoal.records import AnyRecord, Defined, decode, encode


@dataclass
class _Study:
    batches: list[tuple[str, bytes]] = field(default_factory=list)
    next: int = 0
    grants: dict[int, tuple[str, Grant]] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    beats: dict[str, tuple[float, float]] = field(default_factory=dict)  # peer -> when, lease


class MemoryStore:
    """Keeps records encoded, as the other stores do: a tenth of what they take as objects."""

    def __init__(self, url: str = "memory://", now: Callable[[], float] = monotonic) -> None:
        self.url = url
        self._now = now
        self._lock = threading.Lock()
        self._studies: dict[str, _Study] = {}

    def create(self, name: str, first: Defined) -> bool:
        with self._lock:
            if name in self._studies:
                return False
            self._studies[name] = _Study([("", encode([first]))])
            return True

    def studies(self) -> list[str]:
        return list(self._studies)

    def remove(self, name: str) -> None:
        with self._lock:
            self._find(name)
            del self._studies[name]

    def append(self, study: str, writer: str, records: Sequence[AnyRecord]) -> None:
        data = encode(records)
        with self._lock:
            self._find(study).batches.append((writer, data))

    def read(self, study: str, after: int, skip: str = "") -> tuple[list[AnyRecord], int]:
        batches = self._find(study).batches
        end = len(batches)
        new = [data for writer, data in batches[after:end] if not skip or writer != skip]
        return [record for data in new for record in decode(data)], end

    def take(self, study: str, peer: str, count: int, limit: int | None, settled: Sequence[int] = ()) -> Grant | None:
        with self._lock:
            kept = self._find(study)
            for key in settled:
                if kept.grants.get(key, ("", None))[0] == peer:
                    del kept.grants[key]
            stop = kept.next + count if limit is None else min(kept.next + count, limit)
            if stop <= kept.next:
                return None
            grant = Grant(kept.next, stop)
            kept.grants[kept.next] = (peer, grant)
            kept.next = stop
            return grant

    def resume(self, study: str, peer: str, number: int, generation: int) -> Grant | None:
        if not self.claim(study, f"resume {number} {generation}", peer):
            return None
        with self._lock:
            grant = Grant(number, number + 1, generation, origin=generation)
            self._find(study).grants[grant.key] = (peer, grant)
            return grant

    def adopt(self, study: str, peer: str) -> list[Grant]:
        with self._lock:
            kept = self._find(study)
            adopted = []
            for key, (owner, grant) in kept.grants.items():
                if owner != peer and not self._alive(kept, owner):
                    grant = replace(grant, generation=grant.generation + 1)
                    kept.grants[key] = (peer, grant)
                    adopted.append(grant)
            return adopted

    def claim(self, study: str, key: str, peer: str) -> bool:
        with self._lock:
            claims = self._find(study).claims
            if key in claims:
                return False
            claims[key] = peer
            return True

    def beat(self, study: str, peer: str, lease: float) -> None:
        with self._lock:
            self._find(study).beats[peer] = (self._now(), lease)

    def leave(self, study: str, peer: str) -> None:
        with self._lock:
            self._find(study).beats.pop(peer, None)

    def peers(self, study: str) -> list[PeerStatus]:
        kept = self._find(study)
        return [
            PeerStatus(peer, host_name(), os.getpid(), self._now() - when, self._alive(kept, peer))
            for peer, (when, _) in kept.beats.items()
        ]

    def close(self) -> None:
        self._studies.clear()

    def _alive(self, kept: _Study, peer: str) -> bool:
        when, lease = kept.beats.get(peer, (float("-inf"), 0.0))
        return self._now() - when <= lease

    def _find(self, study: str) -> _Study:
        try:
            return self._studies[study]
        except KeyError:
            known = ", ".join(map(repr, self._studies)) or "none"
            raise StoreError(f"{self.url} holds no study {study!r}; it holds: {known}") from None
