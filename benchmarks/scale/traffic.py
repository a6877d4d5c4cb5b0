"""What a trial costs the store, and its peers, as figures: see ``peers/shoal_traffic.py`` for what is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.running import run_script
from benchmarks.scale.places import STORES, empty, present
from benchmarks.table import Figure

LEASE = 60.0  # a peer beats every quarter of it
MINUTE = 60.0
FILES = ("open", "os.scandir", "os.listdir", "os.link", "os.rename", "os.remove")
COUNTED = ("take", "append", "read, nothing", "adopt", "beat")  # the calls of a trial


def traffic(peers: int) -> list[Figure]:
    """What a trial of a minute takes of each store, with 2 peers and with so many, and what reading a batch takes."""
    figures = []
    for store in filter(present, STORES):
        with empty(store) as url:
            found = run_script("shoal", "shoal_traffic.py", url, peers)
        figures += _of_a_trial(store, found) + _of_a_batch(store, found["batch"])
    return figures + _messages()


def _messages() -> list[Figure]:
    found = run_script("shoal", "shoal_messages.py", 4, 4_000)
    what = "MPI: a batch of one record, to each other rank"
    return [
        Figure(f"{what}: a message", "bytes", [found["bytes"]]),
        Figure(f"{what}: the sender's processor", "µs", [found["sender_us"]]),
        Figure(f"{what}: the receiver's processor", "µs", [found["receiver_us"]]),
    ]


def weight(lengths: tuple[int, ...]) -> list[Figure]:
    """The memory of a process that holds a history, and a genetic search that learnt from it."""
    found = run_script("shoal", "shoal_weight.py", *lengths)
    return [Figure(f"memory of a peer with {trials} trials", "MiB", [mib]) for trials, mib in found.items()]


def _of_a_trial(store: str, found: Mapping[str, Any]) -> list[Figure]:
    figures = []
    for peers, costs in found["costs"].items():
        what = f"{store}, {peers} peers, a trial of a minute"

        def whole(part: str, costs: Mapping[str, Any] = costs) -> float:
            return _sum(found["calls"], lambda call: costs[call].get(part, 0.0))

        figures.append(Figure(f"{what}: its peer's processor", "ms", [whole("client_ms")]))
        if "trips" in costs["take"]:
            figures += [
                Figure(f"{what}: round trips", "", [whole("trips")]),
                Figure(f"{what}: sent", "bytes", [whole("sent")]),
                Figure(f"{what}: received, without what others found", "bytes", [whole("received")]),
                Figure(f"{what}: the server's processor", "ms", [whole("server_ms")]),
            ]
        if store == "dir:":
            figures.append(Figure(f"{what}: operations on files", "", [sum(whole(part) for part in FILES)]))
    return figures


def _sum(calls: Mapping[str, float], cost: Callable[[str], float]) -> float:
    """Over the calls of a trial of a minute; what reading brings is counted apart."""
    times = {**calls, "adopt": 1.0, "read, nothing": calls["read"], "beat": 4 * MINUTE / LEASE}
    return sum(times[call] * cost(call) for call in COUNTED)


def _of_a_batch(store: str, batch: Mapping[str, float]) -> list[Figure]:
    what = f"{store}: a batch of one record"
    figures = [
        Figure(f"{what}: text", "bytes", [batch["text"]]),
        Figure(f"{what}: the reader's processor", "µs", [batch["client_us"]]),
    ]
    if store != "memory":
        figures.append(Figure(f"{what}: in the store", "bytes", [batch["stored"]]))
    if "received" in batch:
        figures += [
            Figure(f"{what}: over the wire to each reader", "bytes", [batch["received"]]),
            Figure(f"{what}: the server's processor for each reader", "µs", [batch["server_us"]]),
        ]
    return figures
