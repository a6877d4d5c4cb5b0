"""Both YAML files as a study of Shoal: what `shoal.tune` is given, and what peers read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from shoal import catalog
from shoal.beginning import placed
from shoal.dialects.hyper_opt import nested, results
from shoal.dialects.hyper_opt.jobs import wall_seconds
from shoal.dialects.hyper_opt.objective import FILE, Frozen
from shoal.dialects.hyper_opt.parameters import parameters
from shoal.dialects.hyper_opt.pruning import pruning
from shoal.dialects.hyper_opt.sampling import by_any_name, sampling
from shoal.dialects.hyper_opt.settings import Settings, read
from shoal.errors import StudyError
from shoal.files import study_directory, write_whole
from shoal.study import Study

OBJECTIVE = "shoal.dialects.hyper_opt.objective:run"
CHANGED = {"name": "study_name", "trials": "n_trials"}  # words of the command line that the YAML has too


@dataclass(frozen=True)
class Plan:
    """Arguments of `shoal.tune`, and what was translated, in words."""

    settings: Settings
    fields: dict[str, Any]
    notes: list[str]

    def freeze(self) -> None:
        """Write what peers read, at once."""
        settings, fields = self.settings, self.fields
        file = study_directory(placed(catalog.store(fields["store"]), fields["name"], str(fields["directory"]))) / FILE
        optuna = {**settings.raw["optuna"], "save_path": str(settings.save_path)}
        frozen = Frozen(str(settings.objective), {**settings.model, "optuna": optuna}, settings.metrics,
                        bool(settings.hyper.optuna.gpu), None if settings.log is None else str(settings.log),
                        )  # fmt: skip
        try:
            write_whole(file, yaml.safe_dump(msgspec.structs.asdict(frozen), sort_keys=False))
        except OSError as error:
            raise StudyError(f"cannot write {file}: {error.strerror or error}") from None

    def say(self) -> None:
        for note in self.notes:
            print(f"shoal: {note}", file=sys.stderr)


def plan(
    hyper: Path, model: Path | None, given: Mapping[str, Any] | None = None, changed: Mapping[str, Any] | None = None
) -> Plan:
    """What both files say, with the arguments of `shoal.tune` that are given instead, and with what the
    command line says of ``optuna:``. Raises ShoalError."""
    asked = {key: value for key, value in (given or {}).items() if value is not None}
    settings = read(hyper, model, {**_changed(asked), **_named(changed or {})})
    optuna, notes = settings.hyper.optuna, list[str]()
    (metric, goal), *others = settings.metrics.items()
    found = sampling(optuna.sampler, parameters(optuna.parameters), dict(others))
    stopping, pruned = pruning(optuna.pruner, bool(others))
    url = store_url(settings)
    fields = {
        "objective": OBJECTIVE, "name": settings.name, "store": url, "metric": metric, "goal": goal,
        "trials": optuna.n_trials, "directory": settings.save_path / "trials",
        "space": {one.name: one.domain for one in found.parameters},
        "start": [by_any_name(point, found.parameters, "optuna: enqueue") for point in optuna.enqueue],
        **({} if optuna.gpu else {"gpus": 0.0}), **found.fields, **stopping,
    }  # fmt: skip
    for word, settings_of in (("search", "settings"), ("stopping", "stopping_settings")):
        if word in asked:  # said otherwise: what belongs to the YAML's choice goes with it
            fields.pop(settings_of, None)
    fields.update(asked)
    fields["store"] = catalog.full_url(str(fields["store"]))
    notes += [] if "search" in asked else found.notes
    notes += [] if "stopping" in asked else pruned
    notes += _lost(settings, optuna.parameters if model is not None else ())
    notes.append(f"study {fields['name']!r} in {_shown(fields['store'])}; what it saves is in {settings.save_path}")
    return Plan(settings, fields, notes)


def _changed(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the command line says of keys that the objective sees in ``conf["optuna"]``, too."""
    changed = {CHANGED[word]: asked[word] for word in CHANGED if word in asked}
    if "name" in asked:
        changed["name"] = None
    for word, key in (("metric", "metric"), ("goal", "direction")):
        if word in asked:
            changed[key] = asked[word]
    return changed


def _named(changed: Mapping[str, Any]) -> dict[str, Any]:
    return {**changed, **({"name": None} if "study_name" in changed else {})}


def store_url(settings: Settings) -> str:
    """Where the study lies: a file for one machine, a folder that all see where there are jobs."""
    optuna = settings.hyper.optuna
    place = optuna.storage or settings.name
    if optuna.storage_type == "maria":
        return re.sub(r"^(mysql|mariadb)(\+\w+)?://", "mysql+pymysql://", place)
    if found := re.match(r"(sqlite:///|dir:)(.*)", place):
        return f"{found[1]}{settings.folder / Path(found[2]).expanduser()}"  # as all paths of the YAML
    if "://" in place:
        return place
    path = settings.save_path / place
    if optuna.storage_type == "nfs" or settings.hyper.slurm or settings.hyper.pbs:
        return f"dir:{path.with_suffix('.store')}"
    return f"sqlite:///{path if path.suffix else path.with_suffix('.db')}"


def _shown(url: str) -> str:
    return re.sub(r"://([^:/@]*):[^@]*@", r"://\1:***@", url)


def _lost(settings: Settings, keys: Any) -> list[str]:
    """Which keys lead nowhere, to be said before anything runs."""
    lost = nested.nowhere(settings.model, keys)
    if not lost:
        return []
    return [f"{', '.join(lost)}: no place of that name in the model configuration; left to custom_updates(trial, conf)"]


def check_reload(plan: Plan) -> None:
    """``reload: 0`` asks for a new study. Raises StudyError where there is one of that name that has trials."""
    reload, url, name = plan.settings.hyper.optuna.reload, plan.fields["store"], plan.fields["name"]
    if reload is None or reload:
        return
    if name in catalog.store(url).studies() and Study.open(name, url).trials:
        raise StudyError(
            f"study {name!r} is there already, and the YAML says reload: {reload!r}. Set reload: 1 to go on with it, "
            f"give another name, or remove it: shoal rm {name!r} --store {_shown(url)}"
        )


def tune(
    hyper: Path, model: Path, given: Mapping[str, Any], progress: bool = True, changed: Mapping[str, Any] | None = None
) -> Study:
    """Run the study here, with peers that know their wall time."""
    from shoal import tune as run

    found = plan(hyper, model, given, changed)
    settings = found.settings
    found.say()
    settings.save_path.mkdir(parents=True, exist_ok=True)
    check_reload(found)
    found.freeze()
    batch = settings.hyper.slurm if os.environ.get("SLURM_JOB_ID") else settings.hyper.pbs
    inside = any(os.environ.get(name) for name in ("SLURM_JOB_ID", "PBS_JOBID"))
    if inside and batch is not None:
        found.fields.setdefault("wall_time", wall_seconds(batch.batch))
    try:
        return run(**found.fields, progress=progress)
    finally:
        results.merge(settings.save_path)
