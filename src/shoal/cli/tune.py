"""shoal tune: run a study here."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.cli import FAILED, INTERRUPTED
from shoal.cli.options import JsonOption, complete_search, complete_stopping, next_words, print_json
from shoal.errors import StudyError

if TYPE_CHECKING:
    from shoal.study import Study

Option = typer.Option
OF_ENGINE = {"address": "--address", "cpus_per_peer": "--cpus-per-peer", "nodes_per_peer": "--nodes-per-peer",
             "resources": "--resource", "pin": "--pin"}  # fmt: skip


def tune(
    target: Annotated[
        list[str], typer.Argument(help="study.yaml, train.py, package.module:function, or a command; options after --.")
    ],
    space: Annotated[
        str | None, Option(help="A YAML file of names and domains, or a space or a problem: package.module:name.")
    ] = None,
    param: Annotated[
        list[str] | None, Option("--param", "-p", help="A param, as in 'lr=loguniform(1e-6, 1)'; may be repeated.")
    ] = None,
    where: Annotated[list[str] | None, Option(help="A constraint, as in 'units_2 <= units_1'.")] = None,
    metric: Annotated[str | None, Option("--metric", "-m", help="The metric to optimise (loss).")] = None,
    goal: Annotated[str | None, Option(help="minimize or maximize (minimize).")] = None,
    trials: Annotated[
        int | None, Option("--trials", "-n", help="How many trials there will be, exactly (no limit).")
    ] = None,
    done: Annotated[
        int | None, Option(help="How many are to be done, exactly, beside those that are stopped or fail.")
    ] = None,
    workers: Annotated[
        int | None, Option("--workers", "-w", help="Processes; 0 runs the trials in this one (1).")
    ] = None,
    search: Annotated[
        str | None, Option(help="auto, gp, tpe, forest, cmaes, … (auto).", autocompletion=complete_search)
    ] = None,
    setting: Annotated[list[str] | None, Option(help="A setting of the search, as in pop_size=50.")] = None,
    budget: Annotated[
        str | None, Option(help="How much of a trial is run, at least and at most, as in epoch:1:81.")
    ] = None,
    stopping: Annotated[
        str | None,
        Option(help="auto, asha, median, … (auto with a budget, else none).", autocompletion=complete_stopping),
    ] = None,
    stopping_setting: Annotated[list[str] | None, Option(help="A setting of the rule, as in eta=4.")] = None,
    islands: Annotated[
        list[str] | None, Option(help="Subpopulations: how many, or a setting of them, as in 4 or topology=ring.")
    ] = None,
    seed: Annotated[int | None, Option(help="Makes the proposals repeatable.")] = None,
    start: Annotated[
        list[str] | None, Option(help="Params to try first, as JSON: '{\"lr\": 0.1}'; may be repeated.")
    ] = None,
    store: Annotated[
        str | None, Option("--store", "-s", envvar="SHOAL_STORE", help="Where the study is kept (./shoal.db).")
    ] = None,
    name: Annotated[str | None, Option(help="The study's name; one that exists is joined.")] = None,
    timeout: Annotated[float | None, Option(help="Seconds for all of it.")] = None,
    trial_timeout: Annotated[float | None, Option(help="Seconds for one trial, which is then killed.")] = None,
    stop_at: Annotated[float | None, Option("--target", help="Stop when the metric is as good as this.")] = None,
    patience: Annotated[int | None, Option(help="Stop after so many trials without a better one.")] = None,
    max_failures: Annotated[int | None, Option(help="Stop when the first so many trials all failed (10).")] = None,
    retries: Annotated[int | None, Option(help="How often to run a trial again whose process died (1).")] = None,
    gpus: Annotated[float | None, Option(help="GPUs for each worker; 0.5 lets two share one.")] = None,
    grace: Annotated[float | None, Option(help="Seconds that running trials get after Ctrl-C (30).")] = None,
    preload: Annotated[
        bool | None, Option("--preload/--no-preload", help="Import once what a Python script imports.")
    ] = None,
    directory: Annotated[Path | None, Option(help="Where the files of the trials go (shoal.files).")] = None,
    keep_checkpoints: Annotated[
        int | None, Option(help="Of how many of the best trials to keep the checkpoints (all that are done).")
    ] = None,
    engine: Annotated[
        str | None, Option(help="local; mpi: every rank of this MPI job is a peer; ray: peers on a cluster (local).")
    ] = None,
    address: Annotated[str | None, Option(help="Of the Ray cluster: auto, host:port, ray://host:port.")] = None,
    cpus_per_peer: Annotated[float | None, Option(help="CPUs of the Ray cluster for each peer (1).")] = None,
    resource: Annotated[
        list[str] | None, Option(help="A resource of the Ray cluster for each peer, as in a100=1; may be repeated.")
    ] = None,
    nodes_per_peer: Annotated[int | None, Option(help="Nodes of the Ray cluster for each peer's trials (1).")] = None,
    pin: Annotated[bool, Option("--pin", help="Tie each worker to CPUs of its own.")] = False,
    ranks_per_trial: Annotated[int | None, Option(help="With mpi: how many ranks run each trial together (1).")] = None,
    wall_time: Annotated[
        str | None, Option(help="When a scheduler ends this, as in 12:00:00: no trial is begun that would not fit.")
    ] = None,
    quiet: Annotated[bool, Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Search for the params with which TARGET is best.

    [dim]shoal tune train.py -p 'lr=loguniform(1e-5, 1)' -p 'layers=randint(1, 4)' -n 50 -w 4 -- --epochs 10[/dim]
    """
    from shoal import tune as run
    from shoal.joining import SETTINGS_OF

    origin = os.getcwd()
    domains, first = _space(space, param, where)
    given = {
        "space": domains, "metric": metric, "goal": goal, "trials": trials, "done": done, "workers": workers,
        "search": search, "settings": settings_of("--setting", setting), "budget": budget, "stopping": stopping,
        "stopping_settings": settings_of("--stopping-setting", stopping_setting), "seed": seed,
        "islands": islands_of(islands),
        "start": [*first, *(_points(start) or [])] or None, "name": name,
        "timeout": timeout, "trial_timeout": trial_timeout, "target": stop_at, "patience": patience,
        "max_failures": max_failures, "retries": retries, "gpus": gpus, "grace": grace, "preload": preload,
        "directory": directory, "keep_checkpoints": keep_checkpoints, "engine": engine,
        "ranks_per_trial": ranks_per_trial,
        "wall_time": None if wall_time is None else _seconds(wall_time),
    }  # fmt: skip
    of_engine = {"address": address, "cpus_per_peer": cpus_per_peer, "nodes_per_peer": nodes_per_peer,
                 "resources": settings_of("--resource", resource), "pin": pin or None}  # fmt: skip
    asked = {key: value for key, value in of_engine.items() if value is not None}
    if is_pair(target):
        from shoal.dialects.hyper_opt.study import tune as tune_pair

        if given["space"] is not None:
            raise StudyError(f"the space is that of {target[0]}: leave out --space, --param and --where")
        if asked:
            raise StudyError(
                f"{', '.join(OF_ENGINE[key] for key in asked)}: two files of ECHO say nothing of engines; leave it "
                "out, or write the study as a study.yaml, which may have engine_settings:"
            )
        finish(tune_pair(Path(target[0]), Path(target[1]), {**given, "store": store}, not quiet), as_json)
        return
    fields = _target(target, store)
    for name, its_settings in SETTINGS_OF.items():
        if given[name] not in (None, fields.get(name)):
            fields.pop(its_settings, None)  # the file's are of another
    if asked:
        given["engine_settings"] = {**(fields.get("engine_settings") or {}), **asked}
    fields.update({key: value for key, value in given.items() if value is not None})
    try:
        study = run(**fields, progress=not quiet)
    finally:
        os.chdir(origin)
    finish(study, as_json)


