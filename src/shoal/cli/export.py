"""shoal export: the trials as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from shoal.cli.options import DEFAULT_STORE, StoreOption, StudyArgument, open_study


def export(
    study: StudyArgument = None,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv, .json or .jsonl file.")] = Path("results.csv"),
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write one row a trial: number, outcome, params, metrics, times, peer, reason."""
    found = open_study(study, store)
    trials = found.trials
    found.export(path)
    typer.echo(f"{len(trials):,} trials of study {found.name!r} in {path}")
