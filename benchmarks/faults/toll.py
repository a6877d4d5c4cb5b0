"""What a fault cost a study, counted in its journal by other means than Shoal's own fold."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from secrets import token_hex
from types import TracebackType
from typing import Any

from benchmarks.faults.crew import Crew
from shoal import catalog
from shoal.contracts import PeerStatus, Store
from shoal.errors import ShoalError
from shoal.records import AnyRecord, Ended, Started
from shoal.study import Study
from shoal.trial import Trial

FINAL = ("done", "stopped", "failed")


@dataclass(frozen=True)
class Toll:
    """``struck``: how often. ``twice``: trials of which an attempt ended in two ways, or was begun by two peers.
    ``lost``: trials that were seen to have ended, and in the end had not. ``again``: attempts that were begun beyond
    the first. ``apart``: ends of attempts that another one had overtaken, kept and not counted; ``overruled``:
    those of them that were seen to count for a moment, before the other attempt was known."""

    fault: str
    store: str
    struck: int
    trials: int
    outcomes: int
    twice: int
    lost: int
    failed: int
    again: int
    apart: int
    overruled: int
    seconds: float
    doctor: str

    @property
    def flaw(self) -> str:
        """What is not as it must be, in words; empty where all is well."""
        wrong = [] if self.outcomes == self.trials else [f"{self.outcomes} outcomes of {self.trials} trials"]
        wrong += [f"{count} {what}" for what, count in (("twice", self.twice), ("lost", self.lost)) if count]
        wrong += [f"{self.failed} failed"] if self.failed else []
        return "; ".join(wrong + ([] if self.doctor == "sound" else [f"doctor: {self.doctor}"]))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "flaw": self.flaw}


class Onlooker:
    """While entered, looks at a study several times a second; `toll` then says what the fault cost."""

    def __init__(self, crew: Crew, fault: str, store: str) -> None:
        self._crew, self._fault, self._store = crew, fault, store
        self._ends: dict[int, tuple[Any, ...]] = {}
        self._overruled, self._busy = set[int](), set[str]()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._study: Study | None = None
        self._place: Store | None = None

    def __enter__(self) -> Onlooker:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def ended(self) -> int:
        """How many trials were seen to have ended."""
        return len(self._ends)

    def trials(self) -> list[Trial]:
        """The trials by now; none while the study is not there, or its store is away."""
        with suppress(ShoalError):
            return Study.open(self._crew.name, self._crew.url).trials
        return []

    @property
    def place(self) -> Store:
        """The store, of which there must be one by now."""
        if self._place is None:
            self._place = catalog.store(self._crew.url, create=False)
        return self._place

    def peers(self) -> list[PeerStatus]:
        """The peers, as the store sees them."""
        return self.place.peers(self._crew.name)

    def writable(self) -> bool:
        """Whether the store can be written at once: no one is frozen who holds a lock."""
        key = token_hex(8)
        writing = threading.Thread(target=self.place.claim, args=(self._crew.name, key, "onlooker"), daemon=True)
        writing.start()
        writing.join(2.0)
        return not writing.is_alive()

    def records(self) -> list[AnyRecord]:
        """All records by now."""
        study, cursor = Study.open(self._crew.name, self._crew.url), 0
        found = list[AnyRecord]()
        while True:
            records, after = study._journal.store.read(study.name, cursor)
            if after == cursor:
                return found
            found, cursor = found + records, after

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            with suppress(ShoalError):  # it is not there yet, or its store is away
                if self._study is None:
                    self._study = Study.open(self._crew.name, self._crew.url)
                self._look(self._study)

    def busy(self) -> set[str]:
        """The peers whose trials run, by what was seen last."""
        return self._busy

    def _look(self, study: Study) -> None:
        history = study._journal.history
        study._journal.sync()
        self._busy = {history.trial(number).peer for number in history.running}
        for number in range(history.length):
            if history.finished(number):
                trial = history.trial(number)
                told = (trial.attempt, trial.outcome, trial.value)
                if self._ends.setdefault(number, told) != told:
                    self._overruled.add(number)
            elif number in self._ends:
                self._overruled.add(number)

    def toll(self, struck: int) -> Toll:
        """What became of the study; to be asked when all peers have ended."""
        seconds = time.monotonic() - self._began
        study = Study.open(self._crew.name, self._crew.url)
        self._look(study)
        records, trials = self.records(), [trial for trial in study.trials if trial.outcome in FINAL]
        ends, begins = ends_of(records), defaultdict[tuple[int, int], set[str]](set)
        for record in records:
            if isinstance(record, Started):
                begins[record.number, record.attempt].add(record.peer)
        latest = {trial.number: trial.attempt for trial in study.trials}
        twice = {number for told in (ends, begins) for (number, _), ways in told.items() if len(ways) > 1}
        failed, again = sum(trial.outcome == "failed" for trial in trials), len(begins) - len({n for n, _ in begins})
        return Toll(
            self._fault, self._store, struck, self._crew.trials, len({trial.number for trial in trials}), len(twice),
            len(self._ends.keys() - {trial.number for trial in trials}), failed, again,
            sum(attempt < latest[number] for number, attempt in ends), len(self._overruled), round(seconds, 1),
            doctor(self._crew),
        )  # fmt: skip


def ends_of(records: Iterable[AnyRecord]) -> Mapping[tuple[int, int], set[str]]:
    """How each attempt (number, attempt) ended for good, in each of the ways that records tell."""
    ends = defaultdict[tuple[int, int], set[str]](set)
    for record in records:
        if isinstance(record, Ended) and record.outcome in FINAL:
            ends[record.number, record.attempt].add(f"{record.outcome} {record.metrics}")
    return ends


def doctor(crew: Crew) -> str:
    """What ``shoal doctor`` says of the study: "sound", or what is wrong."""
    command = [sys.executable, "-m", "shoal", "doctor", crew.name, "--store", crew.url]
    said = subprocess.run(command, cwd=crew.folder, capture_output=True, text=True, timeout=120, check=False)
    sound = said.returncode == 0 and said.stdout.rstrip().endswith("sound")
    return "sound" if sound else (said.stderr or said.stdout).strip()
