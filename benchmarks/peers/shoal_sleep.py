"""Shoal: trials that sleep, and how much of their peers' time they fill.

Usage: shoal_sleep.py URL PEERS TRIALS SECONDS SEARCH

The share of a peer's time from its first start to its last end in which its trials slept: what it waited for the store,
the search and itself is the rest. Starting the processes is left out, and so is the end, where some have no trial left.
"""

import json
import sys
import time
from collections import defaultdict
from statistics import fmean
from typing import Any

import shoal


def busy(trials: list[Any], seconds: float) -> float:
    """The mean over peers of the share of its time that a peer's trials filled, at so many seconds each."""
    by_peer = defaultdict(list)
    for trial in trials:
        by_peer[trial.peer].append(trial)
    spans = {
        peer: max(trial.time + trial.seconds for trial in found) - min(trial.time for trial in found)
        for peer, found in by_peer.items()
    }
    return fmean(seconds * len(found) / spans[peer] for peer, found in by_peer.items())


if __name__ == "__main__":
    url, peers, count, seconds, search = sys.argv[1], *map(int, sys.argv[2:4]), float(sys.argv[4]), sys.argv[5]

    def rest(params: dict[str, float]) -> float:
        time.sleep(seconds)
        return sum(params.values())

    space = {f"x{place}": (0.0, 1.0) for place in range(10)}
    study = shoal.tune(rest, space, trials=count, workers=peers, search=search, seed=0, store=url, name="rest",
                       progress=False)  # fmt: skip
    trials = study.trials
    print(json.dumps({"trials": len(trials), "peers": len({t.peer for t in trials}), "busy": busy(trials, seconds)}))
