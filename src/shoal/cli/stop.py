"""shoal stop: no new trials, wherever the peers are."""

from __future__ import annotations

import time

import typer

from shoal.cli.options import DEFAULT_STORE, StoreOption, StudyArgument, open_study


def stop(study: StudyArgument = None, store: StoreOption = DEFAULT_STORE) -> None:
    """Have all peers of a study begin no new trial; running ones get their grace. `shoal resume` goes on."""
    from shoal.vitals import living

    found = open_study(study, store)
    journal = found._journal
    journal.append(journal.history.next_order("stop", "stopped by `shoal stop`", time.time()))
    journal.flush()
    alive = len(living(journal.store, found.name))
    typer.echo(f"study {found.name!r} begins no new trials; {alive} peers were at work")
