"""Where the files of a study lie: one directory a trial, and one log a peer."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import quote

from shoal.records import Definition

CHECKPOINT = "checkpoint"


def study_directory(definition: Definition) -> Path:
    """The directory of a study; its name is made safe, so that no study name can lead out of it."""
    safe = quote(definition.name, safe=" ")
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    return Path(definition.directory or "shoal.files").absolute() / safe


def trial_directory(definition: Definition, number: int) -> Path:
    return study_directory(definition) / f"{number:06d}"


def copy_checkpoint(definition: Definition, source: int, number: int) -> None:
    """Give a trial the checkpoint of another, where that one has saved any."""
    origin = trial_directory(definition, source) / CHECKPOINT
    if origin.is_dir():
        shutil.copytree(origin, trial_directory(definition, number) / CHECKPOINT, dirs_exist_ok=True)


def peer_log(definition: Definition, peer: str) -> Path:
    return study_directory(definition) / "peers" / f"{peer}.log"
