"""shoal doctor: is this machine fit, and is the journal sound?"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from typing import TYPE_CHECKING

import typer

from shoal.cli.options import DEFAULT_STORE, StoreOption, StudyArgument, open_study
from shoal.errors import ShoalError

if TYPE_CHECKING:
    from shoal.study import Study


def doctor(study: StudyArgument = None, store: StoreOption = DEFAULT_STORE) -> None:
    """Check this machine, the store, and that a study's journal is sound. Exit status 1 if something is wrong."""
    from shoal import __version__, catalog
    from shoal.engines.shares import cpus, visible_gpus

    gpus = visible_gpus(os.environ)
    free = shutil.disk_usage(os.getcwd()).free / 2**30
    typer.echo(f"shoal {__version__}, Python {platform.python_version()} at {sys.executable}, {platform.system()}")
    typer.echo(f"{cpus()} CPUs, {len(gpus)} GPUs, {free:.1f} GiB free in {os.getcwd()}")
    problems = [f"only {free:.2f} GiB are free on the disk"] if free < 0.5 else []
    try:
        place = catalog.store(store, create=False)
        names = place.studies()
        typer.echo(f"store {place.url}: opens, {len(names)} studies")  # which shows no password
        for name in [study] if study is not None else names:
            found = open_study(name, store)
            wrong, late = examine(found)
            history = found._journal.history
            apart = f", {late} more ends of attempts that others had taken over, which do not count" if late else ""
            typer.echo(
                f"study {name!r}: {history.length:,} trials, {history.ended:,} ended{apart}"
                + ("" if wrong else ", sound")
            )
            problems += [f"study {name!r}: {problem}" for problem in wrong]
    except ShoalError as error:
        problems.append(str(error))
    for problem in problems:
        typer.echo(f"problem: {problem}", err=True)
    if problems:
        raise typer.Exit(1)


def examine(study: Study) -> tuple[list[str], int]:
    """What is wrong with a study's journal, in words, and how many ends in it do not count, being of attempts that
    others had taken over."""
    from shoal.reports.audit import Audit
    from shoal.vitals import living

    history, audit = study._journal.history, Audit()
    for records in study._journal.pages():
        audit.take(records)
        history.fold_all(records)  # once more, with what has come since: the two are to agree
    alive = bool(living(study._journal.store, study.name))
    problems = []
    missing = [number for number in range(history.length) if history.state[number] == 0]
    if missing and not alive:
        problems.append(
            f"{len(missing)} numbers were granted but never run, such as {missing[0]}: `shoal resume` runs them"
        )
    if history.running and not alive:
        some = min(history.running)
        problems.append(
            f"{len(history.running)} trials have no peer any more, such as {some}: `shoal resume` runs them again"
        )
    blank = [number for number in history.numbers("done", "failed", "stopped") if not history.params(number)]
    if blank:
        problems.append(f"{len(blank)} trials ended, but their start is not in the journal, such as {blank[0]}")
    bare = [number for number in history.numbers("done") if history.value[number] != history.value[number]]
    if bare:
        problems.append(f"{len(bare)} trials are done without a value, such as {bare[0]}")
    return problems + audit.problems(history), audit.late
