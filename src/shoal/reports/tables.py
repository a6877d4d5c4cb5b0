"""Trials as a table: one row a trial."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal.errors import ShoalError, unknown
from shoal.files import replacing
from shoal.space import Space
from shoal.trial import Trial

if TYPE_CHECKING:
    import pandas as pd

FORMATS = (".csv", ".json", ".jsonl")


def rows(trials: Iterable[Trial], space: Space) -> tuple[list[str], list[dict[str, Any]]]:
    """The names of the columns, and a dict for each trial; a metric or a param that shares a column's name gets
    ``metric:`` or ``param:`` before it."""
    trials = list(trials)
    params = list(dict.fromkeys([*space.domains, *(name for trial in trials for name in trial.params)]))
    metrics = list(dict.fromkeys(name for trial in trials for name in trial.metrics))
    fixed = ["number", "outcome"]
    last = ["started", "seconds", "attempt", "peer", "why", "reason"]
    last += ["islands"] if any(trial.islands for trial in trials) else []
    as_param = {name: f"param:{name}" if name in (*fixed, *last) else name for name in params}
    as_column = {name: f"metric:{name}" if name in (*fixed, *last, *params) else name for name in metrics}
    table = [
        {
            "number": trial.number,
            "outcome": trial.outcome,
            **{as_param[name]: value for name, value in trial.params.items()},
            **{as_column[name]: value for name, value in trial.metrics.items()},
            "started": trial.time and datetime.fromtimestamp(trial.time).astimezone().isoformat(" ", "milliseconds"),
            **{name: list(told) if name == "islands" else told for name in last[1:] for told in [getattr(trial, name)]},
        }
        for trial in trials
    ]
    return [*fixed, *as_param.values(), *as_column.values(), *last], table


def to_frame(trials: Iterable[Trial], space: Space) -> pd.DataFrame:
    """A pandas data frame. Raises ShoalError where pandas is not installed."""
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise ShoalError(
            "to_frame needs pandas: pip install 'shoal[pandas]'; study.export('results.csv') does not"
        ) from None
    columns, table = rows(trials, space)
    return pd.DataFrame(table, columns=columns)


def export(trials: Iterable[Trial], space: Space, path: Path) -> Path:
    """Write the table of trials to a file. Raises ShoalError for another format than .csv, .json or .jsonl."""
    if path.suffix not in FORMATS:
        raise ShoalError(unknown("format of an export", path.suffix, FORMATS))
    return write_table(path, *rows(trials, space))


def write_table(path: Path, columns: Sequence[str], table: Sequence[dict[str, Any]]) -> Path:
    """Write rows to a file, all at once."""
    try:
        with replacing(path) as fresh, fresh.open("w", newline="", encoding="utf-8") as file:
            _write(file, path.suffix, columns, table)
    except OSError as error:
        raise ShoalError(f"cannot write {path}: {error.strerror or error}") from None
    return path


def _write(file: Any, suffix: str, columns: Sequence[str], table: Sequence[dict[str, Any]]) -> None:
    if suffix == ".csv":
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_cell(row.get(column)) for column in columns] for row in table)
    elif suffix == ".json":
        json.dump(table, file, indent=1, ensure_ascii=False)
    else:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in table)


def _cell(value: Any) -> Any:
    """A value as a cell: text and numbers as they are, the rest as JSON."""
    return json.dumps(value) if isinstance(value, (list, dict, bool)) else value
