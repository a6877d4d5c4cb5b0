"""shoal simulate: what a search, a rule and a number of peers would do, before a cluster is booked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.cli.options import (
    DEFAULT_STORE,
    JsonOption,
    complete_search,
    complete_stopping,
    open_study,
    print_json,
    print_table,
)
from shoal.errors import ShoalError, StudyError

if TYPE_CHECKING:
    from shoal.engines.simulated import Problem
    from shoal.history import History

Option = typer.Option
PICTURES = (".png", ".pdf", ".svg")
STEPS = 27  # of the made-up curves of a built-in problem


@dataclass(frozen=True)
class Subject:
    """What is simulated: a problem, the fields of its study, and how to know what a trial of it takes."""

    name: str
    problem: Problem
    plan: dict[str, Any]
    seconds: float
    trials: int
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)  # of its own search, by that one's name …
    rule_settings: dict[str, dict[str, Any]] = field(default_factory=dict)  # … and of its own rule


def simulate(
    target: Annotated[str, typer.Argument(help="The study.yaml or name of a finished study, or a built-in problem.")],
    peers: Annotated[str, Option(help="Numbers of peers, as in 1,8,64.")] = "1,8,64",
    search: Annotated[str, Option(help="Searches, as in auto,random.", autocompletion=complete_search)] = "auto",
    stopping: Annotated[
        str | None,
        Option(help="Rules, as in auto,asha,none (with a budget auto,none).", autocompletion=complete_stopping),
    ] = None,
    setting: Annotated[list[str] | None, Option(help="A setting of the one search, as in pop_size=50.")] = None,
    stopping_setting: Annotated[
        list[str] | None, Option(help="A setting of the one rule beside none, as in eta=4.")
    ] = None,
    islands: Annotated[
        list[str] | None, Option(help="Subpopulations: how many, or a setting of them, as in 4 or topology=ring.")
    ] = None,
    trials: Annotated[
        int | None, Option("--trials", "-n", min=1, help="The time is that of so many whole trials (as the study).")
    ] = None,
    budget: Annotated[str | None, Option(help="As in epoch:1:81; by default the study's own.")] = None,
    failures: Annotated[float, Option(min=0, max=1, help="The share of trials that fail.")] = 0.0,
    deaths: Annotated[float, Option(min=0, max=0.5, help="The share of reports at which a peer dies.")] = 0.0,
    speed_spread: Annotated[float, Option(min=1, help="How many times slower the slowest peer is.")] = 1.0,
    search_time: Annotated[
        bool, Option("--search-time", help="Peers spend the time that the search takes on this machine.")
    ] = False,
    seed: Annotated[int, Option(help="Another seed, another run.")] = 0,
    store: Annotated[
        str | None, Option("--store", "-s", envvar="SHOAL_STORE", help="Where the study is kept (./shoal.db).")
    ] = None,
    output: Annotated[Path, Option("--output", "-o", help="The picture: .png, .pdf or .svg.")] = Path("simulation.png"),
    plot: Annotated[bool, Option("--plot/--no-plot", help="Draw a picture.")] = True,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Compare searches, stopping rules and numbers of peers on a finished study, in virtual time.

    [dim]shoal simulate study.yaml --peers 1,8,64 --search auto,random --stopping auto,none[/dim]
    """
    import msgspec

    from shoal import catalog
    from shoal.cli.words import islands_of, settings_of
    from shoal.engines.simulated import Faults
    from shoal.islands import Islands
    from shoal.reports.simulation import picture, table
    from shoal.simulation import simulate as run

    if plot:
        _check_picture(output)
    subject = _subject(target, store, budget)
    usual = "none" if subject.plan["budget"] is None else "auto,none"
    searches, rules = ([part.strip() for part in text.split(",")] for text in (search, stopping or usual))
    settings = _of_one("--setting", searches, settings_of("--setting", setting))
    rule_settings = _of_one("--stopping-setting", rules, settings_of("--stopping-setting", stopping_setting))
    settings, rule_settings = {**subject.settings, **settings}, {**subject.rule_settings, **rule_settings}
    for name in searches:
        catalog.search(name, settings.get(name))
    for rule in rules:
        catalog.stopping(rule, rule_settings.get(rule))
    asked = islands_of(islands)
    if asked is not None:
        subject.plan["islands"] = msgspec.to_builtins(Islands.of(asked))
    runs = []
    for count in _counts(peers):
        until = (trials or subject.trials) * subject.seconds / count
        for name in searches:
            for rule in rules:
                _say(f"{count} peer{'s' * (count != 1)}, {name}, {rule} …", as_json)
                plan = {**subject.plan, "search": name, "settings": settings.get(name, {}), "stopping": rule,
                        "stopping_settings": rule_settings.get(rule, {}), "seed": seed}  # fmt: skip
                faults = Faults(failures, deaths, speed_spread)
                with _bar(until) as progress:
                    runs.append(run(subject.problem, plan, count, until, faults, search_time, progress))
    metric = subject.plan["metric"]
    if as_json:
        print_json([asdict(one) for one in runs])
    else:
        print_table(table(runs, metric))
        if any(run.best is None for run in runs):
            typer.echo("–: no trial came to its end; --trials gives more time, if none is what kept them from it")
        typer.echo("saved: of the cost of running all trials to their end; lost: against the best of those, had they.")
    if plot:
        picture(runs, metric, output)
        _say(f"the picture is in {output}", as_json)


