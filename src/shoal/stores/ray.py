"""A journal that lives in an actor of a Ray cluster: it holds an SQL store on the head node, and does as peers ask.

P. Moritz et al.: Ray: A Distributed Framework for Emerging AI Applications. OSDI 2018.

The actor knows nothing that is not in the store: it may be killed at any time, and whoever calls next begins another.
What the call came to that it died in is then looked up in the store, so that no number is granted to nobody.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from shoal.contracts import Grant, PeerStatus
from shoal.errors import StoreError
from shoal.names import host_name
from shoal.records import AnyRecord, Defined, decode, encode
from shoal.stores.database import masked
from shoal.stores.sql import SqlStore

NAMESPACE = "shoal"
HEAD = {"node:__internal_head__": 0.001}  # a resource that Ray gives to the head node alone
THREADS = 16  # calls that the actor answers at once
PATIENCE = 30.0  # seconds that the actor may be away; Ray ends processes that miss their head for 60
ANSWER = 200.0  # seconds for one answer; a database that restarts is waited for, 120 at most
IDLE = 120.0  # seconds without a call after which the actor ends
PAUSES = (0.05, 1.0)  # the first, and the longest, before it is called again
TRIES = 3  # to connect, where the proxy of a cluster answers but gets no server up in its own time, 30 s


def connect(address: str | None, start: bool = True) -> Any:
    """Ray, connected to the cluster of an address unless it is connected already.

    None means RAY_ADDRESS, or the cluster that runs here, or, with ``start``, one that is begun for this process alone.
    Raises StoreError where Ray is not installed, or no cluster answers.
    """
    hook = sys.excepthook
    try:
        import ray
    except ImportError as error:
        raise StoreError(f"Ray is not installed here ({error}): pip install 'shoal[ray]'") from None
    sys.excepthook = hook  # Ray's own asks the head before it shows an error, also one that says the head is gone
    if not ray.is_initialized():
        place = address or (None if start or os.environ.get("RAY_ADDRESS") else "auto")
        try:
            _begin(ray, place)
        except (ConnectionError, RuntimeError, ValueError, AssertionError) as error:
            raise StoreError(
                f"no Ray cluster answers at {place or 'RAY_ADDRESS'}: {str(error).strip().splitlines()[0]}; "
                "`ray start --head` starts one, and `ray status` says whether it is up"
            ) from None
    return ray


def _begin(ray: Any, place: str | None) -> None:
    for tries_left in reversed(range(TRIES)):
        try:
            ray.init(place, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
            return
        except ConnectionAbortedError:
            if not tries_left:
                raise


class RayStore:
    """Studies in the SQL store of a URL, which an actor on the head node opens: a file's path is one of that node.

    Raises StoreError where Ray is not installed, or no cluster answers.
    """

    def __init__(self, url: str) -> None:
        if url.startswith(("memory", "dir:", "ray:")):
            raise StoreError(f"{url!r}: an actor of Ray holds an SQL store, such as ray:sqlite:////data/study.db")
        self._ray = connect(None, start=False)
        self._secret, self.url = url, masked(url)
        self._name = f"shoal-journal-{sha256(url.encode()).hexdigest()[:16]}"
        self._actor: Any = None
        self._lock = threading.Lock()
        self._away = 0.0  # since when the actor has not answered; 0: it does
        self._held: set[int] = set()  # the keys of grants that are known here

    # ------------------------------------------------------------------ studies

    def create(self, name: str, first: Defined) -> bool:
        return bool(self._ask("create", name, encode([first])))

    def studies(self) -> list[str]:
        return list(self._ask("studies"))

    def remove(self, name: str) -> None:
        self._ask("remove", name)

    # ------------------------------------------------------------------ records

    def append(self, study: str, writer: str, records: Sequence[AnyRecord]) -> None:
        self._ask("append", study, writer, encode(records))

    def read(self, study: str, after: int, skip: str = "") -> tuple[list[AnyRecord], int]:
        data, cursor = self._ask("read", study, after, skip)
        return decode(data), cursor

    # ------------------------------------------------------------------ numbers

    def take(self, study: str, peer: str, count: int, limit: int | None, settled: Sequence[int] = ()) -> Grant | None:
        grant = self._granted(self._ask("take", study, peer, count, limit, list(settled), known=True))
        self._held.difference_update(settled)
        return grant

    def resume(self, study: str, peer: str, number: int, generation: int) -> Grant | None:
        return self._granted(self._ask("resume", study, peer, number, generation))

    def adopt(self, study: str, peer: str) -> list[Grant]:
        return [grant for fields in self._ask("adopt", study, peer, known=True) if (grant := self._granted(fields))]

    def claim(self, study: str, key: str, peer: str) -> bool:
        return bool(self._ask("claim", study, key, peer))

    def _granted(self, fields: Sequence[int] | None) -> Grant | None:
        if fields is None:
            return None
        grant = Grant(*fields)
        self._held.add(grant.key)
        return grant

    # ------------------------------------------------------------------ peers

    def beat(self, study: str, peer: str, lease: float) -> None:
        self._ask("beat", study, peer, lease, host_name(), os.getpid())

    def leave(self, study: str, peer: str) -> None:
        self._ask("leave", study, peer)

    def peers(self, study: str) -> list[PeerStatus]:
        return [PeerStatus(*fields) for fields in self._ask("peers", study)]

    def close(self) -> None:
        """End the actor, unless peers work with it. Whoever calls next begins another."""
        with self._lock:
            actor, self._actor = self._actor, None
        if actor is not None and not self._away and self._ray.is_initialized():
            try:
                vacant = self._ray.get(actor.vacant.remote(), timeout=ANSWER)
            except (self._ray.exceptions.RayError, ConnectionError, StoreError):
                return  # it is gone, or cannot tell: it ends by itself when no one calls
            if vacant:
                self._ray.kill(actor)

    # ------------------------------------------------------------------ the way there

    def _ask(self, method: str, *arguments: Any, known: bool = False) -> Any:
        """What a method of the actor answers. One that dies is called again, for a while."""
        tries = 0
        while True:
            again = {"held": sorted(self._held) if known else []} if tries else None
            try:
                wait = max(self._away + PATIENCE - time.monotonic(), 1.0) if self._away else ANSWER
                problem, answer = self._ray.get(self._found().do.remote(method, arguments, again), timeout=wait)
                break
            except Exception as error:  # noqa: BLE001 - a client whose cluster is gone raises a bare one
                self._endure(error, tries)
                tries += 1
        self._away = 0.0
        if problem:
            raise StoreError(problem)
        return answer

    def _found(self) -> Any:
        """The actor, begun if need be."""
        with self._lock:
            if self._actor is None:
                self._actor = self._ray.remote(Keeper).options(
                    name=self._name, namespace=NAMESPACE, get_if_exists=True, lifetime="detached", max_restarts=-1,
                    max_concurrency=THREADS, num_cpus=0, resources=HEAD,
                ).remote(self._secret)  # fmt: skip
            return self._actor

    def _endure(self, error: Exception, tries: int) -> None:
        """Wait a little until the actor, or the head node, is there again. Raises StoreError once that takes too
        long."""
        now = time.monotonic()
        self._away = self._away or now
        known = self._ray.exceptions
        hopeless = isinstance(error, known.GetTimeoutError | known.RayTaskError)  # it may yet do it; it failed
        if hopeless or not self._ray.is_initialized() or now - self._away > PATIENCE:
            said = str(error).strip().splitlines() or [type(error).__name__]
            raise StoreError(
                f"{self.url}: the journal's actor on the head node of the Ray cluster does not answer: {said[-1]}; "
                "start the cluster again if it is down, then tune again: nothing that was written is lost"
            ) from error
        if isinstance(error, known.ActorDiedError):  # for good, unlike one that is unavailable
            with self._lock:
                self._actor = None
        time.sleep(min(PAUSES[0] * 2**tries, PAUSES[1]) * random.uniform(0.5, 1.0))


class Keeper:
    """What the actor runs: a store, each method of which is called by its name. What goes in and comes out are numbers,
    texts and bytes, and the words of a StoreError."""

    def __init__(self, url: str) -> None:
        self._url, self._lock = url, threading.Lock()
        self._opened: SqlStore | None = None
        self._called = time.monotonic()
        threading.Thread(target=self._end_when_idle, daemon=True).start()

    def do(self, method: str, arguments: Sequence[Any], again: Mapping[str, Any] | None) -> tuple[str, Any]:
        """The words of an error, or none, and the answer. ``again`` is None for what is asked for the first time, else
        it says which grants the caller knows of."""
        self._called = time.monotonic()
        try:
            return "", getattr(self, f"_{method}")(again, *arguments)
        except StoreError as error:
            return str(error), None

    def vacant(self) -> bool:
        """Whether no peer is at work."""
        store = self._store
        return not any(peer.alive for study in store.studies() for peer in store.peers(study))

    @property
    def _store(self) -> SqlStore:
        with self._lock:
            if self._opened is None:
                self._opened = SqlStore(self._url)
            return self._opened

    def _end_when_idle(self) -> None:
        import ray

        while time.monotonic() - self._called < IDLE:
            time.sleep(IDLE / 8)
        ray.kill(ray.get_runtime_context().current_actor)

    # ------------------------------------------------------------------ what is asked

    def _create(self, again: Any, name: str, first: bytes) -> bool:
        record = decode(first)[0]
        assert isinstance(record, Defined)
        return self._store.create(name, record)

    def _studies(self, again: Any) -> list[str]:
        return self._store.studies()

    def _remove(self, again: Any, name: str) -> None:
        if again is None or name in self._store.studies():
            self._store.remove(name)

    def _append(self, again: Any, study: str, writer: str, records: bytes) -> None:
        self._store.append(study, writer, decode(records))  # what was appended twice counts once

    def _read(self, again: Any, study: str, after: int, skip: str) -> tuple[bytes, int]:
        records, cursor = self._store.read(study, after, skip)
        return encode(records), cursor

    def _take(
        self, again: Any, study: str, peer: str, count: int, limit: int | None, settled: list[int]
    ) -> Sequence[int] | None:
        lost = [grant for grant in self._lost(again, study, peer) if not grant.origin and not grant.generation]
        return _fields(lost[0] if lost else self._store.take(study, peer, count, limit, settled))

    def _resume(self, again: Any, study: str, peer: str, number: int, generation: int) -> Sequence[int] | None:
        grant = Grant(number, number + 1, generation, origin=generation)
        if again is not None and grant in self._store.held(study, peer):
            return _fields(grant)
        return _fields(self._store.resume(study, peer, number, generation))

    def _adopt(self, again: Any, study: str, peer: str) -> list[Sequence[int] | None]:
        lost = [grant for grant in self._lost(again, study, peer) if grant.generation > grant.origin]
        return [_fields(grant) for grant in [*lost, *self._store.adopt(study, peer)]]

    def _lost(self, again: Mapping[str, Any] | None, study: str, peer: str) -> list[Grant]:
        """What the peer was granted and never told of."""
        if again is None:
            return []
        return [grant for grant in self._store.held(study, peer) if grant.key not in again["held"]]

    def _claim(self, again: Any, study: str, key: str, peer: str) -> bool:
        return self._store.claim(study, key, peer) or (again is not None and self._store.owner(study, key) == peer)

    def _beat(self, again: Any, study: str, peer: str, lease: float, host: str, pid: int) -> None:
        self._store.beat(study, peer, lease, (host, pid))

    def _leave(self, again: Any, study: str, peer: str) -> None:
        self._store.leave(study, peer)

    def _peers(self, again: Any, study: str) -> list[tuple[str, str, int, float, bool]]:
        return [(peer.peer, peer.host, peer.pid, peer.age, peer.alive) for peer in self._store.peers(study)]


def _fields(grant: Grant | None) -> Sequence[int] | None:
    return None if grant is None else (grant.start, grant.stop, grant.generation, grant.origin)
