"""shoal rm: a study and all that is kept of it."""

from __future__ import annotations

import shutil
from typing import Annotated

import typer

from shoal.cli.options import DEFAULT_STORE, StoreOption, complete_study, open_study
from shoal.errors import StudyError


def rm(
    study: Annotated[str, typer.Argument(metavar="STUDY", autocompletion=complete_study, help="The study's name.")],
    store: StoreOption = DEFAULT_STORE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    keep_files: Annotated[bool, typer.Option(help="Leave the files of its trials where they are.")] = False,
) -> None:
    """Remove a study from its store, with the files of its trials."""
    from shoal.clock import RealClock
    from shoal.files import study_directory
    from shoal.moves import follow
    from shoal.vitals import living

    found = open_study(study, store)
    journal = found._journal
    alive = living(journal.store, study)
    if alive:
        raise StudyError(f"{len(alive)} peers are at work on study {study!r}: `shoal stop {study}` first")
    follow(journal, RealClock())
    files = study_directory(journal.history.definition)
    with_files = files.exists() and not keep_files
    if not yes:
        what = f" and the files in {files}" if with_files else ""
        typer.confirm(f"Remove study {study!r} with its {journal.history.length:,} trials{what}?", abort=True)
    journal.store.remove(study)
    if with_files:
        shutil.rmtree(files)
    typer.echo(f"removed study {study!r}")
