"""ECHO's first command with all its flags: ``python -m shoal.dialects.hyper_opt.optimize hyper.yml model.yml -t 100``.

It sends the jobs of ``slurm:`` and ``pbs:``; without either it runs the study here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from shoal import catalog
from shoal.beginning import begin
from shoal.dialects.hyper_opt.study import plan, tune
from shoal.dialects.hyper_opt.submitting import Submitting
from shoal.errors import ShoalError

FLAGS = {  # each is a key of optuna:, but for the last
    ("-n", "--study_name"): "the name of the study",
    ("--storage_type",): "sqlite, maria or nfs",
    ("--storage",): "where the study is kept",
    ("-o", "--objective"): "the script with the class Objective",
    ("-d", "--direction"): "minimize or maximize, or a list: [minimize, maximize]",
    ("-m", "--metric"): "the metric, or a list",
    ("-t", "--n_trials", "--trials"): "the number of trials",
    ("-g", "--gpu"): "whether to use GPUs",
    ("-s", "--save_path"): "where results are saved",
}
KEYS = {"trials": "n_trials"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit status: 0, or 1 with the error told."""
    parser = argparse.ArgumentParser(prog="optimize", description=__doc__)
    parser.add_argument("hyperparameter", type=Path, help="hyperparameters.yml")
    parser.add_argument("model", type=Path, help="model_config.yml")
    for names, text in FLAGS.items():
        parser.add_argument(*names, dest=names[-1].lstrip("-"), help=text)
    parser.add_argument("--delete_study", help="1: remove the study first")
    parser.add_argument("-c", "--create_study", help="1: create the study, and run or send nothing")
    given = vars(parser.parse_args(arguments))
    hyper, model = given.pop("hyperparameter"), given.pop("model")
    delete, create = (bool(_plain(given.pop(name))) for name in ("delete_study", "create_study"))
    changed = {KEYS.get(name, name): _plain(text) for name, text in given.items() if text is not None}
    try:
        _run(hyper, model, changed, delete, create)
    except ShoalError as error:
        print(f"optimize: error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(hyper: Path, model: Path, changed: dict[str, Any], delete: bool, create: bool) -> None:
    found = plan(hyper, model, None, changed)
    if delete:
        store = catalog.store(found.fields["store"])
        if found.fields["name"] in store.studies():
            store.remove(found.fields["name"])
    if create:
        fields = {
            key: value for key, value in found.fields.items() if key not in ("store", "name", "objective", "gpus")
        }
        found.settings.save_path.mkdir(parents=True, exist_ok=True)
        found.freeze()
        begin(catalog.store(found.fields["store"]), found.fields["name"], found.fields["objective"], fields).flush()
        found.say()
    elif found.settings.hyper.slurm or found.settings.hyper.pbs:
        handed = Submitting(hyper, model, {}, changed=changed)
        handed.plan.say()
        print("submitted:", *handed.submit())
    else:
        study = tune(hyper, model, {}, changed=changed)
        print(f"Best {study._journal.history.definition.metric}: {study.best.value} with {study.best.params}")


def _plain(text: str | None) -> Any:
    """A value as YAML reads it."""
    try:
        return None if text is None else yaml.safe_load(text)
    except yaml.YAMLError:
        return text


if __name__ == "__main__":
    sys.exit(main())