def is_pair(words: list[str]) -> bool:
    """Whether these are the two files of an ECHO study: hyperparameters.yml and model_config.yml."""
    return len(words) == 2 and all(word.endswith((".yaml", ".yml")) for word in words)


def _seconds(text: str) -> float:
    from shoal.engines.submission import Submission

    return Submission(time=text).seconds


def _target(words: list[str], store: str | None) -> dict[str, Any]:
    """What TARGET says. Paths in a study.yaml are relative to it, so its folder becomes the working directory."""
    from shoal import catalog
    from shoal.study_file import read_study

    fields: dict[str, Any] = {} if store is None else {"store": catalog.full_url(store)}
    if words[0].endswith((".yaml", ".yml")):
        if len(words) > 1:
            raise StudyError(f"after {words[0]} nothing may follow but options; put the objective's own into the file")
        path = Path(words[0])
        study = read_study(path)
        if "objective" not in study:
            raise StudyError(f"{path}: objective: is missing; it says what to run, such as `objective: train.py`")
        study.pop("submit", None)  # what `shoal submit` reads
        os.chdir(path.absolute().parent)
        return {"name": path.stem, **study, **fields}
    return {"objective": words[0] if len(words) == 1 else words, **fields}


def _space(text: str | None, params: list[str] | None, where: list[str] | None) -> tuple[Any, list[dict[str, Any]]]:
    """The space that is asked for, and the points that a problem wants to be tried first."""
    from shoal.space import Space
    from shoal.space.parsing import from_yaml, spells_domain
    from shoal.study_file import read_space

    if text is None and not params:
        if where:
            raise StudyError("--where needs a space beside it: --space or --param")
        return None, []
    from shoal import catalog

    found: Any = None
    start: list[dict[str, Any]] = []
    if text is not None and catalog.is_reference(text):
        found, start = _named_space(text)
    elif text is not None:
        found = read_space(Path(text))
    known = found.to_json() if found is not None else {"domains": {}, "where": []}
    domains = dict(known["domains"])
    for text in params or []:
        name, value = _pair("--param", text, "lr=loguniform(1e-6, 1)")
        if not value:
            raise StudyError(f"--param {text!r}: after the = comes a domain or a value, as in 'lr=loguniform(1e-6, 1)'")
        if any(name == other.partition("=")[0].strip() for other in params or [] if other is not text):
            raise StudyError(f"--param {name} is given twice")
        domains[name] = from_yaml(value if spells_domain(value) else _literal(value))
    return Space.from_json({"domains": domains, "where": [*known["where"], *(where or [])]}), start


