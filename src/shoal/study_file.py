"""study.yaml: a whole study in one file, checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from shoal.errors import StudyError, misfit, unknown
from shoal.space import Space


class StudyFile(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The keys of study.yaml: the arguments of `shoal.tune`, ``where`` for the constraints of the space."""

    objective: str | list[str] | None = None
    space: dict[str, Any] | None = None
    where: str | list[str] = msgspec.field(default_factory=list)
    metric: str | None = None
    goal: str | None = None
    trials: int | None = None
    done: int | None = None
    workers: int | None = None
    search: str | None = None
    settings: dict[str, Any] | None = None
    stopping: str | None = None
    stopping_settings: dict[str, Any] | None = None
    budget: str | dict[str, Any] | list[Any] | None = None
    islands: int | dict[str, Any] | None = None
    seed: int | None = None
    start: list[dict[str, Any]] | None = None
    store: str | None = None
    name: str | None = None
    timeout: float | None = None
    trial_timeout: float | None = None
    target: float | None = None
    patience: int | None = None
    max_failures: int | None = None
    retries: int | None = None
    gpus: float | None = None
    grace: float | None = None
    lease: float | None = None
    preload: bool | None = None
    directory: str | None = None
    keep_checkpoints: int | None = None
    engine: str | None = None
    engine_settings: dict[str, Any] | None = None
    ranks_per_trial: int | None = None
    submit: dict[str, Any] | None = None


def read_study(path: Path) -> dict[str, Any]:
    """The arguments for `shoal.tune` that a file holds. Raises StudyError that names the file, the key and the
    remedy."""
    data = read_yaml(path)
    if not isinstance(data, Mapping):
        raise StudyError(
            f"{path}: a study is a mapping of keys to values, such as `objective: train.py`, got {data!r:.100}"
        )
    for key in data:
        if key not in StudyFile.__struct_fields__:
            raise StudyError(f"{path}: {unknown('key', key, StudyFile.__struct_fields__)}")
    try:
        study = msgspec.convert(dict(data), StudyFile)
    except msgspec.ValidationError as error:
        raise StudyError(f"{path}: {misfit(error)}") from None
    fields = {name: value for name, value in msgspec.structs.asdict(study).items() if value is not None}
    where = fields.pop("where")
    if study.space is not None:
        fields["space"] = Space.from_json({"domains": study.space, "where": where})
    elif where:
        raise StudyError(f"{path}: where: needs a space: beside it")
    return fields


def read_space(path: Path) -> Space:
    """The space that a YAML or JSON file holds: names and domains, or those under ``domains`` beside ``where``."""
    return Space.from_json(read_yaml(path))


def read_yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader)
    except OSError as error:
        raise StudyError(f"cannot read {path}: {error.strerror or error}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise StudyError(f"{path} is no valid YAML: {error}") from None


class Loader(yaml.SafeLoader):
    """YAML as people mean it: ``1e-4`` is a number, though YAML 1.1 wants ``1.0e-4``, and ``12:00:00`` is none,
    though YAML 1.1 reads 43200; the keys ``on`` and ``y`` are names, and not true. A key that is there twice, of which
    the last would win, is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is there twice", key.start_mark)
                seen.add(key.value)
                if key.tag == "tag:yaml.org,2002:bool":
                    key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)[eE][-+]?[0-9]+$"),
    list("-+0123456789."),
)
for _first in "+-0123456789":
    _times = ("tag:yaml.org,2002:str", re.compile(r"^[-+]?[0-9][0-9_]*(?::[0-9]+)+(?:\.[0-9_]*)?$"))
    Loader.yaml_implicit_resolvers[_first].insert(0, _times)
