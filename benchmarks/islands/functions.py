"""Propulate's fourteen functions, minimised by one script under MPI: with Propulate, and with Shoal by its names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any, Final

from rich.table import Table

from benchmarks.running import machine, run_script

FUNCTIONS: Final = (
    "sphere", "rosenbrock", "step", "quartic", "rastrigin", "griewank", "schwefel", "bisphere", "birastrigin", "bukin",
    "eggcrate", "himmelblau", "keane", "leon",
)  # fmt: skip
KINDS: Final = ("default", "cma")
SIDES: Final = {"propulate": "propulate", "shoal": "shoal.dialects.propulate"}
RANKS: Final = 4


def run(side: str, function: str, kind: str, seed: int, generations: int, checkpoints: str = "no") -> dict[str, Any]:
    """The best loss that four ranks find in so many evaluations each, and how long they took; where a job of
    Propulate's fails, what it had found by then."""
    found = run_script(
        side, "propulate_islands.py", SIDES[side], RANKS, function, generations, seed, kind, checkpoints
    )  # fmt: skip
    if found["trials"] < RANKS * generations and not (side == "propulate" and found["failed"]):
        raise RuntimeError(f"{side} evaluated {found['trials']} individuals, not {RANKS * generations}")
    return {"side": side, "function": function, "kind": kind, "seed": seed, "generations": generations, **found}


def table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Medians of the best losses over seeds, the lower the better."""
    best: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        best.setdefault((row["function"], row["kind"], row["side"]), []).append(row["best"])
    made = Table(title=f"best loss of {RANKS} ranks, medians over seeds", caption=machine())
    made.add_column("function")
    for kind in KINDS:
        for heading in ("seeds", "Propulate", "Shoal", "better"):
            made.add_column(f"{kind}: {heading}", justify="right")
    for function in FUNCTIONS:
        cells = []
        for kind in KINDS:
            theirs, ours = (best.get((function, kind, side), []) for side in SIDES)
            cells += _cells(theirs, ours)
        if any(cells):
            made.add_row(function, *cells)
    return made


def _cells(theirs: list[float], ours: list[float]) -> list[str]:
    if not theirs or not ours:
        return ["", "", "", ""]
    a, b = median(theirs), median(ours)
    tie = abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1.0)
    word = "tie" if tie else "[green]yes[/]" if b < a else "[red]no[/]"
    return [f"{len(theirs)}/{len(ours)}", f"{a:.4g}", f"{b:.4g}", word]
