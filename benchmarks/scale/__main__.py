"""What many peers of one study take: ``python -m benchmarks.scale``."""

from __future__ import annotations

import argparse
import sys

from benchmarks.running import say
from benchmarks.scale import measures
from benchmarks.scale.traffic import traffic, weight
from benchmarks.table import Figure, show

MEASURES = {
    "utilisation": measures.utilisation,
    "simulated": measures.simulated,
    "postgresql": measures.crowd,
    "mpi": measures.mpi,
    "growth": measures.growth,
    "steps": measures.steps,
    "traffic": lambda size: traffic(size.peers),
    "weight": lambda size: weight(size.lengths),
}


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for and print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="few trials, once: to see that it works, not for figures")
    parser.add_argument("--only", nargs="+", choices=MEASURES, default=list(MEASURES), help="measure these alone")
    given = parser.parse_args(arguments)
    size = measures.QUICK if given.quick else measures.Size()
    figures: list[Figure] = []
    for name in given.only:
        say(name)
        figures += MEASURES[name](size)
    return show("scale", figures, given.json)


if __name__ == "__main__":
    sys.exit(main())
