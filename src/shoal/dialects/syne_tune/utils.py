"""What training scripts of Syne Tune use for checkpoints, and for configs that do not fit on a command line."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shoal.dialects.syne_tune.constants import ST_CHECKPOINT_DIR, ST_CONFIG_JSON_FNAME_ARG
from shoal.errors import ObjectiveError

_RESOURCE, _STATE, _MUTABLE = "st_resource", "st_state_dict_", "st_mutable_"


def add_config_json_to_argparse(parser: argparse.ArgumentParser) -> None:
    """Have a parser take the path that ``LocalBackend(…, pass_args_as_json=True)`` passes."""
    parser.add_argument(f"--{ST_CONFIG_JSON_FNAME_ARG}", type=str)


def load_config_json(args: dict[str, Any]) -> dict[str, Any]:
    """The config in the JSON file that the arguments name, and the other arguments."""
    path = args.get(ST_CONFIG_JSON_FNAME_ARG)
    if not path:
        raise ObjectiveError(f"--{ST_CONFIG_JSON_FNAME_ARG} was not given: use LocalBackend(…, pass_args_as_json=True)")
    return {**json.loads(Path(path).read_text(encoding="utf-8")), **args}


def parse_bool(val: str) -> bool:
    """True or False from their texts. Raises ObjectiveError for any other text."""
    if val.lower() not in ("true", "false"):
        raise ObjectiveError(f"{val!r} is neither true nor false")
    return val.lower() == "true"


def add_checkpointing_to_argparse(parser: argparse.ArgumentParser) -> None:
    """Have a parser take the trial's directory for checkpoints."""
    parser.add_argument(f"--{ST_CHECKPOINT_DIR}", type=str)


def resume_from_checkpointed_model(config: dict[str, Any], load_model_fn: Callable[[str], int]) -> int:
    """Load a checkpoint if there is one; returns the resource (such as the epoch) that it is of, else 0."""
    path = config.get(ST_CHECKPOINT_DIR)
    return load_model_fn(path) if path and os.path.exists(path) else 0


def checkpoint_model_at_rung_level(
    config: dict[str, Any], save_model_fn: Callable[[str, int], Any], resource: int
) -> None:
    """Save a checkpoint where the config names a directory for it."""
    if config.get(ST_CHECKPOINT_DIR):
        save_model_fn(config[ST_CHECKPOINT_DIR], resource)


def pytorch_load_save_functions(
    state_dict_objects: dict[str, Any], mutable_state: dict[str, Any] | None = None, fname: str = "checkpoint.json"
) -> tuple[Callable[[str], int], Callable[[str, int], None]]:
    """Functions that load and save objects of PyTorch with their ``state_dict``; there is never half a checkpoint."""
    import torch  # type: ignore[import-not-found, unused-ignore]

    mutable = {} if mutable_state is None else mutable_state

    def load(folder: str) -> int:
        path = Path(folder) / fname
        if not path.exists():
            return 0
        saved = torch.load(path)
        for name, part in state_dict_objects.items():
            part.load_state_dict(saved[_STATE + name])
        for name, old in mutable.items():
            value = saved[_MUTABLE + name]
            mutable[name] = value if old is None else type(old)(value)
        return int(saved[_RESOURCE])

    def save(folder: str, resource: int) -> None:
        os.makedirs(folder, exist_ok=True)
        state = {_STATE + name: part.state_dict() for name, part in state_dict_objects.items()}
        fresh = Path(folder) / f".{fname}.new"
        torch.save({**state, _RESOURCE: resource, **{_MUTABLE + name: value for name, value in mutable.items()}}, fresh)
        fresh.replace(Path(folder) / fname)

    return load, save
