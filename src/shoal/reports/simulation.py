"""Simulated studies as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from shoal.errors import ShoalError
from shoal.reports.text import duration, number


class Run(Protocol):
    """What is shown of a simulated study."""

    @property
    def peers(self) -> int: ...
    @property
    def search(self) -> str: ...
    @property
    def stopping(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def cost(self) -> float: ...
    @property
    def best(self) -> float | None: ...
    @property
    def trials(self) -> int: ...
    @property
    def outcomes(self) -> Mapping[str, int]: ...
    @property
    def utilisation(self) -> float: ...
    @property
    def saved(self) -> float: ...
    @property
    def lost(self) -> float | None: ...
    @property
    def points(self) -> list[tuple[float, float, float]]: ...


DASHES = ("-", "--", ":", "-.")  # one for each number of peers; there are ten colours, one for each search and rule


def table(runs: Sequence[Run], metric: str) -> Any:
    """One row a run, in the order given."""
    from rich.table import Table

    shown = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("peers", "search", "stopping"):
        shown.add_column(heading)
    for heading in (f"best {metric}", "found after", "time", "cost", "busy", "trials", "done", "saved", "lost"):
        shown.add_column(heading, justify="right")
    for run in runs:
        found = duration(run.points[-1][0]) if run.points else "–"
        shown.add_row(
            str(run.peers), run.search, run.stopping, number(run.best), found, duration(run.seconds),
            duration(run.cost), f"{run.utilisation:.0%}", str(run.trials), str(run.outcomes.get("done", 0)),
            f"{run.saved:.0%}", number(run.lost),
        )  # fmt: skip
    return shown


def picture(runs: Sequence[Run], metric: str, path: Path) -> None:
    """The best value against time, and against cost. Raises ShoalError where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ShoalError("a picture needs matplotlib: pip install 'shoal[plots]'; --no-plot does without") from None
    drawing = Figure(figsize=(12, 5), layout="constrained")
    left, right = drawing.subplots(1, 2, sharey=True)
    ways = list(dict.fromkeys((run.search, run.stopping) for run in runs))
    crowds = list(dict.fromkeys(run.peers for run in runs))
    for run in runs:
        way = ways.index((run.search, run.stopping))
        look = {"color": f"C{way}", "linestyle": DASHES[(crowds.index(run.peers) + way // 10) % len(DASHES)]}
        label = f"{run.peers} peer{'s' * (run.peers != 1)}, {run.search}, {run.stopping}"
        for axis, place, end in ((left, 0, run.seconds), (right, 1, run.cost)):
            at, best = [point[place] for point in run.points], [point[2] for point in run.points]
            if best:
                axis.step([*at, max(end, at[-1])], [*best, best[-1]], where="post", label=label, **look)
    left.set(xlabel="wall-clock time in seconds", ylabel=f"best {metric} so far", xscale="log")
    right.set(xlabel="cost: seconds that trials ran, on all peers", xscale="log")
    for axis in (left, right):
        axis.grid(alpha=0.3)
    values = [point[2] for run in runs for point in run.points]
    if values:
        left.legend(fontsize=8)
        if min(values) > 0 and max(values) > 50 * min(values):
            left.set_yscale("log")
    try:
        drawing.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise ShoalError(f"cannot write {path}: {error}") from None
