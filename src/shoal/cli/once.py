"""shoal run-once: one trial of a study, here, for debugging."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from shoal.cli import FAILED
from shoal.cli.options import JsonOption, print_json

Option = typer.Option


def run_once(
    target: Annotated[
        list[str],
        typer.Argument(help="study.yaml, or hyperparameters.yml and model_config.yml of ECHO; or the name of a study."),
    ],
    store: Annotated[str | None, Option("--store", "-s", envvar="SHOAL_STORE", help="Where the study is kept.")] = None,
    device: Annotated[str, Option(help="What trial.device is.")] = "cpu",
    as_json: JsonOption = False,
) -> None:
    """Run the next trial of a study in this very process: breakpoints and prints work. It counts as a trial.

    [dim]python -m pdb -m shoal run-once study.yaml[/dim]
    """
    from shoal import once
    from shoal.reports.text import number

    origin = os.getcwd()
    try:
        objective, fields = _fields(target, store)
        study, trial = once.run_once(objective, fields, device)
    finally:
        os.chdir(origin)
    if as_json:
        print_json({"study": study.name, "number": trial.number, "outcome": trial.outcome, "params": trial.params,
                    "metrics": trial.metrics, "reason": trial.reason})  # fmt: skip
    else:
        typer.echo(
            f"trial {trial.number} of study {study.name!r} is {trial.outcome}{': ' * bool(trial.reason)}{trial.reason}"
        )
        for kind in (trial.params, trial.metrics):
            for name, value in kind.items():
                typer.echo(f"  {name}: {number(value)}")
    if trial.outcome == "failed":
        typer.echo(trial.traceback.rstrip(), err=True)
        raise typer.Exit(FAILED)


def _fields(words: list[str], store: str | None) -> tuple[Any, dict[str, Any]]:
    from shoal import catalog
    from shoal.cli.words import is_pair, target_of

    if is_pair(words):
        from shoal.dialects.hyper_opt import study as pair

        plan = pair.plan(Path(words[0]), Path(words[1]), {"store": store})
        plan.say()
        plan.settings.save_path.mkdir(parents=True, exist_ok=True)
        plan.freeze()
        fields = plan.fields
    elif words[0].endswith((".yaml", ".yml")):
        fields = target_of(words, store)
    else:
        fields = {"name": words[0], "store": catalog.full_url(store or "shoal.db")}
    fields = dict(fields)
    return fields.pop("objective", None), fields
