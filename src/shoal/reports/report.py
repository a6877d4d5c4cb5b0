"""A report: the best, what matters, and figures, as text, as data and as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from shoal.errors import StudyError
from shoal.history import History
from shoal.reports import figures
from shoal.reports.importance import TREES, Importance, importance
from shoal.reports.pareto import Front, front
from shoal.reports.style import Style, draw


@dataclass(frozen=True)
class Report:
    """What is known of a study at the moment; ``notes`` says what could not be found out, and why."""

    history: History
    front: Front | None  # with several metrics
    importances: list[Importance]
    notes: list[str]

    def to_json(self) -> dict[str, Any]:
        history = self.history
        best = None if history.best is None else history.trial(history.best)
        return {
            "study": history.definition.name, "counts": history.counts, "metric": history.definition.metric,
            "best": None if best is None else {"number": best.number, "value": best.value, "params": best.params},
            "pareto": None if self.front is None else [
                {"number": n, "metrics": {m: history.metrics(n)[m] for m in self.front.metrics},
                 "params": history.params(n)} for n in self.front.trials
            ],
            "importances": {
                one.metric: {"trials": one.trials, "fanova": one.fanova, "mdi": one.mdi,
                             "pairs": {f"{a} × {b}": share for (a, b), share in one.pairs.items()}}
                for one in self.importances
            },
            "notes": self.notes,
        }  # fmt: skip


def make(history: History, goals: Mapping[str, str], trees: int = TREES) -> Report:
    """A report over the metrics with their goals; the study's own comes first. Raises StudyError while none is done."""
    if history.best is None:
        raise StudyError(f"study {history.definition.name!r} has no finished trial yet, so there is nothing to report")
    found, notes = [], []
    for metric in goals:
        try:
            found.append(importance(history, metric, trees))
        except StudyError as error:
            notes.append(str(error))
    return Report(history, front(history, goals) if len(goals) > 1 else None, found, notes)


def paint(report: Report, folder: Path, styles: Mapping[str, Style]) -> list[Path]:
    """Write the figures of a report into a folder; returns their paths."""
    history, name = report.history, report.history.definition.name

    def drawn(figure: str, paint: Any, **options: Any) -> Path:
        return draw(folder, figure, styles.get(figure, Style()), paint, **options)

    paths = [drawn("optimization_history", partial(figures.history_figure, history))]
    if any(history.count_reports(number) for number in range(history.length)):
        paths.append(drawn("intermediate_values", partial(figures.curves_figure, history)))
    if report.front is not None:
        wide = 6.5 * len(report.front.metrics) * (len(report.front.metrics) - 1) / 2
        painter = partial(figures.front_figure, report.front, name)
        paths.append(drawn("pareto_front", painter, size=(max(wide, 7), 5.5)))
    for one in report.importances:
        stem = "" if one.metric == history.definition.metric else f"_{_plain(one.metric)}"
        high = 1.6 + 0.55 * len(one.fanova)
        paths.append(drawn("importances", partial(figures.importances_figure, one), size=(8, high),
                           stem=f"importances{stem}"))  # fmt: skip
        painter = partial(figures.dependence_figure, history, one)
        paths.append(drawn("partial_dependence", painter, size=figures.dependence_size(one),
                           stem=f"partial_dependence_{_plain(one.metric)}"))  # fmt: skip
    return paths


def _plain(name: str) -> str:
    """A metric's name as part of a file's."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[:80]
