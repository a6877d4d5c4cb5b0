"""Shoal: what a store takes for one trial at a time, early and late in a study. Usage: shoal_steps.py URL TRIALS

A trial as a peer runs it that takes seconds: it looks for what dead peers left, takes a number, writes that the trial
began and that it ended, each by itself, and reads what is new. The objective, and the search, are left out. Seconds a
trial, by the median, around the 1,000th and the last thousand trials; ``parts`` says which call took how much.
"""

import json
import sys
from collections import defaultdict
from statistics import median
from time import perf_counter
from typing import Any

from shoal import catalog
from shoal.records import Defined, Definition, Ended, Started, write_params
from shoal.space import Space

NAMES = [f"x{place}" for place in range(10)]
EARLY, SPAN, PEER = 1_000, 300, "peer"
PARAMS = write_params(dict.fromkeys(NAMES, 0.123456789012345))


class Stepper:
    """A study of one peer in a store, and the seconds that each call took in each trial that was timed."""

    def __init__(self, url: str) -> None:
        self._store, self._cursor, self._settled = catalog.store(url), 0, [-(10**9)]
        space = Space(dict.fromkeys(NAMES, (0.0, 1.0)))
        self._store.create("steps", Defined(1, Definition(name="steps", space=space.to_json()), 0.0))
        self._store.beat("steps", PEER, 1e9)

    def run(self, trials: int, look: bool) -> dict[str, float]:
        """The median seconds of each call; without ``look``, for what dead peers left is not looked, which is dear in
        some stores, and changes nothing."""
        seconds = defaultdict(list)

        def timed(name: str, *arguments: Any) -> Any:
            began = perf_counter()
            found = getattr(self._store, name)("steps", *arguments)
            seconds[name].append(perf_counter() - began)
            return found

        for _ in range(trials):
            if look:
                timed("adopt", PEER)
            grant = timed("take", PEER, 1, None, self._settled)
            self._settled = [grant.key]
            timed("append", PEER, [Started(grant.start, PARAMS, PEER, 1e9, "trials 4 and 7 crossed, x3 drawn anew")])
            timed("append", PEER, [Ended(grant.start, "done", 1e9, {"loss": 0.123456789}, seconds=60.0)])
            if look:
                _, self._cursor = timed("read", self._cursor, PEER)
        return {name: median(times) * len(times) / trials for name, times in seconds.items()}


if __name__ == "__main__":
    trials = int(sys.argv[2])
    stepper = Stepper(sys.argv[1])
    stepper.run(EARLY - SPAN // 2, look=False)
    early = stepper.run(SPAN, look=True)
    stepper.run(trials - EARLY - 2 * SPAN, look=False)
    stepper.run(3, look=True)  # reads all of it
    late = stepper.run(SPAN, look=True)
    print(
        json.dumps({"early": sum(early.values()), "late": sum(late.values()), "parts": {"early": early, "late": late}})
    )
