"""Shoal: from calling tune on a study that is there to its first new trial. Usage: shoal_resume.py FILE NAME TRIALS"""

import json
import sys
from time import perf_counter, time
from typing import Any

import shoal
from shoal.records import Started
from shoal.stores.sql import SqlStore


def noop(params: dict[str, Any]) -> float:
    return 0.0


if __name__ == "__main__":
    file, name, trials = sys.argv[1], sys.argv[2], int(sys.argv[3])
    space = {f"x{place}": (0.0, 1.0) for place in range(10)}
    called, began = time(), perf_counter()
    shoal.tune(noop, space, trials=trials, store=f"sqlite:///{file}", name=name, progress=False)
    whole = perf_counter() - began
    records, cursor = SqlStore(f"sqlite:///{file}").read(name, 0)
    while (more := SqlStore(f"sqlite:///{file}").read(name, cursor))[1] != cursor:
        records, cursor = records + more[0], more[1]
    first = min(record.time for record in records if type(record) is Started and record.time > called)
    print(json.dumps({"seconds": first - called, "whole": whole}))
