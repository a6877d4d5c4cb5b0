"""How a study begins: its objective, its name, its files, and the first line of its journal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from shoal import catalog
from shoal.clock import RealClock
from shoal.contracts import Objective, Search, Stopping, Store
from shoal.errors import StudyError
from shoal.files import fresh
from shoal.given import plain
from shoal.joining import join, join_unused
from shoal.journal import Journal
from shoal.moves import files_beside
from shoal.names import peer_name
from shoal.objectives.command import words_of
from shoal.peer import Peer
from shoal.pulse import Pulse
from shoal.records import Definition
from shoal.reports.progress import Progress
from shoal.vitals import sweep


def begin(place: Store, name: str | None, objective: Any, asked: Mapping[str, Any]) -> Journal:
    """Create a study, or join it, where it has a ``name``: ``asked`` holds arguments of `tune`; what is None or not
    there stays as it is.

    Raises StudyError for an objective that cannot be tuned, before anything is written.
    """
    address = address_of(objective)
    catalog.objective(objective if address is None else address, preload=False).close()
    given = plain(asked)
    if address is not None:
        given["objective"] = address
    more = (peer_name(), RealClock(), given, {"directory": files_beside(place.url), "folder": os.getcwd()})
    return join_unused(place, stem(objective), *more) if name is None else join(place, name, *more)


def run_here(
    journal: Journal, target: Objective, search: Search | None, rule: Stopping | None, lease: float, view: Progress,
    timeout: float | None = None, device: str = "cpu",
) -> None:  # fmt: skip
    """Run one peer in this very process: breakpoints and prints work, a crash is a crash."""
    clock = RealClock()
    began = clock.monotonic()

    def look() -> None:
        if timeout is not None and clock.monotonic() - began > timeout:
            peer.stop(f"the timeout of {timeout:g} s has passed")

    def begun(number: int, attempt: int) -> None:
        view.tick()
        if number < 0:  # one has ended: a function that does not yield leaves no other moment to look
            look()

    peer = Peer(journal, catalog.thinker(search, rule, clock), target, clock, device, begun=begun)
    try:
        sweep(journal.store, journal.study)
        with Pulse(journal, lease):
            for pause in peer.run():
                clock.sleep(pause)
                look()
    finally:
        journal.flush()
        journal.store.leave(journal.study, journal.writer)
        target.close()
    view.reason = peer.reason


def address_of(objective: Any) -> str | list[str] | None:
    """How another process finds the objective by itself; None for a function that must travel as code."""
    if isinstance(objective, str):
        return objective
    if isinstance(objective, (list, tuple)):
        return [str(word) for word in objective]
    module, name = getattr(objective, "__module__", None), getattr(objective, "__qualname__", "")
    if not name.isidentifier() or module is None:
        return None
    return (
        None
        if module == "__main__" or getattr(sys.modules.get(module), name, None) is not objective
        else f"{module}:{name}"
    )


def placed(place: Store, name: str, directory: str) -> Definition:
    """Of a study that is there, or will be begun next, as much as says where its files lie."""
    if name not in place.studies():
        return fresh(Definition(name=name, space={}, directory=directory), place.url)
    there = Journal(place, name, peer_name(), RealClock()).history.definition
    return msgspec.structs.replace(there, directory=directory)


def known(place: Store, name: str | None, objective: Any) -> Any:
    """The objective as given, or that of the study that is to be joined."""
    if objective is not None:
        return objective
    if name is None or name not in place.studies():
        raise StudyError(f"what is to be tuned? Study {name!r} is new, so give an objective: a function or a script")
    recorded = Journal(place, name, peer_name(), RealClock()).history.definition.objective
    if recorded is None:
        raise StudyError(
            f"study {name!r} tunes a function that only its own script knows: run that script again to go on"
        )
    return recorded


def stem(objective: Any) -> str:
    """What a study is called that was given no name: after its function or its script."""
    if isinstance(objective, str):
        objective = [objective.rpartition(":")[2]] if catalog.is_reference(objective) else words_of(objective)
    if isinstance(objective, (list, tuple)):
        words = [str(word) for word in objective]
        after_m = [words[i + 1] for i, word in enumerate(words[:-1]) if word == "-m"]
        scripts = [word for word in words if word.endswith(".py")]
        return Path([*scripts, *after_m, *words, "study"][0]).stem or "study"
    name = getattr(objective, "__name__", "study")
    return name if name.isidentifier() else "study"


def complain(journal: Journal) -> None:
    """Raise where nothing but failures came out."""
    journal.sync()
    history = journal.history
    if history.doomed:
        first = history.trial(history.numbers("failed")[0])
        detail = f"\n{first.traceback}" if first.traceback else ""
        raise StudyError(
            f"all of the first {history.ended} trials failed, so the study was stopped "
            f"(max_failures sets after how many). Trial {first.number} with {first.params}: {first.reason}{detail}"
        )
