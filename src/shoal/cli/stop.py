"""shoal stop: no new trials, wherever the peers are."""

from __future__ import annotations

import time

import typer

from shoal.cli.options import DEFAULT_STORE, StoreOption, StudyArgument, open_study


def stop(study: StudyArgument = None, store: StoreOption = DEFAULT_STORE) -> None:
    """Have all peers of a study begin no new trial; running ones get their grace, and jobs are cancelled. `shoal
    resume` goes on."""
    from shoal.engines.jobs import cancel, elsewhere
    from shoal.files import submit_directory
    from shoal.vitals import living

    found = open_study(study, store)
    journal = found._journal
    journal.append(journal.history.next_order("stop", "stopped by `shoal stop`", time.time()))
    journal.flush()
    alive = len(living(journal.store, found.name))
    typer.echo(f"study {found.name!r} begins no new trials; {alive} peers were at work")
    place = submit_directory(journal.history.definition)
    cancelled = cancel(place, journal.store.url)
    if cancelled is not None:
        typer.echo(f"cancelled jobs: {' '.join(cancelled) or 'none; none was waiting or running'}")
    for store, jobs in elsewhere(place, journal.store.url).items():
        typer.echo(f"jobs for {store} are left alone: {' '.join(jobs)}")
