"""Trials a second, and what a trial costs as a study grows: ``python -m benchmarks.throughput``."""

from __future__ import annotations

import argparse
import sys

from benchmarks import measures
from benchmarks.memory import memory
from benchmarks.running import say
from benchmarks.table import Figure, show

MEASURES = {
    "ask-tell": measures.ask_tell,
    "functions": measures.functions,
    "scripts": measures.scripts,
    "preload": measures.preload,
    "growth": measures.growth,
}


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for and print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="few trials, once: to see that it works, not for figures")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES), help="measure these alone")
    parser.add_argument("--memory", action="store_true", help="also the memory of a million trials")
    given = parser.parse_args(arguments)
    size = measures.QUICK if given.quick else measures.Size()
    figures: list[Figure] = []
    for name in given.only:
        say(name)
        figures += MEASURES[name](size)
    if given.memory:
        say("memory")
        figures += memory(100_000 if given.quick else 1_000_000)
    return show("throughput", figures, given.json)


if __name__ == "__main__":
    sys.exit(main())
