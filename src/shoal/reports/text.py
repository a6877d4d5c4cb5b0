"""Numbers, params and durations as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shoal.history import History


def number(value: float | int | bool | str | None) -> str:
    """A metric in a few digits: 0.123457, 1.5e-07, 12."""
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def params_line(params: Mapping[str, Any], longest: int = 200) -> str:
    """Params in one line: ``lr=0.001 units=64``."""
    line = " ".join(f"{name}={number(value)}" for name, value in params.items())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def duration(seconds: float | None) -> str:
    """A time in its two largest units: 0.3 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if seconds is None or seconds != seconds:
        return "–"
    if seconds < 10:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def unfinished(history: History) -> str:
    """What a study has instead of a trial that is done: how many failed, and who leads of those that got furthest."""
    plan, failed = history.definition, history.counts["failed"]
    told = []
    for trial in history.numbers("running", "paused", "stopped"):
        reports = history.reports(trial)
        if reports and (loss := history.loss(reports[-1])) is not None:
            told.append((history.spent(reports[-1]), -loss, -trial))
    words = f"; {failed} failed" if failed else ""
    if told:
        spent, gain, trial = max(told)
        leader = f"trial {history.called(-trial)} leads, with {plan.metric} {history.sign * -gain:.6g}"
        words += f"; {leader} at {history.amount(spent)}"
    return words
