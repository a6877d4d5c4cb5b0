"""Where studies lie that are tuned by Syne Tune's names: where Shoal's do, or in the folder SYNETUNE_FOLDER."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shoal.dialects.syne_tune.constants import ST_METADATA_FILENAME, SYNE_TUNE_ENV_FOLDER
from shoal.errors import StudyError
from shoal.files import study_directory, write_whole
from shoal.records import Definition

FILE = "shoal.db"


def store_url(create: bool = False) -> str:
    """SHOAL_STORE, else shoal.db in SYNETUNE_FOLDER, which is created if need be, else ./shoal.db."""
    if store := os.environ.get("SHOAL_STORE"):
        return store
    if not (named := os.environ.get(SYNE_TUNE_ENV_FOLDER)):
        return FILE
    folder = Path(named).expanduser()
    try:
        if create:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"{SYNE_TUNE_ENV_FOLDER}={named}: cannot be created: {error.strerror or error}") from None
    return str(folder / FILE)


def write_metadata(definition: Definition, metadata: Mapping[str, Any]) -> Path:
    """Write down what a user wants to know of a study later. Raises StudyError for what is no JSON, or a full disk."""
    path = study_directory(definition) / ST_METADATA_FILENAME
    try:
        text = json.dumps(metadata, indent=1)
        write_whole(path, text)
    except (TypeError, ValueError) as error:
        raise StudyError(f"metadata must be plain JSON (text, numbers, lists, dicts): {error}") from None
    except OSError as error:
        raise StudyError(f"metadata cannot be written to {path}: {error.strerror or error}") from None
    return path


def read_metadata(definition: Definition) -> dict[str, Any]:
    """What was written down; nothing where nothing was."""
    try:
        found = json.loads((study_directory(definition) / ST_METADATA_FILENAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
