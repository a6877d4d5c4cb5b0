"""Shoal: how much memory the history of a study takes, and how long it takes to read. Usage: shoal_fold.py FILE NAME"""

import json
import resource
import sys
from time import perf_counter

from shoal.clock import RealClock
from shoal.journal import Journal
from shoal.stores.sql import SqlStore

UNIT = 1 if sys.platform == "darwin" else 1 << 10  # bytes in a unit of ru_maxrss

file, name = sys.argv[1], sys.argv[2]
began = perf_counter()
history = Journal(SqlStore(f"sqlite:///{file}", create=False), name, "benchmark", RealClock()).history
folded, after_fold = perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
params = history.x[: history.length]
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT
print(json.dumps({"trials": len(params), "seconds": folded, "folded": after_fold, "peak": peak}))
