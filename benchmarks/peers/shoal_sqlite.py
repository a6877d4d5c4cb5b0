"""Shoal: a function that does nothing, ten floats, random, on SQLite. Usage: shoal_sqlite.py TRIALS WORKERS [FILE]

The whole call is timed, with creating the store and starting and ending the processes. Afterwards the journal is read
to see that nothing was lost, that no number was run twice, and what trials cost early and late in the study.
"""

import json
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import shoal
from shoal.records import Ended, Started
from shoal.stores.sql import SqlStore

AROUND = ((1_000, "early"), (100_000, "late"))
SPAN = 1_000  # trials over which a cost is taken


def noop(params: dict[str, Any]) -> float:
    return 0.0


def facts(url: str, name: str) -> dict[str, Any]:
    """What the journal holds: outcomes, numbers that ended, attempts that began, and costs of trials in seconds."""
    records, cursor = SqlStore(url).read(name, 0)
    while (more := SqlStore(url).read(name, cursor))[1] != cursor:
        records, cursor = records + more[0], more[1]
    ended = [record for record in records if type(record) is Ended]
    began = {record.number: record.time for record in records if type(record) is Started}
    started = sum(type(record) is Started for record in records)
    outcomes = {"done": sum(record.outcome == "done" for record in ended), "ended": len(ended), "started": started}
    return {**outcomes, "numbers": len({record.number for record in ended}), **costs(began)}


def costs(began: dict[int, float]) -> dict[str, float]:
    """Seconds a trial around each place: from the start of one trial to that of the trial `SPAN` later."""
    found = {}
    for place, label in AROUND:
        firsts = range(place - SPAN // 2, place + SPAN // 2, SPAN // 10)
        spans = [began[n + SPAN] - began[n] for n in firsts if n in began and n + SPAN in began]
        if len(spans) == len(firsts):
            found[label] = median(spans) / SPAN
    return found


if __name__ == "__main__":
    trials, workers, file = int(sys.argv[1]), int(sys.argv[2]), Path(*sys.argv[3:] or ["study.db"])
    space = {f"x{place}": (0.0, 1.0) for place in range(10)}
    url = f"sqlite:///{file.absolute()}"
    began = perf_counter()
    shoal.tune(
        noop, space, trials=trials, workers=workers, search="random", seed=0, store=url, name="noop", progress=False
    )
    seconds = perf_counter() - began
    print(json.dumps({"trials": trials, "seconds": seconds, **facts(url, "noop")}))
