"""The two YAML files of a study: hyperparameters.yml, read in all its forms, and the model configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from shoal.engines.submission import or_end
from shoal.errors import StudyError, misfit, unknown
from shoal.study_file import read_yaml


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """``slurm:`` or ``pbs:``: how many jobs, with which flags, and what a shell runs first."""

    batch: dict[str, Any]
    jobs: int = 1
    kernel: str | None = None
    bash: list[str] | str = []
    gpus_per_node: int | None = None
    tasks_per_worker: int = 1

    def __post_init__(self) -> None:
        if self.jobs < 1 or self.tasks_per_worker < 1 or (self.gpus_per_node or 1) < 1:
            raise StudyError("jobs, tasks_per_worker and gpus_per_node must be 1 or more")

    @property
    def lines(self) -> list[str]:
        """What a shell runs first: ``bash`` in its order, then ``kernel``, which ends the job where it fails."""
        bash = [self.bash] if isinstance(self.bash, str) else self.bash
        return [*bash, *([or_end(self.kernel.strip())] if self.kernel else [])]


class Log(msgspec.Struct, forbid_unknown_fields=True):
    save_path: str


class Optuna(msgspec.Struct, forbid_unknown_fields=True):
    """``optuna:``, of the document and of ECHO's README."""

    objective: str
    metric: str | list[str]
    parameters: dict[str, Any]
    n_trials: int
    direction: str | list[str] = "minimize"
    name: str | None = None
    study_name: str | None = None
    storage: str | None = None
    storage_type: Literal["sqlite", "maria", "nfs"] = "sqlite"
    reload: bool | int | None = None
    gpu: bool | int = False
    save_path: str | None = None
    sampler: dict[str, Any] | None = None
    pruner: dict[str, Any] | None = None
    enqueue: list[dict[str, Any]] = []


class Hyper(msgspec.Struct, forbid_unknown_fields=True):
    """The whole of hyperparameters.yml."""

    optuna: Optuna
    log: bool | int | Log = False
    save_path: str | None = None
    slurm: Batch | None = None
    pbs: Batch | None = None


@dataclass(frozen=True)
class Settings:
    """What both files say, paths made absolute. ``raw`` and ``model`` are as they were read."""

    hyper: Hyper
    raw: dict[str, Any]
    model: dict[str, Any]
    folder: Path  # of hyperparameters.yml, which its paths are relative to
    save_path: Path
    objective: Path
    log: Path | None

    @property
    def name(self) -> str:
        optuna = self.hyper.optuna
        return optuna.study_name or optuna.name or "hyper_opt"

    @property
    def metrics(self) -> dict[str, str]:
        """Each metric and its goal; the first is the study's own."""
        optuna = self.hyper.optuna
        names = [optuna.metric] if isinstance(optuna.metric, str) else optuna.metric
        goals = [optuna.direction] if isinstance(optuna.direction, str) else optuna.direction
        for goal in goals:
            if goal not in ("minimize", "maximize"):
                raise StudyError(f"optuna: direction: {unknown('direction', goal, ('minimize', 'maximize'))}")
        if not names or len(set(names)) != len(goals):
            raise StudyError(
                f"optuna: each metric needs its direction, in the same order; got metric: {names}, direction: {goals}"
            )
        return dict(zip(names, goals, strict=True))


def read(hyper: Path, model: Path | None, changed: Mapping[str, Any] | None = None) -> Settings:
    """Both files; ``changed`` holds keys of ``optuna:``, and ``save_path``, that the command line says otherwise.

    Raises StudyError that names the file, the key and the remedy.
    """
    raw = _mapping(hyper, "optuna: and its parameters")
    given = dict(changed or {})
    if "save_path" in given:
        raw["save_path"] = given.pop("save_path")
    if isinstance(raw.get("optuna"), Mapping):
        raw["optuna"] = {key: value for key, value in {**raw["optuna"], **given}.items() if value is not None}
    try:
        found = msgspec.convert(raw, Hyper)
    except msgspec.ValidationError as error:
        raise StudyError(f"{hyper}: {misfit(error, 'the file')}") from None
    except StudyError as error:
        raise StudyError(f"{hyper}: {error}") from None
    folder = hyper.absolute().parent
    optuna = found.optuna
    if optuna.name and optuna.study_name and optuna.name != optuna.study_name:
        raise StudyError(f"{hyper}: optuna: name: {optuna.name!r} and study_name: {optuna.study_name!r} are both given")
    save_path = _under(folder, found.save_path or optuna.save_path or ".")
    log = _under(folder, found.log.save_path) if isinstance(found.log, Log) else None
    return Settings(
        hyper=found, raw=raw, model={} if model is None else _mapping(model, "what the objective's train is given"),
        folder=folder, save_path=save_path, objective=_objective(optuna.objective, folder, hyper),
        log=log or (save_path / "log.txt" if found.log else None),
    )  # fmt: skip


def _mapping(path: Path, of: str) -> dict[str, Any]:
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise StudyError(f"{path}: it must be a mapping of keys to values, {of}; got {data!r:.100}")
    return data


def _under(folder: Path, text: str) -> Path:
    return (folder / Path(text).expanduser()).absolute()


def _objective(text: str, folder: Path, source: Path) -> Path:
    """The script of the objective: relative to the YAML, else to where one is."""
    tried = list(dict.fromkeys([_under(folder, text), _under(Path.cwd(), text)]))
    for path in tried:
        if path.is_file():
            return path
    raise StudyError(f"{source}: optuna: objective: there is no file {' nor '.join(map(str, tried))}")
