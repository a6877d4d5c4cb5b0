"""Figures, whether they are as wanted, and the table that shows them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.running import machine


@dataclass(frozen=True)
class Figure:
    """One line of the table: Shoal's samples beside those of a peer, and one bound at most.

    ``at_least`` and ``at_most`` bound the ratio of the medians, Shoal's over the peer's; ``limit`` bounds Shoal's own
    median from above, ``floor`` from below. ``flaw`` says what was wrong beside the time, such as trials that
    were lost.
    """

    what: str
    unit: str
    shoal: Sequence[float]
    peer: Sequence[float] = ()
    peer_name: str = ""
    at_least: float | None = None
    at_most: float | None = None
    limit: float | None = None
    floor: float | None = None
    flaw: str = ""

    @property
    def ratio(self) -> float | None:
        return median(self.shoal) / median(self.peer) if self.peer else None

    @property
    def wanted(self) -> str:
        """The bound in words."""
        if self.limit is not None:
            return f"≤ {_number(self.limit)} {self.unit}"
        if self.floor is not None:
            return f"≥ {_number(self.floor)} {self.unit}"
        if self.at_least is not None:
            return f"≥ {self.at_least:g}x"
        return f"≤ {self.at_most:g}x" if self.at_most is not None else ""

    @property
    def ok(self) -> bool | None:
        """Whether the figure is as wanted; None where nothing is."""
        if self.flaw:
            return False
        if self.limit is not None:
            return median(self.shoal) <= self.limit
        if self.floor is not None:
            return median(self.shoal) >= self.floor
        if self.ratio is None or not self.wanted:
            return None
        return self.ratio >= self.at_least if self.at_least is not None else self.ratio <= (self.at_most or 0.0)

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.what, "unit": self.unit, "shoal": median(self.shoal),
            "peer": median(self.peer) if self.peer else None, "peer_name": self.peer_name, "ratio": self.ratio,
            "wanted": self.wanted, "ok": self.ok, "flaw": self.flaw,
            "samples": {"shoal": list(self.shoal), "peer": list(self.peer)},
        }  # fmt: skip


def show(title: str, figures: Iterable[Figure], as_json: bool) -> int:
    """Print the figures as a table, or as JSON; returns the exit status: 1 where one is not as wanted."""
    rows = list(figures)
    if as_json:
        found = {"benchmark": title, "machine": machine(), "figures": [row.to_json() for row in rows]}
        print(json.dumps(found, indent=1))
    else:
        console = Console(width=None if sys.stdout.isatty() else 150)
        console.print(_table(title, rows))
    return int(any(row.ok is False for row in rows))


def _table(title: str, figures: Sequence[Figure]) -> Table:
    table = Table(title=title, caption=f"medians; in brackets the lowest and highest sample; {machine()}")
    table.add_column("what")
    for heading in ("Shoal", "peer", "ratio", "wanted"):
        table.add_column(heading, justify="right")
    table.add_column("ok")
    for row in figures:
        mark = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}[row.ok]
        peer = f"{row.peer_name} {_cell(row.peer, row.unit)}" if row.peer else row.peer_name
        ratio = "" if row.ratio is None else f"{row.ratio:,.3g}x" if row.ratio < 1_000 else f"{row.ratio:,.0f}x"
        table.add_row(row.what, _cell(row.shoal, row.unit), peer, ratio, row.wanted, f"{mark} {row.flaw}".strip())
    return table


def _cell(samples: Sequence[float], unit: str) -> str:
    spread = f" ({_number(min(samples))}–{_number(max(samples))})" if len(samples) > 1 else ""
    return f"{_number(median(samples))} {unit}{spread}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
