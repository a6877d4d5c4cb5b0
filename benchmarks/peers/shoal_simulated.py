"""Shoal: many peers in virtual time, which spend what the search takes here.

Usage: shoal_simulated.py SEARCH PEERS SECONDS

Trials of ten floats that take 60 virtual seconds, give or take half of that. The study is cut off after so many virtual
seconds, so that no peer is without a trial at the end.
"""

import json
import sys
from statistics import fmean
from time import perf_counter
from zlib import crc32

from shoal.problems import problem
from shoal.records import Started
from shoal.simulation import run

MEAN, SPREAD = 60.0, 0.5
VALLEY = problem("rosenbrock", dimensions=10)


class Sixty:
    """Whatever the params are, they decide how long a trial takes: evenly from 30 to 90 s."""

    def curve(self, params: dict[str, float]) -> list[tuple[int, dict[str, float], float]]:
        share = crc32(json.dumps(params, sort_keys=True).encode()) / 2**32
        return [(1, {"loss": VALLEY(params)}, MEAN * (1.0 + SPREAD * (2.0 * share - 1.0)))]


search, peers, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
plan = {"space": VALLEY.space.to_json(), "search": search, "seed": 0}
began = perf_counter()
ran = run(Sixty(), plan, peers, seconds, charged=True)
history = ran.history
points = {history.x[number].tobytes() for number in range(history.length)}
thought = [record.thought for record in ran.records if type(record) is Started]
print(json.dumps({
    "busy": ran.busy / (peers * ran.seconds), "trials": history.length, "distinct": len(points),
    "asked": fmean(thought), "longest": max(thought), "took": perf_counter() - began,
}))  # fmt: skip
