"""Where the files of a study lie: one directory a trial, and one log a peer."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from pathlib import Path
from urllib.parse import quote

import msgspec

from shoal.fold import CODE, DONE
from shoal.history import History
from shoal.records import Definition

CHECKPOINT = "checkpoint"
OWNER = "store"  # a file in a study's directory: which store the study is in
UMASK = os.umask(0)  # there is no other way to look
os.umask(UMASK)


def sqlite_path(url: str) -> str | None:
    """The path of the SQLite file that a store's URL names, as it is: %, ? and # are letters in it.

    >>> sqlite_path("sqlite:////data/50%.db"), sqlite_path("dir:/data")
    ('/data/50%.db', None)
    """
    return url.removeprefix("sqlite:///") if url.startswith("sqlite:///") else None


def study_directory(definition: Definition) -> Path:
    """The directory of a study."""
    return Path(definition.directory or "shoal.files").absolute() / (definition.files or _safe(definition.name))


def _safe(name: str) -> str:
    """A study's name made safe, so that none can lead elsewhere, and short enough for any file system; a plus is in no
    such name."""
    safe = quote(name, safe=" ")
    if len(safe) > 240:  # of a hundred letters that are not ASCII
        safe = f"{safe[:190]}~{sha1(name.encode()).hexdigest()}"
    return "%2E" + safe[1:] if safe.startswith(".") else safe


def fresh(definition: Definition, store: str, noted: bool = True) -> Definition:
    """The same for a study that begins in a store, with a directory in which no other has files: one of its name may be
    in another store, or have been, and its checkpoints are none for new trials. Trials may be long in coming to files:
    so it is ``noted`` there at once, unless the study is in this process alone."""
    number = 1
    while _used(path := study_directory(definition)) or not _ours(
        path, store, noted and definition.directory is not None
    ):
        number += 1
        definition = msgspec.structs.replace(definition, files=f"{_safe(definition.name)}+{number}")
    return definition


def _ours(path: Path, store: str, noted: bool) -> bool:
    """Whether a directory is for no other store's study."""
    try:
        if noted:
            path.mkdir(parents=True, exist_ok=True)
            create_alone(path, OWNER, store.encode())
        return (path / OWNER).read_text() == store
    except OSError:  # it is not there, or no place for files: whoever writes there is told why
        return True


def _used(path: Path) -> bool:
    """Whether trials, peers or jobs have left anything there."""
    try:
        with os.scandir(path) as entries:
            return (
                any(entry.name.isdecimal() or entry.name == "peers" for entry in entries)
                or (path / "submit" / "jobs").exists()
            )
    except OSError:  # it is not there, or no place for files: whoever writes there is told why
        return False


def submit_directory(definition: Definition) -> Path:
    """Where the jobs lie that were submitted for a study, and their output."""
    return study_directory(definition) / "submit"


def trial_directory(definition: Definition, number: int) -> Path:
    return study_directory(definition) / f"{number:06d}"


def _checkpoint(definition: Definition, number: int) -> Path:
    return trial_directory(definition, number) / CHECKPOINT


def copy_checkpoint(definition: Definition, source: int, number: int) -> None:
    """Give a trial the checkpoint of another, where that one has saved any; all of it or nothing."""
    origin = _checkpoint(definition, source)
    if not origin.is_dir():
        return
    place = made_directory(definition, number) / CHECKPOINT
    fresh = place.with_name(f"{CHECKPOINT}.copy")
    shutil.rmtree(fresh, ignore_errors=True)  # what an earlier attempt came to
    shutil.copytree(origin, fresh)
    shutil.rmtree(place, ignore_errors=True)
    fresh.replace(place)


def made_directory(definition: Definition, number: int) -> Path:
    path = trial_directory(definition, number)
    path.mkdir(parents=True, exist_ok=True)
    return path


def made_checkpoint(definition: Definition, number: int) -> Path:
    path = made_directory(definition, number) / CHECKPOINT
    path.mkdir(exist_ok=True)
    return path


def tidy_checkpoints(history: History, number: int) -> None:
    """Remove the checkpoints that no one needs now that a trial has ended: its own where it did not come to its end,
    and those of all but the best ``keep_checkpoints`` trials that did."""
    definition, state = history.definition, history.state[number]
    kept = definition.keep_checkpoints
    if state in (CODE["stopped"], CODE["failed"]):
        remove_checkpoint(definition, number)
    elif state == DONE and kept is not None:
        ranked = history.ranked(kept + 1)
        for worse in {number, *ranked[kept:]}.difference(ranked[:kept]):
            remove_checkpoint(definition, worse)


def tidy_all_checkpoints(history: History) -> None:
    """The same, of a study that has ended: peers that ended trials at once did not know of each other's."""
    for number in history.numbers("stopped", "failed"):
        remove_checkpoint(history.definition, number)
    if history.definition.keep_checkpoints is not None:
        for number in history.ranked()[history.definition.keep_checkpoints :]:
            remove_checkpoint(history.definition, number)


def has_checkpoint(definition: Definition, number: int) -> bool:
    """Whether a trial has saved anything."""
    path = _checkpoint(definition, number)
    return path.is_dir() and any(path.iterdir())


def remove_checkpoint(definition: Definition, number: int) -> bool:
    """Remove what a trial has saved; returns whether there was anything."""
    path, found = _checkpoint(definition, number), has_checkpoint(definition, number)
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)  # another peer may be at it, too
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
    return found


def peer_log(definition: Definition, peer: str) -> Path:
    return study_directory(definition) / "peers" / f"{peer}.log"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Where to write what a file is to hold: beside it, and then in its place at once, so that no one ever reads half
    of it. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a file at once, in a folder that is made where there is none. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def create_alone(folder: Path, name: str, data: bytes, replace: bool = False) -> bool:
    """Create a file whole; of all that try, one succeeds, unless it is to be replaced. Raises OSError."""
    descriptor, path = tempfile.mkstemp(prefix=".", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o666 & ~UMASK)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(path, folder / name)
            return True
        try:
            os.link(path, folder / name)
        except FileExistsError:
            return False
        return True
    finally:
        if not replace or os.path.exists(path):
            os.unlink(path)
