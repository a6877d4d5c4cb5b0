"""Shoal: a function that does nothing, ten floats, in any store. Usage: shoal_noop.py URL PEERS TRIALS SEARCH

The whole call is timed, with creating the study and starting and ending the processes. Afterwards the journal is read
to see that nothing was lost, that no number was run twice, and what trials cost early and late in the study.
"""

import json
import sys
from time import perf_counter
from typing import Any

import shoal
from shoal import catalog
from shoal.contracts import Store
from shoal.records import Ended, Started

FROM = ((500, "early"), (96_500, "late"))
SPAN = 5_000  # trials over which a cost is taken: some transactions, each of which brings in a twentieth of a second's


def noop(params: dict[str, Any]) -> float:
    return 0.0


def facts(store: Store, name: str) -> dict[str, Any]:
    """What the journal holds: outcomes, numbers that ended, attempts that began, and costs of trials in seconds."""
    done, numbers, began, ended, cursor, before = 0, set(), [], 0, 0, -1
    while cursor != before:
        records, before = [], cursor
        records, cursor = store.read(name, before)
        for record in records:
            if type(record) is Started:
                began.append(record.time)
            elif type(record) is Ended:
                ended, done = ended + 1, done + (record.outcome == "done")
                numbers.add(record.number)
    return {"done": done, "ended": ended, "started": len(began), "numbers": len(numbers), **costs(sorted(began))}


def costs(began: list[float]) -> dict[str, float]:
    """Seconds a trial near the 1,000th and near the 100,000th."""
    return {
        label: (began[first + SPAN] - began[first]) / SPAN for first, label in FROM if first + SPAN < len(began)
    }  # fmt: skip


if __name__ == "__main__":
    url, peers, trials, search = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    space = {f"x{place}": (0.0, 1.0) for place in range(10)}
    store = catalog.store(url)
    began = perf_counter()
    shoal.tune(
        noop, space, trials=trials, workers=0 if url.startswith("memory") else peers, search=search, seed=0,
        store=store if url.startswith("memory") else url, name="noop", progress=False,
    )  # fmt: skip
    seconds = perf_counter() - began
    print(json.dumps({"trials": trials, "seconds": seconds, **facts(store, "noop")}))
