"""How long the same evaluations take: Propulate with its checkpoints, Optuna's TPE on SQLite, and Shoal."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.islands.functions import RANKS, run
from benchmarks.running import interleave, run_script
from benchmarks.table import Figure

FUNCTION, DIMENSIONS, ENDS = "rastrigin", 20, (-5.12, 5.12)


def times(repeats: int, generations: int) -> list[Figure]:
    """Seconds of four ranks, or four processes; Optuna is run once, since it takes so long."""
    sides = {
        f"{side} {kind}": _timed(side, kind, generations)
        for kind in ("default", "cma")
        for side in ("shoal", "propulate")
    }
    answers = interleave(repeats, **sides)
    optuna = run_script("optuna", "optuna_function.py", RANKS, FUNCTION, DIMENSIONS, *ENDS, RANKS * generations)
    what = f"{FUNCTION}, {DIMENSIONS} floats, {RANKS} ranks × {generations:,} evaluations"
    figures = [
        Figure(f"{what}, {kind}", "evaluations/s", answers[f"shoal {kind}"], answers[f"propulate {kind}"],
               "Propulate", at_least=5.0 if kind == "default" else None)
        for kind in ("default", "cma")
    ]  # fmt: skip
    return [
        *figures,
        Figure(f"{what}, default; TPE on SQLite, {RANKS} processes", "evaluations/s", answers["shoal default"],
               [optuna["trials"] / optuna["seconds"]], "Optuna", at_least=100.0),
    ]  # fmt: skip


def _timed(side: str, kind: str, generations: int) -> Callable[[], float]:
    def measure() -> float:
        found = run(side, FUNCTION, kind, 0, generations, "yes")
        return float(found["trials"] / found["seconds"])

    return measure
