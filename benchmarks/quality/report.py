"""From runs to a table and a figure: regrets, ranks, and how sure one can be of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table
from scipy.stats import rankdata

Run = Mapping[str, Any]
DRAWS = 1_000  # of the bootstrap


@dataclass(frozen=True)
class Score:
    """How one search did after some trials. Intervals hold the middle 95 % of what other seeds would have given."""

    search: str
    regret: float  # mean over tasks of the mean over seeds
    interval: tuple[float, float]
    median: float  # over tasks
    rank: float  # mean over tasks; 1 is best
    rank_interval: tuple[float, float]
    seconds: float  # of search, a trial
    runs: int


def scores(runs: Sequence[Run], checkpoint: float) -> list[Score]:
    """The scores of all searches on the tasks that all of them did, the best mean rank first."""
    found: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        if (regret := run["regrets"].get(str(checkpoint))) is not None:
            found.setdefault(run["search"], {}).setdefault(run["task"], []).append(regret)
    if not found:
        return []
    tasks = sorted(set.intersection(*(set(tasks) for tasks in found.values())))
    names = sorted(found)
    rng = np.random.default_rng(0)
    seeds = [[np.array(found[name][task]) for task in tasks] for name in names]
    real = np.array([[values.mean() for values in row] for row in seeds]).round(9)  # what differs less is tied
    drawn = np.array([[[rng.choice(values, len(values)).mean() for values in row] for row in seeds]
                      for _ in range(DRAWS)]) if tasks else np.empty((0, len(names), 0))  # fmt: skip
    ranks = rankdata(real, axis=0).mean(1) if tasks else np.full(len(names), np.nan)
    drawn_ranks = rankdata(drawn, axis=1).mean(2) if tasks else np.full((1, len(names)), np.nan)
    rows = [
        Score(
            search=name, regret=float(real[k].mean()), interval=_middle(drawn[:, k].mean(1)),
            median=float(np.median(real[k])), rank=float(ranks[k]), rank_interval=_middle(drawn_ranks[:, k]),
            seconds=float(np.mean([run["seconds"] for run in runs if run["search"] == name])),
            runs=sum(map(len, found[name].values())),
        )
        for k, name in enumerate(names)
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row.rank)


def _middle(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def table(rows: Sequence[Score], title: str) -> Table:
    shown = Table(title=title, caption="regret: 0 is the best known, 1 the median of random trials; in brackets: 95 %")
    shown.add_column("search")
    for heading in ("mean rank", "mean regret", "median regret", "search a trial", "runs"):
        shown.add_column(heading, justify="right")
    for row in rows:
        shown.add_row(
            row.search, f"{row.rank:.2f} ({row.rank_interval[0]:.2f}–{row.rank_interval[1]:.2f})",
            f"{row.regret:.4f} ({row.interval[0]:.4f}–{row.interval[1]:.4f})", f"{row.median:.4f}",
            f"{1e3 * row.seconds:,.3g} ms", str(row.runs),
        )  # fmt: skip
    return shown


def figure(panels: Mapping[str, Mapping[Any, Sequence[Score]]], path: Path, along: str = "trials") -> None:
    """Mean regret and mean rank against trials or time, a column for each kind of run (1 worker, 8 workers)."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(6 * len(panels), 8), layout="constrained")
    axes = drawing.subplots(2, len(panels), squeeze=False)
    for column, (title, by_checkpoint) in enumerate(panels.items()):
        names = sorted({row.search for rows in by_checkpoint.values() for row in rows})
        for name in names:
            own = {n: row for n, rows in by_checkpoint.items() for row in rows if row.search == name}
            at = sorted(own)
            style: dict[str, Any] = {"label": name, "linewidth": 3 if name.startswith("shoal") else 1.2, "marker": "o"}
            lines = axes[0][column].plot(at, [own[n].regret for n in at], **style)
            low, high = zip(*(own[n].interval for n in at), strict=True)
            axes[0][column].fill_between(at, low, high, alpha=0.12, color=lines[0].get_color())
            axes[1][column].plot(at, [own[n].rank for n in at], **style)
        axes[0][column].set(title=title, ylabel="mean normalised regret", yscale="log", xscale="log")
        axes[1][column].set(xlabel=along, ylabel="mean rank", xscale="log")
        axes[1][column].invert_yaxis()
        for row in (0, 1):
            axes[row][column].set_xticks(sorted(by_checkpoint), [str(n) for n in sorted(by_checkpoint)])
            axes[row][column].grid(alpha=0.3)
        axes[0][column].legend(fontsize=8)
    drawing.savefig(path, dpi=120)
