"""shoal submit: peers as jobs of a scheduler."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.cli.options import next_words
from shoal.errors import StudyError

if TYPE_CHECKING:
    from shoal.journal import Journal

Option = typer.Option


def submit(
    target: Annotated[
        list[Path], typer.Argument(help="The study.yaml, or the hyperparameters.yml and model_config.yml of ECHO.")
    ],
    scheduler: Annotated[str | None, Option(help="slurm, pbs, pbs_classic, lsf, flux, cobalt, local (slurm).")] = None,
    jobs: Annotated[int | None, Option(help="How many jobs (1).")] = None,
    peers_per_job: Annotated[int | None, Option(help="Peers in each (1).")] = None,
    cpus_per_peer: Annotated[int | None, Option(help="Cores for each peer (1).")] = None,
    gpus_per_peer: Annotated[int | None, Option(help="GPUs for each peer (0).")] = None,
    time: Annotated[str | None, Option(help="The wall time of a job, as in 12:00:00 (1:00:00).")] = None,
    queue: Annotated[str | None, Option(help="The queue, or partition.")] = None,
    account: Annotated[str | None, Option(help="What is charged.")] = None,
    native: Annotated[list[str] | None, Option(help="An option of the scheduler's own: slurm.gres=gpu:v100:1.")] = None,
    requeue: Annotated[bool | None, Option("--requeue", help="Submit successors until the study has ended.")] = None,
    trials: Annotated[int | None, Option("--trials", "-n", help="How many trials there will be.")] = None,
    store: Annotated[
        str | None, Option("--store", "-s", envvar="SHOAL_STORE", help="What all jobs see (dir:shoal.store).")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Print what would be submitted.")] = False,
) -> None:  # fmt: skip
    """Start peers of a study as jobs of a cluster; submitting again adds more.

    [dim]shoal submit study.yaml --scheduler slurm --jobs 20 --peers-per-job 4 --time 12:00:00[/dim]
    """
    from shoal import catalog
    from shoal.engines.submission import Order, order_file, script, words
    from shoal.engines.submission import submit as hand_in
    from shoal.files import submit_directory
    from shoal.submitting import prepare, submission_of

    given: dict[str, Any] = {
        "scheduler": scheduler, "jobs": jobs, "peers_per_job": peers_per_job, "cpus_per_peer": cpus_per_peer,
        "gpus_per_peer": gpus_per_peer, "time": time, "queue": queue, "account": account, "requeue": requeue,
        "native": _native(native),
    }  # fmt: skip
    if len(target) > 1:
        _submit_pair(target, given, trials, store, dry_run)
        return
    (target_file,) = target
    origin, store = os.getcwd(), store and catalog.full_url(store)  # paths in a study.yaml are relative to it
    try:
        os.chdir(target_file.absolute().parent)
        fields, asked = submission_of(Path(target_file.name), given)
        journal, url = prepare(fields, target_file.stem, asked, store, trials, dry_run)
    finally:
        os.chdir(origin)
    place = submit_directory(journal.history.definition)
    order = Order(store=url, study=journal.study, folder=str(target_file.absolute().parent), log=str(place / "job"),
                  submission=asked)  # fmt: skip
    file = order_file(place, order)
    typer.echo(f"study {journal.study!r} in {journal.store.url}: {words(asked)}")
    if dry_run:
        typer.echo(script(order, file))
        return
    _say(hand_in(order, file, asked.jobs), place, journal)


def _say(ids: list[str], place: Path, journal: Journal) -> None:
    typer.echo(f"submitted: {' '.join(ids)}")
    heading, store = next_words(journal.store.url)
    shown = f"{shlex.quote(journal.study)}{store}"
    typer.echo(f"Their output is in {place}\n{heading}")
    typer.echo(f"  shoal status {shown}  # trials and jobs\n  shoal stop {shown}    # cancels them")


def _submit_pair(
    target: list[Path], given: dict[str, Any], trials: int | None, store: str | None, dry_run: bool
) -> None:
    """Both files of ECHO: the flags of its jobs are in the first."""
    from shoal.cli.words import is_pair
    from shoal.dialects.hyper_opt.submitting import Submitting

    if not is_pair([str(path) for path in target]):
        raise StudyError(
            f"give one study.yaml, or hyperparameters.yml and model_config.yml; got {' '.join(map(str, target))}"
        )
    wrong = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None and name != "jobs"]
    if wrong:
        raise StudyError(f"{', '.join(wrong)}: the flags of the jobs are in {target[0]}: slurm: batch:, or pbs: batch:")
    found = Submitting(target[0], target[1], {"trials": trials, "store": store}, given["jobs"])
    found.plan.say()
    for one in found.jobs:
        typer.echo(one.words)
    if dry_run:
        typer.echo(found.scripts())
        return
    _say(found.submit(), found.plan.settings.save_path, found.journal)


def _native(pairs: list[str] | None) -> dict[str, str | None] | None:
    if pairs is None:
        return None
    found: dict[str, str | None] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if "." not in key:
            raise StudyError(f"--native {pair!r}: write the scheduler, a dot and its option: slurm.gres=gpu:v100:1")
        found[key] = value if equals else None
    return found
