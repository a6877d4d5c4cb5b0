"""shoal join and shoal resume: more peers for a study that is there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.cli.options import DEFAULT_STORE, JsonOption, StoreOption, StudyArgument, open_study
from shoal.cli.outcome import finish
from shoal.errors import StudyError

if TYPE_CHECKING:
    from shoal.study import Study

Target = Annotated[list[str] | None, typer.Argument(help="What to run, if it is not what the study was begun with.")]
Workers = Annotated[int, typer.Option("--workers", "-w", help="Processes to add.")]
Gpus = Annotated[float | None, typer.Option(help="GPUs for each worker; 0.5 lets two share one.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]
Timeout = Annotated[float | None, typer.Option(help="Seconds until these peers leave.")]


def join(
    study: StudyArgument = None, target: Target = None, store: StoreOption = DEFAULT_STORE, workers: Workers = 1,
    gpus: Gpus = None, timeout: Timeout = None, quiet: Quiet = False, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Add peers to a study, from anywhere that sees its store."""
    found = open_study(study, store)
    if found.reason:
        setting, reason = found._journal.history.bound()
        more = f" with another --{setting.replace('_', '-')}" if setting else ""
        raise StudyError(
            f"study {found.name!r} begins no new trials: {reason}; `shoal resume {found.name}` goes on{more}"
        )
    _run(found, target, store, workers, gpus, timeout, quiet, as_json, {})


def resume(
    study: StudyArgument = None, target: Target = None, store: StoreOption = DEFAULT_STORE, workers: Workers = 1,
    trials: Annotated[int | None, typer.Option("--trials", "-n", help="How many trials there will be in all.")] = None,
    done: Annotated[int | None, typer.Option(help="How many are to be done in all.")] = None,
    stop_at: Annotated[float | None, typer.Option("--target", help="Stop when the metric is as good as this.")] = None,
    patience: Annotated[int | None, typer.Option(help="Stop after so many trials without a better one.")] = None,
    max_failures: Annotated[int | None, typer.Option(help="Stop when the first so many trials all failed.")] = None,
    gpus: Gpus = None, timeout: Timeout = None, quiet: Quiet = False, as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Go on with a study that was stopped or interrupted; no trial that ended is lost or run again."""
    found = open_study(study, store)
    bounds = {"trials": trials, "done": done, "target": stop_at, "patience": patience, "max_failures": max_failures}
    _run(found, target, store, workers, gpus, timeout, quiet, as_json, bounds)


def _run(
    found: Study, target: list[str] | None, store: str, workers: int, gpus: float | None, timeout: float | None,
    quiet: bool, as_json: bool, bounds: Mapping[str, Any],
) -> None:  # fmt: skip
    from shoal import catalog, tune
    from shoal.clock import RealClock
    from shoal.moves import follow

    store, origin = catalog.full_url(store), os.getcwd()
    for change in follow(found._journal, RealClock()):
        typer.echo(f"shoal: study {found.name!r} was moved or copied: {change}", err=True)
    folder = found._journal.history.definition.folder
    if not target and folder is not None and os.path.isdir(folder):
        os.chdir(folder)  # the recorded objective is relative to where it was begun
    objective = None if not target else target[0] if len(target) == 1 else target
    try:
        study = tune(objective, name=found.name, store=store, workers=workers, gpus=gpus, timeout=timeout,
                     progress=not quiet, **bounds)  # fmt: skip
    finally:
        os.chdir(origin)
    finish(study, as_json)
