"""What surrogates save, and what they cost, on the task of Propulate's two tutorials: a network that reads digits.

``python -m benchmarks.islands.tutorial``: in torch alone, as in the tutorial on surrogates, and in Lightning with
torchmetrics, as in the other; on four local peers and on four ranks of an MPI job.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.environments import python_of
from benchmarks.running import interleave, run_script, say
from benchmarks.table import Figure, show

EXAMPLES = Path(__file__).parents[2] / "examples"
KINDS = {"plain": "torch", "lightning": "Lightning"}
PLACES = {"local": "4 local peers", "mpi": "4 MPI ranks"}
SURROGATES = ("none", "static", "dynamic")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m benchmarks.islands.tutorial", description=__doc__)
    made.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    made.add_argument("--places", nargs="+", choices=PLACES, default=list(PLACES))
    made.add_argument("--repeats", type=int, default=3, help="each with a seed of its own")
    made.add_argument("--generations", type=int, default=6, help="networks that each of the four workers trains")
    made.add_argument("--epochs", type=int, default=8)
    made.add_argument("--images", type=int, default=400, help="for training; a quarter as many validate")
    made.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return made


def tutorial(given: argparse.Namespace) -> list[Figure]:
    """With each surrogate and without: the time, what is saved of it, and the loss that costs."""
    figures: list[Figure] = []
    for kind in given.kinds:
        for place in given.places:
            say(f"{kind} {place}")
            sides = {name: _runs(kind, place, name, given) for name in SURROGATES}
            figures += _rows(f"{KINDS[kind]}, {PLACES[place]}", interleave(given.repeats, **sides), given)
    return figures


def _runs(kind: str, place: str, surrogate: str, given: argparse.Namespace) -> Any:
    """Runs one after the other, with the seeds 0, 1, 2 …"""
    seeds = iter(range(given.repeats))
    ask = partial(run_script, "torch", "shoal_tutorial.py", EXAMPLES, kind, place, surrogate)
    return lambda: ask(given.generations, given.epochs, given.images, next(seeds))


def _rows(what: str, answers: Mapping[str, Sequence[Mapping[str, Any]]], given: argparse.Namespace) -> list[Figure]:
    without, asked = answers["none"], 4 * given.generations
    lost = "" if all(one["evaluated"] == asked for found in answers.values() for one in found) else "not all evaluated"
    times, bests = ([one[name] for one in without] for name in ("seconds", "best"))
    rows = [Figure(f"{what}: no surrogate", "s", times, flaw=lost), Figure(f"{what}: its best loss", "", bests)]
    for name in SURROGATES[1:]:
        pairs = list(zip(answers[name], without, strict=True))
        time, epochs = (
            [100 * (1 - one[part] / other[part]) for one, other in pairs] for part in ("processor", "epochs")
        )
        rows += [
            Figure(f"{what}: {name} surrogate", "s", [one["seconds"] for one, _ in pairs], times, "none"),
            Figure(f"{what}: {name}, epochs saved", "%", epochs),
            Figure(f"{what}: {name}, processor time saved", "%", time),
            Figure(f"{what}: {name}, the loss it cost", "", [one["best"] - other["best"] for one, other in pairs]),
        ]
    return rows


def main(arguments: list[str] | None = None) -> int:
    """Run all and print the table; returns the exit status."""
    given = parser().parse_args(arguments)
    python_of("torch", say)
    return show("islands: the tutorials' networks", tutorial(given), given.json)


if __name__ == "__main__":
    sys.exit(main())