def _of_one(option: str, names: list[str], settings: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Settings by whose they are. Raises StudyError where several are compared that may have some."""
    if not settings:
        return {}
    able = [name for name in names if name != "none"]
    if len(able) != 1:
        raise StudyError(f"{option} is of one, and here are {', '.join(names)}; simulate the others on their own")
    return {able[0]: settings}


def _check_picture(output: Path) -> None:
    """Raises ShoalError where a picture could not be written, before anything is simulated for it."""
    if output.suffix.lower() not in PICTURES:
        raise StudyError(f"--output {str(output)!r}: a picture is one of {', '.join(PICTURES)}")
    if not output.parent.is_dir():
        raise ShoalError(f"cannot write {output}: there is no folder {output.parent}; make it first, or choose another")
    if output.is_dir():
        raise ShoalError(f"cannot write {output}: it is a folder")
    if not os.access(output if output.exists() else output.parent, os.W_OK):
        raise ShoalError(f"cannot write {output}: permission denied")


def _say(text: str, as_json: bool) -> None:
    typer.echo(text, err=as_json)


@contextmanager
def _bar(until: float) -> Iterator[Callable[[float, int], None]]:
    """How much of the virtual time has passed, on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task, shown = bar.add_task("", total=until), 0

        def progress(seconds: float, trials: int) -> None:
            nonlocal shown
            if trials != shown:
                shown = trials
                bar.update(task, completed=seconds, description=f"{trials:,} trials")

        yield progress


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = [0]
    if min(counts) < 1:
        raise StudyError(f"--peers {text!r}: write whole numbers from 1 on, as in 1,8,64")
    return counts


def _subject(target: str, store: str | None, budget: str | None) -> Subject:
    from shoal.problems import CLASSIC, NAMES

    if target in NAMES:
        return _built_in(target, budget)
    name: str | None = target
    if target.endswith((".yaml", ".yml")):
        from shoal.study_file import read_study

        fields = read_study(Path(target))
        name = fields.get("name", Path(target).stem)
        store = store or fields.get("store") or os.path.join(os.path.dirname(target), DEFAULT_STORE)
    try:
        study = open_study(name, store or DEFAULT_STORE)
    except ShoalError as error:
        raise type(error)(
            f"{error}. Built-in problems are {', '.join(sorted(CLASSIC))} and bbob_f1 to bbob_f24"
        ) from None
    return _recorded(study._journal.history, budget)


def _recorded(history: History, budget: str | None) -> Subject:
    from shoal.engines.replay import Replay
    from shoal.given import budget_of
    from shoal.simulation import full_seconds

    problem, plan = Replay(history), history.definition
    fields = {"space": plan.space, "metric": plan.metric, "goal": plan.goal,
              "budget": budget_of(budget or plan.budget or problem.budget)}  # fmt: skip
    count = plan.trials or max(history.ended, 10)
    own = {plan.search: plan.settings}, {plan.stopping: plan.stopping_settings}
    return Subject(plan.name, problem, fields, full_seconds(problem, history.space), count, *own)


def _built_in(name: str, budget: str | None) -> Subject:
    from shoal.engines.replay import Synthetic
    from shoal.given import budget_of
    from shoal.problems import problem
    from shoal.simulation import full_seconds

    made = problem(name)
    plan = budget_of(budget or f"step:1:{STEPS}")
    assert plan is not None
    curves = Synthetic(made, made.space, "loss", int(plan["most"]))
    fields = {"space": made.space.to_json(), "metric": "loss", "goal": "minimize", "budget": plan}
    return Subject(name, curves, fields, full_seconds(curves, made.space), 100)
