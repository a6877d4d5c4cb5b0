"""shoal submit hps: a search of a problem, as jobs of a scheduler; what DeepHyper calls balsam-submit."""

from __future__ import annotations

import os
import shlex
import shutil
from pprint import pformat
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from typer.main import get_command

from shoal.cli.options import next_words
from shoal.errors import StudyError, misfit

if TYPE_CHECKING:
    from shoal.engines.submission import Submission

Option = typer.Option
FOUND_BY = {"sbatch": "slurm", "bsub": "lsf", "flux": "flux", "qsub": "pbs"}
LINE = "*" * 100


def balsam_submit(
    mode: Annotated[str, typer.Argument(help="hps.")],
    workflow: Annotated[str, typer.Argument(help="The study's name, which must be new.")],
    problem: Annotated[str, Option("--problem", "-p", help="package.problem.Problem, or a file that has a Problem.")],
    run: Annotated[str, Option("--run", "-r", help="package.model_run.run, or a file that has a run.")],
    time_minutes: Annotated[int, Option("--time-minutes", "-t", min=1, help="The wall time of each job.")],
    nodes: Annotated[int, Option("--nodes", "-n", min=1, help="How many nodes: one job on each.")],
    queue: Annotated[str, Option("--queue", "-q", help="The queue, or partition.")],
    project: Annotated[str, Option("--project", "-A", help="What is charged.")],
    job_mode: Annotated[str, Option("--job-mode", "-j", help="mpi: one evaluation a node; serial: several.")],
    num_evals_per_node: Annotated[int, Option(min=1, help="With -j serial, evaluations at a time on each node.")] = 1,
    scheduler: Annotated[str | None, Option(help="slurm, pbs, lsf, flux, cobalt, local (what is found here).")] = None,
    max_evals: Annotated[int | None, Option(min=1, help="How many evaluations (until the wall time is over).")] = None,
    store: Annotated[str, Option("--store", "-s", envvar="SHOAL_STORE", help="What all jobs see.")] = "dir:shoal.store",
    dry_run: Annotated[bool, Option("--dry-run", help="Print what would be submitted.")] = False,
) -> None:  # fmt: skip
    """Check a problem and its run-function, and hand a search of it to the scheduler.

    [dim]shoal submit hps demo -p pkg.problem.Problem -r pkg.model_run.run -t 30 -q debug -n 4 -A project -j mpi[/dim]
    """
    from shoal import catalog
    from shoal.cli.deephyper import check_run, load_problem
    from shoal.cli.new import refuse_nas
    from shoal.dialects.deephyper import AMBS
    from shoal.dialects.deephyper.loading import adapter
    from shoal.engines.submission import Order, order_file, script, submit
    from shoal.files import submit_directory
    from shoal.submitting import prepare

    refuse_nas(mode)
    asked = _asked(job_mode, num_evals_per_node, nodes, time_minutes, queue, project, scheduler)
    with _Step("Validating Problem"):
        found = load_problem(problem)
        search = AMBS(found)
    with _Step("Validating run"):
        check_run(run)
    if workflow in catalog.store(store).studies():
        raise StudyError(f"workflow {workflow!r} exists already in {store}: choose another name, or `shoal rm` it")
    with _Step("Bootstrapping apps"):
        objective = adapter(run, found.inactive, None)
    with _Step("Creating HPS(AMBS) study"):
        journal, url = prepare({**search.arguments(), "objective": objective}, workflow, asked, store, max_evals)
    typer.echo("Performing job submission...")
    place = submit_directory(journal.history.definition)
    order = Order(store=url, study=workflow, folder=os.getcwd(), log=str(place / "job"), submission=asked,
                  after="shoal.dialects.deephyper.results:write", results=str(place.parent))  # fmt: skip
    file = order_file(place, order)
    if dry_run:
        typer.echo(script(order, file))
        catalog.store(store).remove(workflow)  # its name is still to be had
        return
    try:
        ids = submit(order, file, asked.jobs)
    except StudyError:
        if not (place / "jobs").exists():  # none was accepted
            catalog.store(store).remove(workflow)  # its name is still to be had
        raise
    facts = {"ids": ids, "scheduler": asked.scheduler, "job_mode": job_mode, "nodes": nodes, "project": project,
             "queue": queue, "wall_minutes": time_minutes, "workflow": workflow, "state": "submitted"}  # fmt: skip
    typer.echo(f"Submit OK: {pformat(facts)}\n{LINE}")
    typer.echo(f"Success. The search will run at: {place.parent}\n{LINE}")
    typer.echo("Whenever a job ends, results.csv and shoal.log are written there.")
    heading, found_by = next_words(journal.store.url)
    shown = f"{shlex.quote(workflow)}{found_by}"
    typer.echo(f"{heading}\n  shoal status {shown}  # evaluations and jobs\n  shoal top {shown}     # the best so far")


def _asked(
    job_mode: str, each: int, nodes: int, minutes: int, queue: str, project: str, scheduler: str | None
) -> Submission:
    from shoal.engines.submission import Submission

    if job_mode not in ("mpi", "serial"):
        raise StudyError(f"-j {job_mode}: the job mode is mpi, one evaluation a node, or serial")
    if job_mode == "mpi" and each > 1:
        raise StudyError("--num-evals-per-node is for -j serial: with mpi, each node has one evaluation")
    found = scheduler or next((name for word, name in FOUND_BY.items() if shutil.which(word)), None)
    if found is None:
        raise StudyError(
            f"no scheduler is here (none of the commands {', '.join(FOUND_BY)}); --scheduler local runs the jobs as "
            "processes of this machine"
        )
    try:
        return Submission(scheduler=found, jobs=nodes, peers_per_job=each, time=f"{minutes // 60}:{minutes % 60:02}:00",
                          queue=queue, account=project)  # fmt: skip
    except msgspec.ValidationError as error:
        raise StudyError(misfit(error)) from None


class _Step:
    """Prints what is done, and OK where it was."""

    def __init__(self, words: str) -> None:
        self._words = words

    def __enter__(self) -> None:
        typer.echo(f"{self._words}...", nl=False)

    def __exit__(self, kind: object, *problem: object) -> None:
        typer.echo("OK" if kind is None else "failed")


def command() -> Any:
    """The command by itself, for `shoal submit` to hand over to."""
    app = typer.Typer(rich_markup_mode="rich", add_completion=False, pretty_exceptions_enable=False)
    app.command()(balsam_submit)
    return get_command(app)
