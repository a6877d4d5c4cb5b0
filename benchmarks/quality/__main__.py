"""Compare searches on real tuning problems: ``python -m benchmarks.quality``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.environments import python_of
from benchmarks.quality.report import figure, scores, table
from benchmarks.quality.run import CHECKPOINTS, Entrant, run
from benchmarks.quality.tasks import DATA, Tasks, matching
from benchmarks.running import kept_runs, run_options, say, work_off

SHOAL = ("auto", "gp", "tpe", "forest", "cmaes", "genetic", "evolution", "de", "random")
PEERS = {
    "optuna-tpe": "optuna", "optuna-gp": "optuna-gp", "optuna-cma": "optuna-cma", "smac": "smac",
    "deephyper": "deephyper", "syne-bore": "syne-tune", "syne-botorch": "syne-tune-botorch", "nevergrad": "nevergrad",
    "hebo": "hebo", "propulate": "propulate",
}  # fmt: skip
ENTRANTS = {f"shoal-{name}": Entrant(f"shoal-{name}", "shoal") for name in SHOAL} | {
    name: Entrant(name, environment) for name, environment in PEERS.items()
}
DEFAULT = ("shoal-auto", "shoal-random", *(name for name in PEERS if name not in ("optuna-cma", "propulate")))


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    made.add_argument("--searches", nargs="+", choices=ENTRANTS, default=DEFAULT, metavar="NAME",
                      help=f"what to compare, of {', '.join(ENTRANTS)}")  # fmt: skip
    made.add_argument("--tasks", nargs="+", default=["*"], help=f"names or patterns; more with {DATA} set")
    made.add_argument("--trials", type=int, default=200)
    made.add_argument("--seeds", type=int, default=5)
    made.add_argument("--workers", type=int, nargs="+", default=[1, 8], help="asynchronous workers, in virtual time")
    run_options(made, "quality")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run what is missing and report; returns the exit status."""
    given = parser().parse_args(arguments)
    kept = given.out.with_suffix(".jsonl")
    if not given.report:
        _run(given, kept)
    runs = [row for row in kept_runs(kept) if row["search"] in given.searches and row["workers"] in given.workers]
    panels = {
        f"{workers} worker{'s' * (workers != 1)}": {
            n: rows for n in CHECKPOINTS if (rows := scores([r for r in runs if r["workers"] == workers], n))
        }
        for workers in given.workers
    }
    if given.json:
        print(json.dumps({title: {n: [asdict(row) for row in rows] for n, rows in panel.items()}
                          for title, panel in panels.items()}, indent=1))  # fmt: skip
        return 0
    console = Console(width=None if sys.stdout.isatty() else 120)
    for title, panel in panels.items():
        for n, rows in panel.items():
            console.print(table(rows, f"after {n} trials, {title}"))
    if any(panels.values()):
        figure({title: panel for title, panel in panels.items() if panel}, given.out.with_suffix(".png"))
        say(f"the figure is in {given.out.with_suffix('.png')}")
    return 0


def _run(given: argparse.Namespace, kept: Path) -> None:
    """Run what ``kept`` does not hold yet, and add each run to it as it ends."""
    for entrant in {ENTRANTS[name].environment for name in given.searches}:
        python_of(entrant, say)
    tasks = Tasks()
    done = {
        (row["search"], row["task"], row["seed"], row["workers"])
        for row in kept_runs(kept)
        if row["trials"] >= given.trials
    }
    jobs = [job for job in _jobs(given, tasks) if job not in done]
    work_off(kept, jobs, ThreadPoolExecutor(given.jobs), _one, tasks, given.trials)


def _jobs(given: argparse.Namespace, tasks: Tasks) -> Iterator[tuple[str, str, int, int]]:
    for seed in range(given.seeds):
        for workers in given.workers:
            for task in matching(tasks, given.tasks):
                for search in given.searches:
                    yield search, task, seed, workers


def _one(search: str, task: str, seed: int, workers: int, tasks: Tasks, trials: int) -> dict[str, Any]:
    try:
        return {**run(ENTRANTS[search], tasks[task], seed, trials, workers), "trials": trials}
    except RuntimeError as error:  # a search that fails is a result too
        say(f"{search} on {task}: {error}")
        return {"search": search, "task": task, "seed": seed, "workers": workers, "regrets": {}, "seconds": 0.0,
                "trials": trials, "error": str(error)}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
