"""``shoal report hyperparameters.yml``: the study, the table of its trials, and the best model configuration."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shoal.dialects.hyper_opt import nested, results
from shoal.dialects.hyper_opt.settings import Settings
from shoal.dialects.hyper_opt.study import plan
from shoal.errors import StudyError
from shoal.files import write_whole
from shoal.history import History
from shoal.study import Study


@dataclass(frozen=True)
class Subject:
    """A study to be reported on."""

    settings: Settings
    study: Study
    model: bool  # whether a model configuration was given

    @property
    def history(self) -> History:
        return self.study._journal.history

    @property
    def goals(self) -> dict[str, str]:
        return self.settings.metrics

    @property
    def folder(self) -> Path:
        return self.settings.save_path

    def write(self) -> list[Path]:
        """Write the table of the trials, the merged results, and ``best.yml``; returns their paths."""
        stem = "".join(c if c.isalnum() or c in "-_." else "_" for c in self.study.name)
        paths = [self.study.export(self.folder / f"{stem}.csv")]
        merged = results.merge(self.folder)
        paths += [merged] if merged.exists() else []
        return [*paths, self._best()] if self.model else paths

    def _best(self) -> Path:
        """The model configuration with the best params filled in; its first lines tell those that have no place."""
        if self.history.best is None:
            raise StudyError(f"study {self.study.name!r} has no finished trial yet, so there are no best params")
        trial = self.history.trial(self.history.best)
        config, lost = filled(self.settings, trial.params)
        head = [f"# {self.study.name}: trial {trial.number}, {self.history.definition.metric} {trial.value}"]
        head += [f"# {name}: {value!r} has no place here: see custom_updates" for name, value in lost.items()]
        path = self.folder / "best.yml"
        write_whole(path, "\n".join([*head, yaml.safe_dump(config, sort_keys=False, allow_unicode=True)]))
        return path


def filled(settings: Settings, params: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model configuration with params where their keys lead, and those that lead nowhere."""
    from shoal.dialects.hyper_opt.parameters import parameters

    config, lost = copy.deepcopy(settings.model), {}
    for one in parameters(settings.hyper.optuna.parameters):
        if one.name in params:
            value = float(params[one.name]) if one.real else params[one.name]
            if not nested.put(config, one.key, value):
                lost[one.name] = value
    return config, lost


def subject(hyper: Path, model: Path | None, store: str | None = None) -> Subject:
    """The study that the YAML names. Raises StoreError where there is none."""
    found = plan(hyper, model, {"store": store})
    return Subject(found.settings, Study.open(found.fields["name"], found.fields["store"]), model is not None)
