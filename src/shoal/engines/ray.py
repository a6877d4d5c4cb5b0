"""The Ray engine: peers as actors of a Ray cluster, wherever it has room for them.

A peer whose node or process dies is hired again elsewhere. All of them end with the process that hired them.
"""

from __future__ import annotations

import importlib
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import msgspec

from shoal.engines.shares import check_share
from shoal.errors import StudyError, misfit, unknown
from shoal.journal import Journal
from shoal.names import peer_name

ENTRY = "shoal.ray_peer"  # by name: engines start the loop, they do not import it
FAILED = 3  # as of a process that said why it cannot go on
KILLED, DISMISSED = -signal.SIGKILL, -signal.SIGTERM  # the latter: before it ran anything, or hardly
LOOK = 0.1  # seconds between two looks at what runs
SURE = 10.0  # seconds after which a peer that was killed is taken for dead, whatever its node says


class Request(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is asked of Ray: the keys of ``engine_settings:`` in study.yaml."""

    address: str | None = None  # "ray://head:10001", "head:6379", "auto"; by default as `ray.init` finds it
    cpus_per_peer: float = 1
    resources: dict[str, float] = {}  # of the cluster's own, for each peer
    nodes_per_peer: int = 1  # above 1, each peer has a placement group that its trials start tasks in

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Request:
        """Raises StudyError for a setting that there is not, or that makes no sense."""
        for key in settings:
            if key not in cls.__struct_fields__:
                raise StudyError(unknown("setting of engine ray", key, cls.__struct_fields__))
        try:
            return msgspec.convert(dict(settings), cls)
        except msgspec.ValidationError as error:
            raise StudyError(f"engine ray, {misfit(error)}") from None

    def __post_init__(self) -> None:
        amounts = [self.cpus_per_peer, *self.resources.values()]
        if not all(0 <= amount < float("inf") for amount in amounts) or self.nodes_per_peer < 1:
            raise StudyError(f"engine ray needs finite amounts of 0 or more, and nodes_per_peer >= 1; got {self}")
        if {"CPU", "GPU"} & self.resources.keys():
            raise StudyError("engine ray: resources are the cluster's own; CPU is cpus_per_peer, GPU is gpus")


class Actors:
    """Hires peers on the cluster that Ray is connected to. ``order`` and ``code`` are handed to each; ``gpus`` is how
    many each gets, an even share if None."""

    def __init__(
        self, ray: Any, journal: Journal, workers: int, order: Mapping[str, Any], code: bytes, gpus: float | None,
        request: Request,
    ) -> None:  # fmt: skip
        self._ray, self._journal, self._order, self._code, self._request = ray, journal, order, code, request
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        self._gpus = even([int(node.get("GPU", 0)) for node in nodes], workers) if gpus is None else check_share(gpus)
        entry = importlib.import_module(ENTRY)
        self._kind = ray.remote(entry.RayPeer)
        self._bell = ray.remote(entry.Bell).options(
            num_cpus=0, max_concurrency=1_000_000, max_restarts=-1, max_task_retries=-1
        ).remote()  # fmt: skip
        self._running = Running(journal)
        needs = self._needs()
        if request.nodes_per_peer > 1 and not needs:
            raise StudyError("engine ray: with nodes_per_peer, a peer needs CPUs, GPUs or resources on each of them")
        self.hint = _hint(needs, nodes)

    def _needs(self) -> dict[str, float]:
        """What a peer takes of a node, or with ``nodes_per_peer``, of each of them."""
        asked = {"CPU": self._request.cpus_per_peer, "GPU": self._gpus, **self._request.resources}
        return {name: amount for name, amount in asked.items() if amount}

    def hire(self, place: int, supervised: bool) -> RayWorker:
        peer, needs = peer_name(), self._needs()
        group = None
        if self._request.nodes_per_peer > 1:
            from ray.util.placement_group import placement_group
            from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

            group = placement_group([needs] * self._request.nodes_per_peer, strategy="STRICT_SPREAD")
            strategy = PlacementGroupSchedulingStrategy(
                group, placement_group_bundle_index=0, placement_group_capture_child_tasks=True
            )
            options: dict[str, Any] = {"num_cpus": 0, "num_gpus": 0, "scheduling_strategy": strategy}
        else:
            options = {"num_cpus": needs.pop("CPU", 0), "num_gpus": needs.pop("GPU", 0), "resources": needs}
        order = {**self._order, "peer": peer, "scratch": None, "supervised": supervised}
        actor = self._kind.options(**options).remote(order, self._code, self._bell)
        return RayWorker(self._ray, peer, actor, self._bell, group, self._running)

    def close(self) -> None:
        _beside(self._ray.kill, self._bell)


def _beside(call: Callable[..., Any], *arguments: Any) -> None:
    """Call Ray without waiting: where the head is gone it does not return, and Ray ends the process for that."""

    def run() -> None:
        with suppress(Exception):  # the cluster is gone, and all that was on it
            call(*arguments)

    threading.Thread(target=run, name="shoal-ray", daemon=True).start()


class Running:
    """Which trial each peer runs, by the journal as it was read last."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._looked = float("-inf")
        self._trials: dict[str, tuple[int, int]] = {}

    def of(self, peer: str, exact: bool) -> tuple[int, int]:
        """Number and attempt; -1 and -1 for none. Looked up a few times a second, or now if it must be ``exact``."""
        now, history = time.monotonic(), self._journal.history
        if exact or now - self._looked > LOOK:
            self._looked = now
            self._trials = {history.peer(number): (number, history.attempt(number)) for number in history.running}
        return self._trials.get(peer, (-1, -1))


class RayWorker:
    """One peer in an actor, as its supervisor sees it. What it runs is read in the journal."""

    def __init__(self, ray: Any, peer: str, actor: Any, bell: Any, group: Any, running: Running) -> None:
        self.peer, self.killed_for, self.killed_in, self.recalled = peer, "", (-1, -1), False
        self._ray, self._actor, self._bell, self._group, self._running = ray, actor, bell, group, running
        self._begun: Future[Any] = actor.ready.remote().future()
        self._end: Future[Any] = actor.run.remote().future()
        self._killed, self._dismissed = 0.0, False
        self._seen = (-1, -1, 0.0)

    def stop(self, seconds: float) -> None:
        _beside(self._bell.ring.remote, self.peer, seconds)
        if not self._begun.done():  # no node has had room for it yet
            self._dismissed, self._killed = True, time.monotonic()
            _beside(self._ray.kill, self._actor)

    def kill(self, reason: str) -> None:
        if not self.killed_for:
            self._killed = time.monotonic()
            self.killed_for, self.killed_in = reason, self.now()[:2]
            _beside(self._ray.kill, self._actor)

    def poll(self) -> int | None:
        if not self._end.done() and not (self._killed and time.monotonic() - self._killed > SURE):
            return None
        if self._dismissed:
            return DISMISSED
        if not self._end.done():
            return KILLED
        if self._end.exception() is not None:
            return FAILED if self._fault() else KILLED
        return FAILED if "error" in self._end.result() else 0

    def _fault(self) -> str:
        """What went wrong in the peer itself, when it was made or ran; nothing where it was killed."""
        error = self._end.exception()
        made = getattr(error, "_actor_init_failed", False)
        return str(error).strip() if made or isinstance(error, self._ray.exceptions.RayTaskError) else ""

    def events(self) -> dict[str, str]:
        said: dict[str, str] = {}
        if self._begun.done() and self._begun.exception() is None:
            said["ready"] = "yes"
        if self._end.done() and self._end.exception() is None:
            said.update(self._end.result())
        return said

    def now(self) -> tuple[int, int, float]:
        """As seen from here: since when the journal says so."""
        number, attempt = self._running.of(self.peer, exact=self._end.done() or self._killed > 0)
        if (number, attempt) != self._seen[:2]:
            self._seen = (number, attempt, time.monotonic())
        return number, attempt, time.monotonic() - self._seen[2]

    def ended_how(self) -> str:
        if not self._end.done():
            return "its process was killed"
        said = str(self._end.exception()).strip().splitlines()
        why = next((line for line in reversed(said) if line.startswith("The actor is dead")), said[-1] if said else "")
        return f"Ray says: {why.partition('Some common causes')[0].strip()[:500]}"

    def last_words(self) -> str:
        return f"`ray logs` may say more; the last was:\n{str(self._end.exception())[-2000:]}"

    def close(self) -> None:
        _beside(self._ray.kill, self._actor)
        if self._group is not None:
            from ray.util.placement_group import remove_placement_group

            _beside(remove_placement_group, self._group)


def even(gpus: Sequence[int], workers: int) -> float:
    """How many GPUs each peer gets when all get as many, of nodes that have so many each.

    >>> even([4, 4], 2), even([3, 1], 2), even([4, 4], 16), even([], 4)
    (4, 1, 0.5, 0)
    """
    total = sum(gpus)
    if total < workers:
        return 1 / -(-workers // total) if total else 0
    return next(each for each in range(max(gpus), 0, -1) if sum(count // each for count in gpus) >= workers)


def _hint(needs: Mapping[str, float], nodes: Sequence[Mapping[str, float]]) -> str:
    """What to say where no node could ever take a peer."""
    if any(all(node.get(name, 0) >= amount for name, amount in needs.items()) for node in nodes):
        return ""
    asked = ", ".join(f"{name} {amount:g}" for name, amount in needs.items())
    return f"no node of this Ray cluster has {asked}: peers wait until one joins"
