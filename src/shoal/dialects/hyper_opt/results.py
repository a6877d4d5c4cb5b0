"""The tables of results that ECHO keeps: one of each worker, and all of them merged. Each is whole at any moment."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shoal.files import write_whole

Row = Mapping[str, Any]
FOLDER, MERGED = "trial_results", "trial_results.csv"


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a table; none where there is no file. A row that lacks cells was not written to its end."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [
                row for row in csv.DictReader(file) if (row.get("trial") or "").isdecimal() and None not in row.values()
            ]
    except FileNotFoundError:
        return []


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, one a trial, in the order of their numbers; of two of the same trial the later counts."""
    by_trial = {int(row["trial"]): row for row in rows}
    columns = list(dict.fromkeys(name for row in by_trial.values() for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(by_trial[number] for number in sorted(by_trial))
    write_whole(path, text.getvalue())


def merge(save_path: Path) -> Path:
    """Merge the tables of all workers into ``trial_results.csv``; returns its path."""
    parts = sorted((save_path / FOLDER).glob("trial_results_*.csv"), key=lambda path: path.stat().st_mtime)
    path = save_path / MERGED
    if parts:
        write(path, [row for part in parts for row in read(part)])
    return path
