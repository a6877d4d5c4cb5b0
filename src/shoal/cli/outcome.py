"""What `tune`, `resume` and `join` say in the end."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from shoal.cli import FAILED, INTERRUPTED
from shoal.cli.options import next_words, print_json

if TYPE_CHECKING:
    from shoal.study import Study


def finish(study: Study, as_json: bool, table: str = "results.csv") -> None:
    """Say what came out, where it lies, and what to type next: among other things, to export a ``table``."""
    from shoal.files import study_directory

    journal = study._journal
    history = journal.history
    best = None if history.best is None else history.trial(history.best)
    files = study_directory(history.definition)
    if as_json and study.speaks:
        print_json({
            "study": study.name, "store": journal.store.url, "files": str(files), "reason": study.ended,
            "ended": history.ended, "failed": history.counts["failed"],
            "best": None if best is None else {"number": best.number, "value": best.value, "params": best.params},
        })  # fmt: skip
    elif study.speaks:
        _say(study, best, files, table)
    if study.ended.startswith("interrupted"):
        raise typer.Exit(INTERRUPTED)
    if best is None and history.counts["failed"]:
        raise typer.Exit(FAILED)


def _say(study: Study, best: Any, files: Path, table: str) -> None:
    from shoal.reports.text import number

    url = study._journal.store.url
    heading, shown = next_words(url)
    if best is not None:
        typer.echo(f"Best {study._journal.history.definition.metric}: {number(best.value)} (trial {best.number})")
        width = max(map(len, best.params), default=0)
        for name, value in best.params.items():
            typer.echo(f"  {name:<{width}}  {number(value)}")
    else:
        _say_failure(study)
    if not study.ran:
        setting = study._journal.history.bound()[0].replace("_", "-")
        remedy = f" Another --{setting} brings more, another --name begins afresh." if setting else ""
        idle = study.reason and not study._journal.history.counts["paused"]
        what = "Nothing was run" if idle else "No trial came to its end"
        typer.echo(f"{what}: {study.reason or study.ended}.{remedy}")
    name = shlex.quote(study.name)
    typer.echo(f"Results: study {study.name!r} in {url}; files in {files}")
    typer.echo(heading)
    history = study._journal.history
    if not study.reason or (history.order is not None and history.order.order == "stop"):
        typer.echo(f"  shoal resume {name}{shown}              # go on")
    if best is None:
        if history.length:
            typer.echo(f"  shoal show {name} 0{shown}              # how the first trial ended")
        return
    typer.echo(f"  shoal top {name} -k 5{shown}            # the best trials")
    typer.echo(f"  shoal export {name} {table}{shown}  # one row a trial")


def _say_failure(study: Study) -> None:
    """No trial has a result: say how the first one failed."""
    history = study._journal.history
    failed = history.numbers("failed")
    if not failed:
        typer.echo("No trial has ended yet.")
        return
    first = history.trial(failed[0])
    typer.echo(
        f"None of {history.ended} trials has a result, {len(failed)} failed. Trial {first.number}: {first.reason}",
        err=True,
    )
    if first.traceback:
        typer.echo(first.traceback.rstrip(), err=True)
