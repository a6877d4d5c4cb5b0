"""Peers whose clock is two hours off, ahead or behind: real processes under libfaketime."""

from __future__ import annotations

import os
from glob import glob
from pathlib import Path

from benchmarks.faults.crew import Crew
from benchmarks.faults.toll import Onlooker, Toll
from shoal.records import Started

LIBRARIES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/lib*/faketime/libfaketime.so.1")
HOURS = 2
LEASE = 30.0  # seconds; far from two hours, and from what a busy machine may keep a peer waiting
TOGETHER = 30  # trials that all three work on at the least, before they hurry
SLEEP = """
import select, time
time.sleep = lambda seconds: select.select([], [], [], seconds) and None
"""


def library() -> str:
    """Where libfaketime is (apt-get install faketime); empty where it is not."""
    return next((path for pattern in LIBRARIES for path in glob(pattern)), "")


def off(hours: float, folder: Path) -> dict[str, str]:
    """The environment of a process whose wall clock is so many hours off; the monotonic one is as ever.

    Under libfaketime 0.9.10 ``time.sleep`` raises EINVAL where the monotonic clock is left alone, so Python is given
    another way to sleep.
    """
    (folder / "sitecustomize.py").write_text(SLEEP)
    return {
        "LD_PRELOAD": library(), "FAKETIME": f"{hours * 3600:+.0f}", "DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1",
        "PYTHONPATH": os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]),
    }  # fmt: skip


def clocks_off(folder: Path, url: str, store: str, trials: int) -> Toll:
    """A supervisor with the right clock, one ahead and one behind, each with a peer. Raises RuntimeError where a clock
    was not off after all."""
    with (
        Crew(folder, url, trials, seconds=0.1, lease=LEASE) as crew,
        Onlooker(crew, f"clocks {HOURS} h off", store) as onlooker,
    ):
        for environment in ({}, off(HOURS, folder), off(-HOURS, folder)):
            crew.start(workers=1, environment=environment)
        crew.until(lambda: len({trial.peer for trial in onlooker.trials()}) == 3)
        enough = min(onlooker.ended + TOGETHER, trials)
        crew.until(lambda: onlooker.ended >= enough)
        crew.hurry()
        crew.wait()
        toll = onlooker.toll(2)
        times = [record.time for record in onlooker.records() if isinstance(record, Started)]
        if max(times) - min(times) < 2 * HOURS * 3600:
            raise RuntimeError(f"the clocks were just {max(times) - min(times):.0f} s apart")
        return toll
