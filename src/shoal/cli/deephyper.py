"""shoal hps, and the commands of DeepHyper by their names: ``deephyper X`` is ``shoal deephyper X``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from shoal.cli import new
from shoal.cli.outcome import finish
from shoal.errors import ShoalError, unknown

if TYPE_CHECKING:
    from shoal.dialects.deephyper.hpo import Search

Option = typer.Option
SEARCHES = {"ambs": "AMBS", "cbo": "CBO", "random": "RandomSearch", "regevo": "RegularizedEvolution"}

app = typer.Typer(help="The commands of DeepHyper, by their names.", no_args_is_help=True)


def hps(
    search: Annotated[str, typer.Argument(help="ambs (or cbo), random, regevo.")],
    problem: Annotated[str, Option(help="package.problem.Problem, or a file that has a Problem.")],
    run: Annotated[str, Option("--run", "--run-function", help="package.model_run.run, or a file that has a run.")],
    evaluator: Annotated[str, Option(help="process, thread, serial, ray, mpi (in a job of MPI).")] = "process",
    num_workers: Annotated[int | None, Option(help="Evaluations at a time (1).")] = None,
    max_evals: Annotated[int, Option(help="How many evaluations there will be, exactly; -1 for no limit.")] = -1,
    timeout: Annotated[float | None, Option(help="Seconds for all of it.")] = None,
    random_state: Annotated[int | None, Option(help="Makes the proposals repeatable, with one worker.")] = None,
    log_dir: Annotated[Path, Option(help="Where results.csv, shoal.log and shoal.db go.")] = Path(),
    name: Annotated[str | None, Option(help="The study's name (hps-1, hps-2 …).")] = None,
    surrogate_model: Annotated[
        str | None, Option("--surrogate-model", "--learner", help="ET or RF: a forest; GP, DUMMY.")
    ] = None,
    acq_func: Annotated[str | None, Option(help="UCB (or LCB), EI, PI, gp_hedge, qUCB.")] = None,
    kappa: Annotated[float | None, Option(help="How bold UCB is (1.96).")] = None,
    xi: Annotated[float | None, Option(help="Not for EI and PI: Shoal's have no margin.")] = None,
    liar_strategy: Annotated[
        str | None,
        Option("--liar-strategy", "--multi-point-strategy", help="What running ones count as (cl_max)."),
    ] = None,
    n_initial_points: Annotated[int | None, Option(help="Evaluations before the model is asked (2 N + 1).")] = None,
    n_jobs: Annotated[int | None, Option(help="1.")] = None,
    population_size: Annotated[int | None, Option(help="Of regevo (100).")] = None,
    sample_size: Annotated[int | None, Option(help="Of regevo (10).")] = None,
    cache_key: Annotated[str | None, Option(help="uuid.")] = None,
    ray_address: Annotated[str | None, Option(help="Of the Ray cluster.")] = None,
    num_gpus_per_task: Annotated[
        float | None, Option("--num-gpus-per-task", "--ray-num-gpus-per-task", help="GPUs for each evaluation.")
    ] = None,
    num_cpus_per_task: Annotated[
        float | None, Option("--num-cpus-per-task", "--ray-num-cpus-per-task", help="Ray CPUs for each (1).")
    ] = None,
    verbose: Annotated[int, Option("--verbose", "-v", help="0 shows no progress.")] = 1,
) -> None:  # fmt: skip
    """Search for the point with which a run-function returns most, as DeepHyper's command of that name.

    [dim]shoal hps ambs --num-workers 2 --max-evals 50 --problem pkg.problem.Problem --run pkg.model_run.run[/dim]
    """
    from shoal.dialects.deephyper.evaluator import Evaluator

    if cache_key not in (None, "uuid"):
        raise ShoalError(f"--cache-key {cache_key}: Shoal tries no point twice, and keeps no cache; leave it out")
    options = {
        "surrogate_model": surrogate_model, "acq_func": acq_func, "kappa": kappa, "xi": xi, "n_jobs": n_jobs,
        "multi_point_strategy": liar_strategy, "n_initial_points": n_initial_points,
        "population_size": population_size, "sample_size": sample_size,
    }  # fmt: skip
    options = {option: value for option, value in options.items() if value is not None}
    prepared = _search(search, problem, random_state=random_state, log_dir=log_dir, verbose=verbose, **options)
    check_run(run)
    ray = {"address": ray_address, "num_gpus_per_task": num_gpus_per_task, "num_cpus_per_task": num_cpus_per_task}
    ray = {option: value for option, value in ray.items() if value is not None}
    if ray and evaluator != "ray":
        raise ShoalError(f"{', '.join(ray)}: for --evaluator ray alone, and it is {evaluator}")
    place = Evaluator(run, evaluator, num_workers, ray=ray)
    if place.is_master:
        typer.echo(place.words(), err=True)
    study = prepared.run(place, max_evals, timeout, **({} if name is None else {"name": name}))
    if study.speaks:
        typer.echo(f"results.csv and shoal.log are in {log_dir.absolute()}")
    finish(study, False, table="trials.csv")  # results.csv is DeepHyper's


def _search(search: str, problem: str, **options: Any) -> Search:
    import shoal.dialects.deephyper as dialect

    if search not in SEARCHES:
        raise ShoalError(unknown("search", search, SEARCHES))
    return getattr(dialect, SEARCHES[search])(load_problem(problem), **options)  # type: ignore[no-any-return]


def load_problem(text: str) -> Any:
    """The problem at ``package.module.Problem``, or in a file."""
    from shoal.dialects.deephyper.loading import load
    from shoal.dialects.deephyper.problem import HpProblem

    found = load(text, ("Problem", "problem"))
    if not isinstance(found, HpProblem):
        raise ShoalError(f"{text} is no HpProblem of shoal.dialects.deephyper, but {found!r:.100}")
    return found


def check_run(text: str) -> None:
    """Refuse what is no function."""
    from shoal.dialects.deephyper.job import Evaluation

    Evaluation(text).function  # noqa: B018 - found, or refused with the reason


def topk(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A results.csv.")] = Path("results.csv"),
    count: Annotated[int, Option("-k", min=1, help="How many.")] = 1,
    output: Annotated[Path | None, Option("--output", "-o", help="Write a .yaml, .json or .csv file, too.")] = None,
) -> None:
    """The best rows of a table, the best first."""
    top_of_table(path, count, output)


def top_of_table(path: Path, count: int, output: Path | None = None, as_json: bool = False) -> None:
    """Print the best rows of a table as YAML, and write them to a file where one is named."""
    import yaml

    from shoal.dialects.deephyper.results import best_rows
    from shoal.reports.tables import write_table

    found = best_rows(path, count)
    typer.echo(
        json.dumps(found, indent=2) if as_json else yaml.safe_dump(found, indent=4, allow_unicode=True), nl=as_json
    )
    if output is None:
        return
    try:
        if output.suffix == ".json":
            output.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        elif output.suffix in (".yaml", ".yml"):
            output.write_text(yaml.safe_dump(found, allow_unicode=True), encoding="utf-8")
        elif output.suffix == ".csv":
            write_table(
                output, list(dict.fromkeys(name for row in found.values() for name in row)), list(found.values())
            )
        else:
            raise ShoalError(unknown("format", output.suffix, (".yaml", ".json", ".csv")))
    except OSError as error:
        raise ShoalError(f"cannot write {output}: {error.strerror}") from None
    typer.echo(f"written to {output}", err=True)


class SubmitCommand(TyperCommand):
    """`shoal submit`: of a study.yaml, or, where its first word is hps, as DeepHyper's balsam-submit."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        if args[:1] in (["hps"], ["nas"]) and not Path(args[0]).exists():
            from shoal.cli.balsam import command

            return command().make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


def _balsam_submit() -> None:
    from shoal.cli.balsam import balsam_submit

    app.command("balsam-submit", no_args_is_help=True)(balsam_submit)


app.command("start-project", no_args_is_help=True)(new.project)
app.command("new-problem", no_args_is_help=True)(new.problem)
app.command("hps", no_args_is_help=True)(hps)
app.command("hpo", no_args_is_help=True)(hps)
app.command("topk")(topk)
_balsam_submit()
