"""shoal status, top, show and why: what is known of a study and of a trial."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.cli.options import DEFAULT_STORE, JsonOption, StoreOption, StudyArgument, open_study, print_json, print_table
from shoal.errors import ShoalError, StudyError, unknown

if TYPE_CHECKING:
    from rich.table import Table

    from shoal.study import Study
    from shoal.trial import Trial


def status(study: StudyArgument = None, store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """The studies of a store, or one in detail: trials, the best, what is running, and the peers."""
    from shoal import catalog
    from shoal.reports.text import number

    names = [study] if study is not None else catalog.store(store, create=False).studies()
    studies = [open_study(name, store) for name in names]
    facts = [_facts(one) for one in studies]
    if as_json:
        print_json(facts if study is None else facts[0])
        return
    if not facts:
        typer.echo(f"{store} holds no study yet; `shoal tune --help` says how to begin one")
    from rich.table import Table

    halted = ("stopped", "paused") if any(fact["stopped"] or fact["paused"] for fact in facts) else ()
    headings = ("study", "trials", "best", *halted, "failed", "running", "peers", "state")
    table = Table(*headings, box=None, header_style="bold")
    for fact in facts:
        best = "–" if fact["best"] is None else f"{number(fact['best']['value'])} (trial {fact['best']['number']})"
        limit = "" if fact["trials"] is None else f"/{fact['trials']}"
        counts = [str(fact[outcome]) for outcome in (*halted, "failed")]
        table.add_row(fact["study"], f"{fact['ended']}{limit}", best, *counts, str(len(fact["running"])),
                      str(len(fact["peers"])), fact["state"])  # fmt: skip
    print_table(table)
    if study is not None:
        _running(studies[0])
        _islands(studies[0])
        _jobs(studies[0])


def _facts(study: Study) -> dict[str, Any]:
    from shoal.vitals import living

    history = study._journal.history
    peers = [asdict(peer) for peer in living(study._journal.store, study.name)]
    best = None if history.best is None else history.trial(history.best)
    busy = bool(peers)
    return {
        "study": study.name, "trials": history.definition.trials, "ended": history.ended,
        "failed": history.counts["failed"], "stopped": history.counts["stopped"],
        "paused": history.counts["paused"], "metric": history.definition.metric, "goal": history.definition.goal,
        "best": None if best is None else {"number": best.number, "value": best.value, "params": best.params},
        "running": sorted(history.running) if busy else [],
        "state": study.reason or ("running" if busy else "no peer is at work; `shoal resume` goes on"), "peers": peers,
    }  # fmt: skip


def _running(study: Study) -> None:
    from rich.table import Table

    from shoal.reports.progress import running_table

    typer.echo(f"\n{study.space}")
    if study._journal.history.running:
        print_table(running_table(study._journal.history, Table))


def _islands(study: Study) -> None:
    """Who lives where, of the trials that are done."""
    from rich.table import Table

    from shoal.reports.text import number

    history = study._journal.history
    plan = history.definition.islands
    if plan is None:
        return
    table = Table("island", "search", "lives there", "from elsewhere", "best", box=None, header_style="bold")
    for island, living in enumerate(study.islands):
        search = plan.searches[island] if plan.searches else history.definition.search
        foreign = sum(history.migrations.layout.island(trial) != island for trial in living)
        best = f"{number(history.trial(living[0]).value)} (trial {living[0]})" if living else "–"
        name = search if isinstance(search, str) else search[0]
        table.add_row(str(island), name, str(len(living)), str(foreign), best)
    typer.echo("")
    print_table(table)


def _jobs(study: Study) -> None:
    """The jobs that `shoal submit` handed in from here."""
    from rich.table import Table

    from shoal.engines.jobs import states
    from shoal.files import submit_directory

    journal = study._journal
    try:
        found = states(submit_directory(journal.history.definition), journal.store.url)
    except StudyError as error:
        typer.echo(f"\n{error}")
        return
    if not found:
        return
    table = Table("job", "scheduler", "state", box=None, header_style="bold")
    for native, (scheduler, state) in found.items():
        table.add_row(native, scheduler, state)
    typer.echo("")
    print_table(table)


def top(
    study: StudyArgument = None,
    count: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 5,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write a .yaml, .json or .csv file.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """The best trials, the best first; of a table such as results.csv, where STUDY is one, its best rows."""
    from shoal.reports.text import number, unfinished

    if study is not None and study.endswith(".csv"):
        from shoal.cli.deephyper import top_of_table

        top_of_table(Path(study), count, output, as_json)
        return

    found = open_study(study, store)
    history = found._journal.history
    trials = [history.trial(number) for number in history.ranked(count)]
    if not trials:
        raise StudyError(f"study {found.name!r} has no finished trial yet{unfinished(history)}")
    if output is not None:
        _write(found, trials, output)
        typer.echo(f"{len(trials)} trials in {output}")
    elif as_json:
        print_json([_best(trial) for trial in trials])
    else:
        names = list(dict.fromkeys(name for trial in trials for name in trial.params))
        rows = [["trial", history.definition.metric, *names]]
        for trial in trials:
            cells = [number(trial.params[name]) if name in trial.params else "–" for name in names]
            rows.append([str(trial.number), number(trial.value), *cells])
        print_table(_table(rows), _table(list(zip(*rows, strict=True))))


def _table(rows: Sequence[Sequence[str]]) -> Table:
    from rich.table import Table

    table = Table(*rows[0], box=None, header_style="bold", padding=(0, 2, 0, 0))
    for row in rows[1:]:
        table.add_row(*row)
    return table


def _best(trial: Trial) -> dict[str, Any]:
    return {"number": trial.number, "value": trial.value, "params": trial.params, "metrics": trial.metrics}


def _write(study: Study, trials: list[Trial], path: Path) -> None:
    from shoal.reports.tables import export

    if path.suffix == ".csv":
        export(trials, study.space, path)
        return
    data = [_best(trial) for trial in trials]
    if path.suffix == ".json":
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    elif path.suffix in (".yaml", ".yml"):
        import yaml

        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    else:
        raise ShoalError(unknown("format", path.suffix, (".yaml", ".json", ".csv")))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ShoalError(f"cannot write {path}: {error.strerror}") from None


def show(
    study: StudyArgument = None,
    number: Annotated[int | None, typer.Argument(help="A trial's number; without one, the study is shown.")] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """All that is known of a trial: params, metrics, reports, how it ended and why."""
    found, number = _named(study, number, store)
    if number is None:
        status(found.name, store, as_json)
        return
    trial = _trial(found, number)
    if as_json:
        print_json(asdict(trial))
        return
    _show(found, trial)


def _named(study: str | None, number: int | None, store: str) -> tuple[Study, int | None]:
    """The study and the trial that are meant; ``shoal show 3`` is trial 3 of the only study."""
    if study is not None and study.isdigit() and number is None:
        return open_study(None, store), int(study)
    return open_study(study, store), number


def _trial(study: Study, number: int) -> Trial:
    try:
        return study._journal.history.trial(number)
    except IndexError as error:
        raise StudyError(f"study {study.name!r}: {error}") from None


def _show(study: Study, trial: Trial) -> None:
    from shoal.files import trial_directory
    from shoal.reports.text import duration, number, params_line

    begun = "" if trial.time is None else f", began {datetime.fromtimestamp(trial.time):%Y-%m-%d %H:%M:%S}"
    attempt = f", attempt {trial.attempt}" if trial.attempt else ""
    typer.echo(
        f"trial {trial.number} of study {study.name!r}: {trial.outcome}{begun}, took {duration(trial.seconds)}{attempt}"
    )
    typer.echo(f"  peer      {trial.peer}\n  proposed  {trial.why or '–'}")
    for resumed in trial.resumed:
        typer.echo(f"  resumed   {resumed}")
    if trial.reason:
        typer.echo(f"  reason    {trial.reason}")
    if study._journal.history.definition.islands:
        home = study._journal.history.migrations.layout.island(trial.number)
        lives = ", ".join(map(str, trial.islands)) or "none: it was retired"
        typer.echo(f"  island    began on {home}, lives on {lives}")
    for title, values in (("params", trial.params), ("metrics", trial.metrics)):
        if values:
            typer.echo(f"  {title}")
            width = max(map(len, values))
            for name, value in values.items():
                typer.echo(f"    {name:<{width}}  {number(value)}")
    if trial.reports:
        typer.echo("  reports")
        for report in trial.reports:
            typer.echo(f"    step {report.step:>4}  {params_line(report.metrics)}")
    directory = trial_directory(study._journal.history.definition, trial.number)
    if directory.is_dir():
        typer.echo(f"  files     {directory}: {', '.join(sorted(path.name for path in directory.iterdir()))}")
    if trial.traceback:
        typer.echo(f"\n{trial.traceback.rstrip()}")


def _search_of(study: Study, number: int) -> str:
    """The name of the search that a trial was proposed by: its island's, where those differ."""
    history = study._journal.history
    plan = history.definition.islands
    if plan is None or not plan.searches:
        return history.definition.search
    asked = plan.searches[history.migrations.layout.island(number)]
    return asked if isinstance(asked, str) else asked[0]


def why(
    study: StudyArgument = None,
    number: Annotated[int | None, typer.Argument(help="A trial's number; without one, the best.")] = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Where a trial's params came from, and why it ended as it did."""
    found, number = _named(study, number, store)
    trial = found.best if number is None else _trial(found, number)
    ended = f": {trial.reason}" if trial.reason else ""
    search = _search_of(found, trial.number)
    resumed = "".join(f"; {told}" for told in trial.resumed)
    typer.echo(f"trial {trial.number}: proposed by {search}: {trial.why or 'unknown'}{resumed}; {trial.outcome}{ended}")
