"""The table of a search, as DeepHyper has it: ``results.csv`` and its best rows."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.dialects.deephyper.job import METRIC
from shoal.errors import ShoalError
from shoal.reports.tables import write_table
from shoal.reports.text import duration, number, params_line
from shoal.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

    from shoal.study import Study

ENDED = ("done", "stopped", "failed")
TABLE, LOG = "results.csv", "shoal.log"


def rows(study: Study) -> tuple[list[str], list[dict[str, Any]]]:
    """The names of the columns, and a dict for each trial that ended, in the order in which they were begun.

    ``p:*`` are the params, ``m:*`` what is said beside: ``m:timestamp_submit`` and ``m:timestamp_gather`` in seconds
    since the first trial began.
    """
    trials = [trial for trial in study.trials if trial.outcome in ENDED]
    began = min((trial.time for trial in trials if trial.time is not None), default=0.0)
    table = [_row(trial, began) for trial in trials]
    params = [f"p:{name}" for name in sorted(study.space.domains)]
    fixed = [METRIC, "job_id", "job_status", "m:timestamp_submit", "m:timestamp_gather"]
    others = dict.fromkeys(name for row in table for name in row if name not in (*params, *fixed))
    return [*params, *fixed, *others], table


def _row(trial: Trial, began: float) -> dict[str, Any]:
    submit = (trial.time or began) - began
    found: dict[str, Any] = {f"p:{name}": value for name, value in trial.params.items()}
    failed = trial.outcome == "failed"
    found[METRIC] = (trial.reason if trial.reason.startswith("F") else "F") if failed else trial.metrics.get(METRIC)
    found |= {"job_id": trial.number, "job_status": "FAILED" if failed else "DONE"}
    found |= {"m:timestamp_submit": submit, "m:timestamp_gather": submit + (trial.seconds or 0.0)}
    found |= {f"m:{name.removeprefix('m:')}": value for name, value in trial.metrics.items() if name != METRIC}
    if trial.reason:
        found["m:reason"] = trial.reason
    return found


def frame(study: Study) -> pd.DataFrame:
    """The table as a data frame. Raises ShoalError where pandas is not installed."""
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise ShoalError(
            "what search() returns is a table of pandas: pip install 'shoal[pandas]'; results.csv is written without it"
        ) from None
    columns, table = rows(study)
    return pd.DataFrame(table, columns=columns)


def keep_former(folder: Path) -> Path | None:
    """Rename the table that an earlier search has left, after the time at which it ended; returns its new path."""
    path = folder / TABLE
    if not path.exists():
        return None
    when = datetime.fromtimestamp(path.stat().st_mtime)
    kept = folder / f"results_{when:%Y%m%d-%H%M%S}.csv"
    return path.rename(kept)


def write(study: Study, folder: Path, table: bool = True) -> None:
    """Write the table, and the log: a line for each trial that began and that ended."""
    if table:
        columns, found = rows(study)
        write_table(folder / TABLE, columns, [_told(row, columns) for row in found])
    lines = [line for trial in study.trials for line in _lines(trial)]
    text = "".join(f"{datetime.fromtimestamp(when).isoformat(' ', 'milliseconds')} {words}\n"
                   for when, words in sorted(lines))  # fmt: skip
    try:
        (folder / LOG).write_text(f"study {study.name!r}\n{text}", encoding="utf-8")
    except OSError as error:
        raise ShoalError(f"cannot write {folder / LOG}: {error.strerror or error}") from None


def _told(row: dict[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """A row whose params tell what was None, null, from what was not searched, an empty cell."""
    return {name: "null" if name.startswith("p:") and name in row and row[name] is None else row.get(name)
            for name in columns}  # fmt: skip


def _lines(trial: Trial) -> list[tuple[float, str]]:
    if trial.time is None:
        return []
    begun = (trial.time, f"trial {trial.number} began with {params_line(trial.params)} ({trial.why})")
    if trial.outcome not in ENDED:
        return [begun]
    value = trial.metrics.get(METRIC)
    told = f": {METRIC} {number(value)}" if value is not None else ""
    reason = f" ({trial.reason})" if trial.reason else ""
    ended = f"trial {trial.number} {trial.outcome} after {duration(trial.seconds)}{told}{reason}"
    return [begun, (trial.time + (trial.seconds or 0.0), ended)]


# ---------------------------------------------------------------------- the best rows of a table


def best_rows(path: Path, count: int) -> dict[str, dict[str, Any]]:
    """The rows of a table with the greatest objective, by their rank "0", "1" …: params and objective by their names,
    ``id`` and ``elapsed_sec``, and what else was said of them.

    Tables of DeepHyper's are read as well. Raises ShoalError for what is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ShoalError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if not table or METRIC not in table[0]:
        raise ShoalError(
            f"{path} has {'no rows' if not table else 'no column objective'}: give a results.csv of `shoal hps` or of "
            "DeepHyper, or the name of a study"
        )
    scored = [(score, row) for row in table if (score := _score(row[METRIC])) is not None]
    if not scored:
        raise ShoalError(f"{path}: none of its {len(table)} rows has a number as its objective")
    ranked = sorted(scored, key=lambda pair: -pair[0])[:count]
    return {str(rank): _named(row) for rank, (_, row) in enumerate(ranked)}


def _score(text: str | None) -> float | None:
    try:
        score = float(text or "nan")
    except ValueError:
        return None
    return score if math.isfinite(score) else None


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """A row of either age by the names that DeepHyper prints."""
    found: dict[str, Any] = {}
    names = {"job_id": "id", "m:timestamp_gather": "elapsed_sec"}
    for column, text in row.items():
        if column in ("job_status", "m:timestamp_submit") or not isinstance(text, str) or not text:
            continue
        name = names.get(column, column.removeprefix("p:").removeprefix("m:"))
        found[column if name in found else name] = _value(text)
    return found


def _value(text: str) -> Any:
    try:
        value = json.loads({"True": "true", "False": "false"}.get(text, text))
    except ValueError:
        return text
    return value if not isinstance(value, float) or math.isfinite(value) else text
