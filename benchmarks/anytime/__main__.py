"""Compare searches with rules that stop, in virtual time: ``python -m benchmarks.anytime``."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.anytime import shoal_side, syne_side
from benchmarks.anytime.report import SHARES, Pace, pace_table, paces
from benchmarks.anytime.shoal_side import Found
from benchmarks.anytime.tasks import FULL, Task, Tasks
from benchmarks.environments import python_of
from benchmarks.quality.report import figure, scores, table
from benchmarks.quality.tasks import DATA, matching
from benchmarks.running import kept_runs, run_options, say, work_off

TRIALS = 100  # so many full trials fit into the time
RANDOM = "random+none"  # whose end is what the others are to reach sooner
SYNE = tuple(f"syne-{name}" for name in syne_side.SCHEDULERS)
DEFAULT = ("auto+auto", RANDOM, "random+asha", "random+asha-promote", "tpe+hyperband", "gp+hyperband", "auto+freeze",
           *(name for name in SYNE if name != "syne-random"))  # fmt: skip
TASKS = Tasks()


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m benchmarks.anytime", description=__doc__)
    made.add_argument("--searches", nargs="+", default=DEFAULT, metavar="SEARCH+RULE",
                      help=f"a search and a rule of Shoal, or one of {', '.join(SYNE)}")  # fmt: skip
    made.add_argument("--tasks", nargs="+", default=["*"], help=f"names or patterns; more with {DATA} set")
    made.add_argument("--seeds", type=int, default=10)
    made.add_argument("--peers", type=int, nargs="+", default=[4, 16])
    run_options(made, "anytime")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run what is missing and report; returns the exit status."""
    given = parser().parse_args(arguments)
    kept = given.out.with_suffix(".jsonl")
    if not given.report:
        _run(given, kept)
    runs = [row for row in kept_runs(kept) if row["search"] in given.searches and row["workers"] in given.peers]
    panels = {f"{peers} peers": [row for row in runs if row["workers"] == peers] for peers in given.peers}
    ranked = {title: {share: found for share in SHARES if (found := scores(rows, share))}
              for title, rows in panels.items()}  # fmt: skip
    rates: dict[str, list[Pace]] = {title: paces(rows, RANDOM) for title, rows in panels.items()}
    if given.json:
        print(json.dumps({title: {"paces": [asdict(row) for row in rates[title]],
                                  **{share: [asdict(row) for row in rows] for share, rows in panel.items()}}
                          for title, panel in ranked.items()}, indent=1))  # fmt: skip
        return 0
    console = Console(width=None if sys.stdout.isatty() else 120)
    for title, panel in ranked.items():
        console.print(pace_table(rates[title], title))
        for share, rows in panel.items():
            console.print(table(rows, f"after {share:g} of the time, {title}"))
    if any(ranked.values()):
        figure({title: panel for title, panel in ranked.items() if panel}, given.out.with_suffix(".png"),
               "the share of the time that 100 full trials take")  # fmt: skip
        say(f"the figure is in {given.out.with_suffix('.png')}")
    return 0


def _run(given: argparse.Namespace, kept: Path) -> None:
    """Run what ``kept`` does not hold yet, and add each run to it as it ends."""
    if any(name in SYNE for name in given.searches):
        python_of(syne_side.ENVIRONMENT, say)
    done = {(row["search"], row["task"], row["seed"], row["workers"]) for row in kept_runs(kept)}
    jobs = [job for job in _jobs(given) if job not in done]
    work_off(kept, jobs, ProcessPoolExecutor(given.jobs), _one)


def _jobs(given: argparse.Namespace) -> Iterator[tuple[str, str, int, int]]:
    for seed in range(given.seeds):
        for peers in given.peers:
            for task in matching(TASKS, given.tasks):
                for search in given.searches:
                    yield search, task, seed, peers


def _one(search: str, task_name: str, seed: int, peers: int) -> dict[str, Any]:
    task, until = TASKS[task_name], TRIALS * FULL / peers
    row: dict[str, Any] = {"search": search, "task": task_name, "seed": seed, "workers": peers}
    try:
        found = _found(search, task, peers, until, seed)
    except RuntimeError as error:  # a search that fails is a result too
        say(f"{search} on {task_name}: {error}")
        return {**row, "regrets": {}, "trace": [], "seconds": 0.0, "error": str(error)}
    trace, anywhere = ([(time / until, task.regret(loss)) for time, loss in one]
                       for one in (found.trace, found.anywhere))  # fmt: skip
    regrets = {str(share): next((regret for at, regret in reversed(trace) if at <= share), task.regret(math.nan))
               for share in SHARES}  # fmt: skip
    return {**row, "regrets": regrets, "trace": trace, "anywhere": anywhere, "seconds": found.seconds,
            "trials": found.trials, "done": task.regret(found.done), "begun": task.regret(found.begun),
            "cut": found.cut}  # fmt: skip


def _found(search: str, task: Task, peers: int, until: float, seed: int) -> Found:
    if search in SYNE:
        return syne_side.run(task, search.removeprefix("syne-"), peers, until, seed)
    name, _, rule = search.partition("+")
    return shoal_side.run(task, name, rule or "none", peers, until, seed)


if __name__ == "__main__":
    sys.exit(main())
