"""A database server that is away for a while, under many peers."""

from __future__ import annotations

import threading
from pathlib import Path

from benchmarks.faults.crew import Crew
from benchmarks.faults.postgresql import own_server
from benchmarks.faults.toll import Onlooker, Toll


def outage(folder: Path, seconds: float, peers: int, lease: float = 60.0) -> Toll:
    """Stop PostgreSQL under so many peers, and start it again after so many seconds."""
    fault = f"PostgreSQL away for {seconds:g} s, {peers} peers, lease {lease:g} s"
    with (
        own_server() as server,
        Crew(folder, server.url, trials=40 * peers, seconds=0.5, lease=lease) as crew,
        Onlooker(crew, fault, "postgresql") as onlooker,
    ):
        crew.start(workers=peers)
        crew.until(lambda: len({trial.peer for trial in onlooker.trials()}) == peers)
        server.stop()
        threading.Event().wait(seconds)
        server.start()
        before = onlooker.ended
        crew.until(lambda: onlooker.ended > before)
        crew.hurry()
        crew.wait()
        return onlooker.toll(1)
