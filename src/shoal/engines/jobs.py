"""The jobs that were submitted for a study: which there are, how they fare, and how to cancel them."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from shoal.errors import StudyError

if TYPE_CHECKING:
    from psij import JobExecutor
    from psij.executors.batch.batch_scheduler_executor import BatchSchedulerExecutor

PROGRAM = "shoal.submitted"  # what a job runs
FORGOTTEN = re.compile(r"unknown job|\bjob\b.*(not found|finished|invalid)|invalid job", re.IGNORECASE)


def remember(folder: Path, scheduler: str, native: str, store: str) -> None:
    """Note a job that was submitted, and for which store, for `states` and `cancel`."""
    with (folder / "jobs").open("a") as jobs:
        jobs.write(json.dumps({"scheduler": scheduler, "id": native, "store": whereabouts(store)}) + "\n")


def whereabouts(url: str) -> str:
    """Where a store is, whoever asks for it: its URL without user, password, driver and options.

    >>> whereabouts("postgresql+psycopg://me:a/b?c@host/studies?sslmode=require")
    'postgresql://host/studies'
    """
    if url.startswith("dir:"):
        return f"dir:{os.path.realpath(url.removeprefix('dir:'))}"
    from sqlalchemy import URL, make_url

    given = make_url(url.removeprefix("ray:"))
    place = URL.create(given.get_backend_name(), host=given.host, port=given.port, database=given.database)
    return place.render_as_string()


def states(folder: Path, store: str) -> dict[str, tuple[str, str]]:
    """The scheduler and the state of each job that was submitted for a store, by its id; "gone" where nothing is known
    any more."""
    jobs = _jobs(folder, store)
    if not jobs:
        return {}
    from psij import JobExecutor
    from psij.executors.batch.batch_scheduler_executor import BatchSchedulerExecutor

    found: dict[str, tuple[str, str]] = {}
    for scheduler, ids in jobs.items():
        executor: JobExecutor = JobExecutor.get_instance(scheduler)
        known: Mapping[str, Any] = {}
        if isinstance(executor, BatchSchedulerExecutor):
            known = _told(executor, scheduler, ids)
        for native in ids:
            state = known[native].state.name.lower() if native in known else _state_of_process(scheduler, native)
            found[native] = (scheduler, state)
    return found


def _told(executor: BatchSchedulerExecutor, scheduler: str, ids: list[str]) -> Mapping[str, Any]:
    """What a scheduler says of jobs, by their ids; nothing of those that it has forgotten. Raises StudyError where it
    cannot be asked."""
    command = executor.get_status_command(ids)
    try:
        asked = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise StudyError(f"{scheduler} cannot be asked for jobs from here: {command[0]}: {error.strerror}") from None
    if asked.returncode == 0:
        return executor.parse_status_output(asked.returncode, asked.stdout)
    if len(ids) > 1:  # PBS and LSF fail where one of them is forgotten
        return {native: state for one in ids for native, state in _told(executor, scheduler, [one]).items()}
    said = (asked.stderr or asked.stdout).strip()
    if said and not FORGOTTEN.search(said):
        raise StudyError(f"{scheduler} cannot be asked for jobs: {said}")
    return {}


def _state_of_process(scheduler: str, native: str) -> str:
    if scheduler != "local":
        return "gone"
    try:
        command = psutil.Process(int(native)).cmdline()
    except (psutil.Error, ValueError):
        return "gone"
    return "active" if PROGRAM in command else "gone"  # another may have got its number since


def cancel(folder: Path, store: str) -> list[str] | None:
    """Cancel the jobs for a store that wait or run; returns their ids, None where no job was ever submitted for it."""
    jobs = states(folder, store)
    if not jobs:
        return None
    from psij import Job, JobExecutor

    cancelled = []
    for native, (scheduler, state) in jobs.items():
        if state in ("queued", "active", "new", "held"):
            job = Job()
            executor = JobExecutor.get_instance(scheduler)
            executor.attach(job, native)
            executor.cancel(job)
            cancelled.append(native)
    return cancelled


def elsewhere(folder: Path, store: str) -> dict[str, list[str]]:
    """The jobs that were submitted for other stores, or for this one by another name of its machine; by store."""
    place, found = whereabouts(store), dict[str, list[str]]()
    for told in _lines(folder):
        if told.get("store", place) != place:
            found.setdefault(told["store"], []).append(told["id"])
    return found


def _jobs(folder: Path, store: str) -> dict[str, list[str]]:
    place, found = whereabouts(store), dict[str, list[str]]()
    for told in _lines(folder):
        if told.get("store", place) == place:
            found.setdefault(told["scheduler"], []).append(told["id"])
    return found


def _lines(folder: Path) -> list[dict[str, str]]:
    path = folder / "jobs"
    lines = path.read_text().splitlines() if path.exists() else []
    try:
        return [json.loads(line) for line in lines if line.strip()]
    except ValueError as error:
        raise StudyError(f"{path}: what jobs were submitted cannot be read ({error}); remove that line") from None
