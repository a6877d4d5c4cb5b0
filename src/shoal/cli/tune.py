"""shoal tune: run a study here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from shoal.cli.options import JsonOption, complete_search, complete_stopping
from shoal.cli.outcome import finish
from shoal.cli.words import is_pair, islands_of, points_of, seconds_of, settings_of, space_of, target_of
from shoal.errors import StudyError

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
    domains, first = space_of(space, param, where)
    given = {
        "space": domains, "metric": metric, "goal": goal, "trials": trials, "done": done, "workers": workers,
        "search": search, "settings": settings_of("--setting", setting), "budget": budget, "stopping": stopping,
        "stopping_settings": settings_of("--stopping-setting", stopping_setting), "seed": seed,
        "islands": islands_of(islands),
        "start": [*first, *(points_of(start) or [])] or None, "name": name,
        "timeout": timeout, "trial_timeout": trial_timeout, "target": stop_at, "patience": patience,
        "max_failures": max_failures, "retries": retries, "gpus": gpus, "grace": grace, "preload": preload,
        "directory": directory, "keep_checkpoints": keep_checkpoints, "engine": engine,
        "ranks_per_trial": ranks_per_trial,
        "wall_time": None if wall_time is None else seconds_of(wall_time),
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
    fields = target_of(target, store)
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
