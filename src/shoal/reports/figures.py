"""A study in pictures: its history, its curves, what matters, how the metric goes with each param, the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from shoal.history import History
from shoal.reports.importance import Dependence, Importance, values_of
from shoal.reports.pareto import Front
from shoal.space import Space
from shoal.space.domain import Array

GREY, BLUE, RED = "0.7", "C0", "C3"
CURVES: Final = 200  # that are drawn, evenly chosen
ACROSS: Final = 4  # panels in a row
NAMED: Final = 12  # trials of a front, at most, that get their numbers


def history_figure(history: History, figure: Any) -> None:
    """The metric of each done trial, and the best so far."""
    metric = history.definition.metric
    numbers, values = values_of(history, metric)
    best = np.maximum if history.definition.goal == "maximize" else np.minimum
    axis = figure.subplots()
    axis.scatter(numbers, values, color=GREY, s=16, label="trials")
    axis.step(numbers, best.accumulate(values), where="post", color=RED, label="best so far")
    axis.set(xlabel="trial", ylabel=metric, title=f"{history.definition.name}: {metric}")
    if _spread(values):
        axis.set_yscale("log")
    axis.grid(alpha=0.3)
    axis.legend()


def curves_figure(history: History, figure: Any) -> None:
    """The metric that trials reported, by step: those that are done, those that were stopped, and the best of all."""
    metric, space = history.definition.metric, [n for n in range(history.length) if history.count_reports(n)]
    chosen = {int(n) for n in np.linspace(0, len(space) - 1, min(CURVES, len(space))).round()}
    axis, told = figure.subplots(), []
    kinds = {"done": (BLUE, "done"), "stopped": (GREY, "stopped early"), "paused": (GREY, "stopped early")}
    labelled: set[str] = set()
    for place, number in enumerate(space):
        reports = [(r.step, r.metrics[metric]) for r in history.reports(number) if _is_number(r.metrics.get(metric))]
        if not reports or (place not in chosen and number != history.best):
            continue
        colour, label = kinds.get(history.trial(number).outcome, ("C1", "others"))
        best = number == history.best
        axis.plot(
            *zip(*reports, strict=True), color=RED if best else colour, lw=2.5 if best else 0.9,
            alpha=1 if best else 0.7, zorder=3 if best else 2, marker="." if len(reports) == 1 else None,
            label=f"best: trial {number}" if best else None if label in labelled else label,
        )  # fmt: skip
        labelled |= set() if best else {label}
        told += [value for _, value in reports]
    axis.set(xlabel="step", ylabel=metric, title=f"{history.definition.name}: {metric} while trials ran")
    if told and _spread(np.array(told)):
        axis.set_yscale("log")
    axis.grid(alpha=0.3)
    axis.legend()


def importances_figure(found: Importance, figure: Any) -> None:
    """fANOVA and MDI of each param, the most important on top."""
    names = list(found.fanova)[::-1]
    axis, at = figure.subplots(), np.arange(len(names))
    for shift, bars, label in ((0.2, found.fanova, "fANOVA: share of the variance"), (-0.2, found.mdi, "MDI")):
        drawn = axis.barh(at + shift, [bars[name] for name in names], 0.38, label=label)
        axis.bar_label(drawn, fmt="%.2f", padding=3, fontsize="small")
    axis.set_yticks(at, [_short(name) for name in names])
    axis.set(xlabel="importance", title=f"what {found.metric} depends on, by {found.trials} trials")
    axis.margins(x=0.12)
    axis.legend(loc="lower right")


def dependence_figure(history: History, found: Importance, figure: Any) -> None:
    """A panel a param: the trials, and what the forest expects at each value over all others."""
    count = len(found.dependence)
    rows = math.ceil(count / ACROSS)
    axes = figure.subplots(rows, min(count, ACROSS), squeeze=False, sharey=True)
    numbers, y = values_of(history, found.metric)
    for place, (axis, one) in enumerate(zip(axes.ravel(), found.dependence, strict=False)):
        _panel(history.space, numbers, y, one, axis, history)
        axis.set_xlabel(f"{_short(one.name)}  ({found.fanova[one.name]:.0%})")
        if place % ACROSS == 0:
            axis.set_ylabel(found.metric)
    for axis in axes.ravel()[count:]:
        axis.remove()
    kept = y[np.isfinite(y)]
    if _spread(kept):
        axes[0, 0].set_yscale("log")
    axes[0, 0].legend(fontsize="small")


def dependence_size(found: Importance) -> tuple[float, float]:
    """Inches: as wide and as high as the panels need."""
    count = len(found.dependence)
    return max(3.2 * min(count, ACROSS), 5.0), 2.9 * math.ceil(count / ACROSS) + 0.3


def _panel(space: Space, numbers: Any, y: Array, one: Dependence, axis: Any, history: History) -> None:
    domain = space.searched[one.name]
    places = [(history.params(int(n)).get(one.name), v) for n, v in zip(numbers, y, strict=True)]
    known: list[tuple[Any, Any]] = [(value, v) for value, v in places if value is not None or None in one.values]
    style: dict[str, Any] = {"color": RED, "label": "expected"}
    if domain.width > 1 or not all(_is_number(value) for value in one.values):
        labels = [str(value) for value in one.values]
        at = {label: k for k, label in enumerate(labels)}
        pairs = [(at[str(value)], v) for value, v in known if str(value) in at]
        axis.errorbar(range(len(labels)), one.means, one.spread, fmt="o", capsize=3, zorder=3, **style)
        axis.set_xticks(range(len(labels)), [_short(label, 12) for label in labels],
                        rotation=45 if max(map(len, labels)) * len(labels) > 24 else 0)  # fmt: skip
        axis.margins(x=0.15)
    else:
        pairs = known
        values = np.array(one.values, dtype=float)
        axis.plot(values, one.means, zorder=3, **style)
        axis.fill_between(values, one.means - one.spread, one.means + one.spread, color=RED, alpha=0.15, lw=0)
        if "log" in (getattr(domain, "scale", ""), getattr(domain, "kind", "")):
            axis.set_xscale("log")
        elif all(isinstance(value, int) for value in one.values):
            axis.xaxis.get_major_locator().set_params(integer=True)
    if pairs:
        axis.scatter(*zip(*pairs, strict=True), color=GREY, s=10, label="trials", zorder=1)
    axis.grid(alpha=0.3)


def front_figure(front: Front, name: str, figure: Any) -> None:
    """Every two metrics against each other, with the trials on the front and their numbers."""
    count = len(front.metrics)
    pairs = [(j, k) for j in range(count) for k in range(j + 1, count)]
    axes = figure.subplots(1, len(pairs), squeeze=False)[0]
    for axis, (j, k) in zip(axes, pairs, strict=True):
        others, best = front.values[~front.best], front.values[front.best]
        axis.scatter(others[:, j], others[:, k], color=GREY, s=16, label="trials")
        order = np.argsort(best[:, j], kind="stable")
        axis.plot(best[order, j], best[order, k], color=RED, marker="o", ms=5, lw=1 if count == 2 else 0,
                  label="Pareto front")  # fmt: skip
        if len(best) <= NAMED:
            for number, value in zip(front.numbers[front.best], best, strict=True):
                axis.annotate(str(number), value[[j, k]], xytext=(2, 5), textcoords="offset points", fontsize="small",
                              rotation=60)  # fmt: skip
        for direction, column in (("x", j), ("y", k)):
            scale = "log" if _spread(front.values[:, column]) else "linear"
            axis.set(
                **{f"{direction}label": f"{front.metrics[column]} ({front.goals[column]})", f"{direction}scale": scale}
            )
        axis.grid(alpha=0.3)
    axes[0].set_title(f"{name}: {int(front.best.sum())} of {len(front.numbers)} trials are beaten by none")
    axes[0].legend()


def _spread(values: Array | Sequence[float]) -> bool:
    """Whether values are all above 0 and cover orders of magnitude."""
    values = np.asarray(values)
    return bool(len(values) and values.min() > 0 and values.max() > 100 * values.min())


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _short(name: str, longest: int = 24) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"
