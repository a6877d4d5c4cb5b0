"""The memory that the history of a million trials of ten params takes: ``python -m benchmarks.memory``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.running import interleave, run_script, say
from benchmarks.table import Figure, show

GIB = float(1 << 30)


def memory(trials: int = 1_000_000, repeats: int = 1) -> list[Figure]:
    """Peak memory of a process that reads a study of so many trials and looks at all of their params."""
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
        file = Path(folder, "study.db")
        say(f"  creating a study of {trials:,} trials")
        run_script("shoal", "shoal_sqlite.py", trials, 2, file)
        answers = interleave(repeats, fold=lambda: run_script("shoal", "shoal_fold.py", file, "noop"))["fold"]
    found = {answer["trials"] for answer in answers}
    flaw = "" if found == {trials} else f"the history has {found} trials"
    what = f"{trials:,} trials of 10 params"
    return [
        Figure(f"{what}: peak memory", "GiB", [a["peak"] / GIB for a in answers], limit=1.5, flaw=flaw),
        Figure(f"{what}: memory before the params are looked at", "GiB", [a["folded"] / GIB for a in answers]),
        Figure(f"{what}: time to read the journal", "s", [a["seconds"] for a in answers]),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Measure and print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--trials", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=1)
    given = parser.parse_args(arguments)
    return show("memory", memory(given.trials, given.repeats), given.json)


if __name__ == "__main__":
    sys.exit(main())
