"""What a decision on one report costs with many trials in the history: ``python -m benchmarks.deciding``."""

from __future__ import annotations

import argparse
import json
import sys
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

import shoal
from shoal import catalog
from shoal.history import History
from shoal.proposals import Proposer
from shoal.records import Budget, Definition, Ended, Reported, Started, write_params
from shoal.search.random import Random

RULES = {
    "asha": {}, "asha-promote": {}, "hyperband": {}, "pasha": {}, "median": {}, "percentile": {},
    "threshold": {"upper": 2.0}, "plateau": {}, "patient": {}, "baseline": {}, "pbt": {},
}  # fmt: skip
WANTED = 0.2  # ms
STEPS = 27


def measured(rule: str, trials: int) -> float:
    """Milliseconds of one report, told and decided on, by the mean over the last tenth of so many trials."""
    space = shoal.Space({"x": (0.0, 1.0)})
    plan = Definition(name="s", space=space.to_json(), budget=Budget("epoch", 1, STEPS), stopping=rule)
    history = History(plan)
    proposer = Proposer(history, Random(), catalog.stopping(rule, RULES[rule]))
    rng, seconds, count = np.random.default_rng(0), 0.0, 0
    for number in range(trials):
        _tell(history, proposer, Started(number, write_params({"x": 0.5}), "p", 0.0))
        level = float(rng.random())
        for step in range(1, STEPS + 1):
            record = Reported(number, step, {"loss": level + 1.0 / step}, 0.0)
            began = perf_counter()
            _tell(history, proposer, record)
            decision = proposer.decide(number, record)
            if number >= 0.9 * trials:
                seconds, count = seconds + perf_counter() - began, count + 1
            if decision.stop or decision.pause:
                break
        outcome = "stopped" if decision.stop else "paused" if decision.pause else "done"
        metrics = {"loss": level} if outcome == "done" else {}
        _tell(history, proposer, Ended(number, outcome, 0.0, metrics, decided=outcome != "done"))  # type: ignore[arg-type]
    return 1e3 * seconds / count


def _tell(history: History, proposer: Proposer, record: Started | Reported | Ended) -> None:
    if history.fold(record):
        proposer.tell(record)


def main(arguments: list[str] | None = None) -> int:
    made = argparse.ArgumentParser(prog="python -m benchmarks.deciding", description=__doc__)
    made.add_argument("--trials", type=int, default=10_000)
    made.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = made.parse_args(arguments)
    found = {rule: measured(rule, given.trials) for rule in RULES}
    if given.json:
        print(json.dumps(found, indent=1))
    else:
        table = Table("rule", "a report, told and decided on", title=f"with {given.trials:,} trials")
        for rule, milliseconds in found.items():
            table.add_row(rule, f"{milliseconds:.4f} ms")
        Console().print(table)
    return int(max(found.values()) > WANTED)


if __name__ == "__main__":
    sys.exit(main())
