"""A study.yaml made ready for a scheduler: the study exists before the first job looks for it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from shoal import catalog
from shoal.beginning import begin
from shoal.clock import RealClock
from shoal.engines.submission import Submission
from shoal.errors import StoreError, StudyError, misfit, unknown
from shoal.joining import go_on
from shoal.journal import Journal
from shoal.names import peer_name
from shoal.records import Defined
from shoal.stores.database import masked
from shoal.stores.memory import MemoryStore
from shoal.study_file import read_study

SHARED = "dir:shoal.store"


def submission_of(path: Path, given: Mapping[str, Any]) -> tuple[dict[str, Any], Submission]:
    """The fields of a study.yaml for `shoal.tune`, and its ``submit:`` with what is given instead."""
    fields = read_study(path)
    asked = {**fields.pop("submit", {}), **{key: value for key, value in given.items() if value is not None}}
    for key in asked:
        if key not in Submission.__struct_fields__:
            raise StudyError(f"{path}: submit: {unknown('key', key, Submission.__struct_fields__)}")
    try:
        return fields, msgspec.convert(asked, Submission)
    except msgspec.ValidationError as error:
        raise StudyError(f"{path}: submit: {misfit(error, 'settings')}") from None


def prepare(
    fields: dict[str, Any], name: str, asked: Submission, store: str | None, trials: int | None, dry_run: bool = False
) -> tuple[Journal, str]:
    """Create or join the study, here and now; returns its journal and the store's URL, with its password.

    A dry run leaves the store alone: it creates the study in memory, or joins a copy of it there.
    """
    url = catalog.full_url(store or fields.pop("store", None) or SHARED)
    fields.pop("store", None)
    if url.startswith("memory") or (url.startswith("sqlite") and asked.scheduler != "local"):
        raise StudyError(
            f"{url} is for one machine; jobs need a store that all of them see: --store dir:/a/shared/folder, or "
            "postgresql+psycopg://user@host/database"
        )
    if "objective" not in fields:
        raise StudyError("objective: is missing; it says what to run, such as `objective: train.py`")
    if trials is not None:
        fields["trials"] = trials
    for key in ("workers", "gpus", "timeout", "grace", "preload", "lease", "engine", "engine_settings",
                "ranks_per_trial"):  # fmt: skip
        fields.pop(key, None)  # of single peers
    name, objective = fields.pop("name", name), fields.pop("objective")
    journal = begin(_stand_in(url, name) if dry_run else catalog.store(url), name, objective, fields)
    go_on(journal, RealClock())
    journal.flush()
    return journal, url


def _stand_in(url: str, name: str) -> MemoryStore:
    """A store in memory for another, with the study of that name where it is there."""
    shown = MemoryStore(url if url.startswith(("dir:", "ray:")) else masked(url))
    with suppress(StoreError):  # it is not there yet, or not to be had from here
        place = shown if url.startswith("ray:") else catalog.store(url, create=False)  # which would start an actor
        if name in place.studies():
            history = Journal(place, name, peer_name(), RealClock()).history
            shown.create(name, Defined(1, history.definition, RealClock().now()))
            begun = (told for number in range(history.length) if (told := history.records(number)))
            shown.append(name, "", next(begun, []))  # one trial, for what has begun cannot be begun otherwise
    return shown
