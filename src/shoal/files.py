"""Where the files of a study lie: one directory a trial, and one log a peer."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from shoal.records import Definition


def study_directory(definition: Definition) -> Path:
    """The directory of a study; its name is made safe, so that no study name can lead out of it."""
    safe = quote(definition.name, safe=" ")
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    return Path(definition.directory or "shoal.files").absolute() / safe


def trial_directory(definition: Definition, number: int) -> Path:
    return study_directory(definition) / f"{number:06d}"


def peer_log(definition: Definition, peer: str) -> Path:
    return study_directory(definition) / "peers" / f"{peer}.log"
