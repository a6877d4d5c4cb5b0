"""Studies whose folder was moved or copied, the SQLite file of their store with it: their files are beside them again,
and never those of the original."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from shoal.contracts import Clock
from shoal.files import OWNER, sqlite_path, study_directory
from shoal.journal import Journal
from shoal.records import Defined, Definition


def follow(journal: Journal, clock: Clock) -> list[str]:
    """Redefine a study that lies elsewhere than it did, so that its files and its scripts are those that lie there;
    returns what was changed, in words."""
    url, old = journal.store.url, journal.history.definition
    before, here = _before(old, url), sqlite_path(url)
    if before is None or here is None:
        return []
    new = msgspec.structs.replace(
        old, directory=_beside(old.directory, before, here) or files_beside(url),
        folder=_beside(old.folder, before, here) or old.folder,
    )  # fmt: skip
    journal.append(Defined(journal.history.version + 1, new, clock.now()))
    journal.reload()
    with suppress(OSError):  # whoever writes there is told why it cannot be
        place = study_directory(new)
        place.mkdir(parents=True, exist_ok=True)
        (place / OWNER).write_text(url)
    return [f"files {study_directory(old)} → {study_directory(new)}"]


def files_beside(url: str) -> str:
    """Where a study's files go: beside the SQLite file of its store, ``study.files`` beside ``study.db``."""
    return str(Path(sqlite_path(url) or "shoal").with_suffix(".files").absolute())


def _before(plan: Definition, url: str) -> str | None:
    """The path of the SQLite file that the study was in when its files were noted to be its own, if that was another
    one than it is in now."""
    here = sqlite_path(url)
    if here is None or plan.directory is None:
        return None
    for place in (plan, msgspec.structs.replace(plan, directory=files_beside(url))):
        with suppress(OSError):
            noted = sqlite_path((study_directory(place) / OWNER).read_text())
            same = noted in (None, here) or (os.path.exists(noted) and os.path.samefile(noted, here))
            return None if same else noted
    return None


def _beside(path: str | None, before: str, here: str) -> str | None:
    """A path that lay in the folder of the SQLite file, in that which the file is in now."""
    if path is None or not Path(path).is_relative_to(Path(before).parent):
        return None
    return str(Path(here).parent / Path(path).relative_to(Path(before).parent))
