"""What a proposal costs, beside the same algorithm of others: ``python -m benchmarks.asking``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.running import interleave, run_script, say
from benchmarks.table import Figure, show

Measure = Callable[[], dict[str, Any]]


def shoal(search: str, trials: int, asks: int = 50) -> Measure:
    return lambda: run_script("shoal", "shoal_ask.py", search, trials, asks)


def curves(rule: str, trials: int, asks: int = 100) -> Measure:
    return lambda: run_script("shoal", "shoal_curves.py", rule, trials, asks)


def optuna(tool: str, sampler: str, trials: int, asks: int = 20) -> Measure:
    environment = "optuna-gp" if sampler == "GPSampler" else tool
    return lambda: run_script(environment, "optuna_ask.py", tool, sampler, trials, asks)


def other(tool: str, trials: int, asks: int = 5) -> Measure:
    return lambda: run_script(tool, f"{tool}_ask.py", trials, asks)


LINES: dict[str, list[tuple[str, Measure, str, Measure | None, dict[str, float]]]] = {
    "gp": [
        ("gp, 100 trials", shoal("gp", 100), "Optuna GPSampler", optuna("optuna", "GPSampler", 100),
         {"at_most": 1 / 10}),
        ("gp, 100 trials", shoal("gp", 100), "", None, {"limit": 25.0}),
        ("gp, 1,000 trials", shoal("gp", 1_000), "", None, {"limit": 150.0}),
        ("gp, 5,000 trials", shoal("gp", 5_000), "gp, 1,000 trials", shoal("gp", 1_000), {"at_most": 1.1}),
    ],
    "dear": [
        ("gp, 100 trials", shoal("gp", 100), "HEBO", other("hebo", 100), {"at_most": 1 / 60}),
        ("gp, 100 trials", shoal("gp", 100), "Ax", other("ax", 100), {"at_most": 1 / 60}),
    ],
    "curves": [
        (f"{rule}, 1,000 curves", curves(rule, 1_000), "", None, {"limit": 50.0}) for rule in ("freeze", "auto")
    ],
    "tpe": [
        ("tpe, 1,000 trials", shoal("tpe", 1_000), "Optuna TPESampler", optuna("optuna", "TPESampler", 1_000),
         {"at_most": 1 / 10}),
        ("tpe, 10,000 trials", shoal("tpe", 10_000), "Optuna TPESampler", optuna("optuna", "TPESampler", 10_000),
         {"at_most": 1 / 30}),
        ("tpe, 1,000 trials", shoal("tpe", 1_000), "Rustuna TPESampler", optuna("rustuna", "TPESampler", 1_000),
         {"at_most": 1.0}),
        ("tpe, 10,000 trials", shoal("tpe", 10_000), "Rustuna TPESampler", optuna("rustuna", "TPESampler", 10_000),
         {"at_most": 1 / 2}),
    ],
    "forest": [("forest, 1,000 trials", shoal("forest", 1_000), "", None, {"limit": 60.0})],
    "population": [
        (f"{name}, 100,000 trials", shoal(name, 100_000, 1_000), "", None, {"limit": 0.3})
        for name in ("genetic", "cmaes", "de", "evolution", "pso", "nelder_mead")
    ],
}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for and print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.asking", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=LINES, default=list(LINES), help="measure these alone")
    given = parser.parse_args(arguments)
    figures: list[Figure] = []
    for group in given.only:
        for what, own, peer_name, peer, bound in LINES[group]:
            say(f"{what} {peer_name}")
            answers = interleave(given.repeats, own=own, **({"peer": peer} if peer else {}))
            times = {side: [1e3 * answer["median"] for answer in found] for side, found in answers.items()}
            figures.append(Figure(what, "ms", times["own"], times.get("peer", ()), peer_name, **bound))
    return show("a proposal", figures, given.json)


if __name__ == "__main__":
    sys.exit(main())
