"""Studies whose folder was moved or copied, the SQLite file of their store with it: their files are beside them again,
and never those of the original."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from shoal.contracts import Clock
from shoal.files import OWNER, study_directory
from shoal.journal import Journal
from shoal.records import Defined, Definition

SQLITE = "sqlite:///"


def follow(journal: Journal, clock: Clock) -> list[str]:
    """Redefine a study that lies elsewhere than it did, so that its files and its scripts are those that lie there;
    returns what was changed, in words."""
    url, old = journal.store.url, journal.history.definition
    before = _before(old, url)
    if before is None:
        return []
    new = msgspec.structs.replace(
        old, directory=_beside(old.directory, before, url) or files_beside(url),
        folder=_beside(old.folder, before, url) or old.folder,
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
    path = url.removeprefix(SQLITE)
    return str((Path(path) if path != url else Path("shoal")).with_suffix(".files").absolute())


def _before(plan: Definition, url: str) -> str | None:
    """The path of the SQLite file that the study was in when its files were noted to be its own, if that was another
    one than it is in now."""
    if not url.startswith(SQLITE) or plan.directory is None:
        return None
    beside = msgspec.structs.replace(plan, directory=files_beside(url))
    for place in (plan, beside):
        with suppress(OSError):
            noted = (study_directory(place) / OWNER).read_text()
            path, here = noted.removeprefix(SQLITE), url.removeprefix(SQLITE)
            same = (
                noted == url or not noted.startswith(SQLITE) or (os.path.exists(path) and os.path.samefile(path, here))
            )
            return None if same else path
    return None


def _beside(path: str | None, before: str, url: str) -> str | None:
    """A path that lay in the folder of the SQLite file, in that which the file is in now."""
    if path is None or not Path(path).is_relative_to(Path(before).parent):
        return None
    return str(Path(url.removeprefix(SQLITE)).parent / Path(path).relative_to(Path(before).parent))