def _named_space(text: str) -> tuple[Any, list[dict[str, Any]]]:
    """A space, a dict of domains, or a problem that has a ``space`` and may have a ``start``, by its reference."""
    from shoal import catalog
    from shoal.space import Space

    found = catalog.load_reference(text)
    space = getattr(found, "space", found)
    if not isinstance(space, (Space, dict)):
        raise StudyError(f"--space {text}: a space, a dict of domains or a problem is needed, got {found!r:.100}")
    return (space if isinstance(space, Space) else Space(space)), list(getattr(found, "start", []))


def settings_of(option: str, pairs: list[str] | None) -> dict[str, Any] | None:
    return None if pairs is None else {n: _literal(v) for n, v in (_pair(option, p, "name=value") for p in pairs)}


def islands_of(words: list[str] | None) -> dict[str, Any] | None:
    """Settings of islands, where a number alone is how many there are."""
    return settings_of("--islands", words and [f"count={word}" if word.isdigit() else word for word in words])


def _points(texts: list[str] | None) -> list[dict[str, Any]] | None:
    if texts is None:
        return None
    points = [_literal(text) for text in texts]
    if not all(isinstance(point, dict) for point in points):
        raise StudyError(f"--start needs a JSON object, such as '{{\"lr\": 0.1}}', got {texts}")
    return points


def _pair(option: str, text: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise StudyError(f"{option} {text!r}: write it as {example!r}")
    return name.strip(), value.strip()


def _literal(text: str) -> Any:
    """A value as YAML reads it: numbers, true, null, lists; all else is text."""
    import yaml

    from shoal.study_file import Loader

    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError:
        return text


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
