"""shoal report: the best, what matters, and figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shoal.cli.options import DEFAULT_STORE, JsonOption, complete_study, open_study, print_json, print_table
from shoal.errors import StudyError

if TYPE_CHECKING:
    from shoal.history import History
    from shoal.reports.importance import Importance
    from shoal.reports.report import Report

Option = typer.Option


def report(
    study: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDY", autocompletion=complete_study, help="The study's name, or a hyperparameters.yml of ECHO."
        ),
    ] = None,
    store: Annotated[str | None, Option("--store", "-s", envvar="SHOAL_STORE", help="The store (./shoal.db).")] = None,
    plot: Annotated[
        Path | None, Option("--plot", "-p", help="A YAML file of rcParams, limits and scales by figure.")
    ] = None,
    model: Annotated[
        Path | None, Option("--model", "-m", help="Beside an ECHO study: fill the best params in, as best.yml.")
    ] = None,
    pareto: Annotated[
        list[str] | None, Option(help="Another metric and its goal, as in accuracy=maximize: the Pareto front.")
    ] = None,
    top: Annotated[int, Option("--top", "-k", min=1, help="Of the Pareto front, how many are shown.")] = 5,
    trees: Annotated[int, Option("--trees", "-t", min=1, help="Of the forest that importances are read from.")] = 64,
    output: Annotated[
        Path | None, Option("--output", "-o", help="Where figures go (report/ in the study's files).")
    ] = None,
    figures: Annotated[bool, Option("--figures/--no-plot", help="Draw figures.")] = True,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Say what is best and which params matter, and draw the history, curves, dependences, the Pareto front.

    [dim]shoal report digits -o report[/dim]
    """
    from shoal.reports.report import make, paint
    from shoal.reports.style import read_styles
    from shoal.study_file import read_yaml

    styles = {} if plot is None else read_styles(read_yaml(plot), str(plot))
    if study is not None and study.endswith((".yaml", ".yml")):
        from shoal.dialects.hyper_opt import report as told

        subject = told.subject(Path(study), model, store)
        history, goals, folder, files = subject.history, subject.goals, output or subject.folder, subject.write()
    elif model is not None:
        raise StudyError("--model fills in a model configuration, which only a study of a hyperparameters.yml has")
    else:
        from shoal.files import study_directory

        history = open_study(study, store or DEFAULT_STORE)._journal.history
        goals, files = goals_of(history), []
        folder = output or study_directory(history.definition) / "report"
    found = make(history, {**goals, **_goals(pareto)}, trees)
    files += paint(found, folder, styles) if figures else []
    if as_json:
        print_json({**found.to_json(), "files": [str(path) for path in files]})
    else:
        say(found, top, files)


def goals_of(history: History) -> dict[str, str]:
    """The metrics of a study that are optimised, with their goals."""
    plan = history.definition
    others = plan.settings.get("others", {}) if plan.search == "pareto" else {}
    return {plan.metric: plan.goal, **others}


def _goals(pairs: list[str] | None) -> dict[str, str]:
    found = {}
    for pair in pairs or []:
        metric, equals, goal = pair.rpartition("=")
        if not equals:
            raise StudyError(f"--pareto {pair!r}: write the metric and its goal: accuracy=maximize")
        found[metric] = goal
    return found


def say(report: Report, top: int, files: list[Path]) -> None:
    from shoal.reports.text import number

    history = report.history
    assert history.best is not None
    best, counts = history.trial(history.best), {k: n for k, n in history.counts.items() if n}
    typer.echo(f"study {history.definition.name!r}: {', '.join(f'{n:,} {outcome}' for outcome, n in counts.items())}")
    typer.echo(f"\nBest {history.definition.metric}: {number(best.value)} (trial {best.number})")
    width = max(map(len, best.params), default=0)
    for name, value in best.params.items():
        typer.echo(f"  {name:<{width}}  {number(value)}")
    if report.front is not None:
        _say_front(report, top)
    for one in report.importances:
        _say_importance(one)
    for note in report.notes:
        typer.echo(f"\n{note}")
    for path in files:
        typer.echo(f"{'' if path != files[0] else chr(10)}wrote {path}")


def _say_front(report: Report, top: int) -> None:
    from rich.table import Table

    from shoal.reports.text import number, params_line

    front = report.front
    assert front is not None
    trials = front.trials
    typer.echo(
        f"\n{len(trials)} of {len(front.numbers)} trials are beaten by none in all of {', '.join(front.metrics)}:"
    )
    table = Table("trial", *front.metrics, "params", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for n in trials[:top]:
        metrics = report.history.metrics(n)
        table.add_row(str(n), *(number(metrics[m]) for m in front.metrics), params_line(report.history.params(n)))
    print_table(table)


def _say_importance(one: Importance) -> None:
    from rich.table import Table

    from shoal.reports.importance import rows

    typer.echo(f"\nWhat {one.metric} depends on, by {one.trials:,} trials:")
    table = Table("param", "fANOVA", "MDI", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for row in rows(one):
        table.add_row(*row)
    print_table(table)
