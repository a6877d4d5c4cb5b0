"""Compare islands and populations with Propulate 1.2.2 and Optuna: ``python -m benchmarks.islands``."""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.console import Console

from benchmarks.environments import python_of
from benchmarks.islands.crowds import crowds
from benchmarks.islands.functions import FUNCTIONS, KINDS, SIDES, run, table
from benchmarks.islands.times import times
from benchmarks.islands.tutorial import main as tutorial
from benchmarks.running import kept_runs, run_options, say, work_off
from benchmarks.table import show

PARTS = ("functions", "times", "crowds")  # and the tutorial, which needs PyTorch and an hour


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m benchmarks.islands", description=__doc__)
    made.add_argument("--only", choices=(*PARTS, "tutorial"), nargs="+", default=PARTS,
                      help="what to measure (all but the tutorial)")  # fmt: skip
    made.add_argument("--functions", nargs="+", choices=FUNCTIONS, default=FUNCTIONS, metavar="NAME")
    made.add_argument("--generations", type=int, default=1000, help="evaluations of each of the four ranks")
    made.add_argument("--seeds", type=int, default=10)
    made.add_argument("--repeats", type=int, default=3, help="of what is timed")
    run_options(made, "islands")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run what is missing and report; returns the exit status."""
    given = parser().parse_args(arguments)
    failed = 0
    if "functions" in given.only:
        kept = given.out.with_suffix(".jsonl")
        if not given.report:
            _functions(given, kept)
        rows = [row for row in kept_runs(kept) if row["generations"] == given.generations]
        if given.json:
            print(json.dumps(rows))
        else:
            Console(width=None if sys.stdout.isatty() else 140).print(table(rows))
    if "times" in given.only and not given.report:
        failed |= show("islands: wall-clock", times(given.repeats, given.generations), given.json)
    if "crowds" in given.only and not given.report:
        failed |= show("islands: 16 peers", crowds(), given.json)
    if "tutorial" in given.only and not given.report:
        failed |= tutorial(["--json"] if given.json else [])
    return failed


def _functions(given: argparse.Namespace, kept: Path) -> None:
    python_of("propulate", say)
    done = {(r["side"], r["function"], r["kind"], r["seed"]) for r in kept_runs(kept)
            if r["generations"] == given.generations}  # fmt: skip
    jobs = [
        job
        for seed in range(given.seeds)
        for function in given.functions
        for kind in KINDS
        for side in SIDES
        if (job := (side, function, kind, seed)) not in done
    ]
    work_off(kept, jobs, ThreadPoolExecutor(given.jobs), run, given.generations)


if __name__ == "__main__":
    sys.exit(main())
