"""Every interface of Shoal on one page."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from shoal.history import History
from shoal.records import AnyRecord, Defined, Metrics, Migrated, Reported
from shoal.space import Params
from shoal.trial import Report

# ---------------------------------------------------------------------- search


@dataclass(frozen=True)
class Proposal:
    """What to try next, and in a line where it came from.

    ``until`` is how much of the budget to use at first (0: all of it). ``resume_from`` is the paused trial to go on
    with; ``source`` the trial whose checkpoint a new one begins from; ``migrants`` who changes islands with it.
    """

    params: Params
    why: str
    until: float = 0.0
    resume_from: int | None = None
    source: int | None = None
    migrants: tuple[Migrated, ...] = ()
    seconds: float = field(default=0.0, compare=False)  # that the search took, to the millisecond


@runtime_checkable
class Search(Protocol):
    """Proposes params and learns from trials: a fold plus a draw.

    A search never touches the store, the clock, the objective or a global random generator. It may have
    ``begin(history)``, which is called once before anything else; the history stays up to date from then on.
    """

    def tell(self, record: AnyRecord) -> None:
        """A record that the history has just taken in, whichever peer wrote it; running trials are told too.

        On an island, `Migrated` says that the trial left (it is in ``history.absent``) or is back: a population takes
        note, a model goes on learning from what it knows.
        """

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        """A proposal for a trial; a function of the number, the generator and the history alone.

        Raises Exhausted when every point has been tried.
        """


# ---------------------------------------------------------------------- stopping


@dataclass(frozen=True)
class Decision:
    """What becomes of a trial after a report: it goes on, is stopped for good, or is paused until it is resumed."""

    stop: bool = False
    pause: bool = False
    reason: str = ""

    @property
    def ends(self) -> bool:
        """Whether the trial is to end, for now or for good."""
        return self.stop or self.pause


GO = Decision()


@runtime_checkable
class Stopping(Protocol):
    """Decides after each report, as a function of the history alone; never touches the store or the clock.

    A rule may have ``begin(history)`` and ``tell(record)`` as a search may, to keep count as records come in. One that
    ends trials only at the report with which they get to a rung says so by ``at_rungs = True``: `patient` asks it about
    that report again once it has waited.
    """

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        """What becomes of a trial; the report is in the history already."""


@runtime_checkable
class Resuming(Stopping, Search, Protocol):
    """A rule that resumes wraps the search: its proposals may go on with paused trials.

    ``ask`` is given the number -1 when no new trial may begin; it raises Exhausted where no trial is worth resuming.
    """

    def around(self, search: Search) -> None:
        """The search that proposes new trials; called before `begin`, which is to begin the search too."""


# ---------------------------------------------------------------------- objective

Answer: TypeAlias = Any  # what the user's code returned or yielded, not checked yet


class Running(Protocol):
    """A trial while it runs, as the objective sees it."""

    @property
    def number(self) -> int: ...
    @property
    def params(self) -> Params: ...
    @property
    def attempt(self) -> int: ...
    @property
    def directory(self) -> Path:
        """A directory of the trial's own, for checkpoints and files; it survives a retry."""

    @property
    def checkpoint(self) -> Path:
        """Where the trial saves its state; it lasts through pauses and retries, and is copied to trials that begin
        from this one."""

    @property
    def until(self) -> float:
        """How much of the budget to use before ending or being paused; infinite without a budget."""

    @property
    def due(self) -> bool:
        """Whether it has used that much, with more of the budget left for later."""

    @property
    def counted(self) -> str:
        """The name of what is counted along a trial, such as "epoch": that of the budget where there is one."""

    @property
    def last_step(self) -> int:
        """The step that the trial, or the one whose checkpoint it begins from, reported last; 0 before the first."""

    @property
    def resumed(self) -> bool:
        """Whether the trial goes on from a checkpoint."""

    @property
    def device(self) -> str:
        """``"cuda:0"`` where the peer was given a GPU, else ``"cpu"``."""

    @property
    def interrupted(self) -> bool:
        """Whether its peer is to end: an objective that can save its state at any time does so and ends."""

    @property
    def overdue(self) -> bool:
        """Whether it would be killed soon, as the study is being stopped: what is to be saved is to be saved now."""

    saves: bool
    """Whether the objective saves a checkpoint when its trial is paused."""

    @property
    def last(self) -> Metrics | None:
        """The metrics of the last report."""

    def report(self, step: int, **metrics: Any) -> Decision: ...


@dataclass(frozen=True)
class Wait:
    """What an objective yields that has nothing to report for so many seconds, and lets others run meanwhile."""

    seconds: float


class Objective(Protocol):
    """What is tuned: a generator of (step, answer); step is None for a result without one. The last answer counts.

    A trial that is stopped has its generator closed; into one that is paused, `Paused` is thrown, so that it can save
    its state. `Paused` is raised for a trial that was interrupted and is to be gone on with later.
    """

    def run(self, trial: Running) -> Generator[tuple[int | None, Answer] | Wait, None, None]: ...

    def close(self) -> None:
        """Let go of processes and files; called once, when the peer leaves."""


class Halted(BaseException):
    """What ``trial.report`` raises in a function whose trial is stopped or paused: catch it to clean up, and raise it
    again. Not an Exception, so that code that catches those does not swallow it."""


class Paused(Halted):
    """The trial can be gone on with later."""


class Stopped(Halted):
    """The trial is over."""


# ---------------------------------------------------------------------- store


@dataclass(frozen=True)
class Grant:
    """Trial numbers ``start <= n < stop`` that one peer alone may run, until it falls silent.

    ``generation`` counts the peers that held it before: it is the attempt that a trial of it begins with. One with an
    ``origin`` is of a single trial that was resumed as that attempt, beside the grant that the trial was begun under.
    """

    start: int
    stop: int
    generation: int = 0
    origin: int = 0

    @property
    def key(self) -> int:
        """What tells a study's grants apart."""
        return -1 - self.start if self.origin else self.start

    @classmethod
    def of(cls, key: int, stop: int, generation: int, origin: int) -> Grant:
        """The way back from `key`."""
        return cls(key if key >= 0 else -1 - key, stop, generation, origin)


@dataclass(frozen=True)
class PeerStatus:
    """A peer as the store sees it; ``age`` is seconds since its last beat by the store's clock."""

    peer: str
    host: str
    pid: int
    age: float
    alive: bool


class Store(Protocol):
    """Where the journals of some studies live. Every method may be called from any thread.

    Leases are measured by the store's clock. Methods raise StoreError when the store cannot be reached or written.
    """

    url: str

    def create(self, name: str, first: Defined) -> bool:
        """Create a study with its first record; False where there is one of that name already."""

    def studies(self) -> list[str]: ...

    def remove(self, name: str) -> None:
        """Remove a study with all that is kept of it."""

    def append(self, study: str, writer: str, records: Sequence[AnyRecord]) -> None:
        """Append records: all of them or, when it raises, none."""

    def read(self, study: str, after: int, skip: str = "") -> tuple[list[AnyRecord], int]:
        """Some of what was appended since cursor ``after`` (0: from the start) by others than ``skip``, each writer's
        in order, and the new cursor; once that is ``after`` itself, there is no more."""

    def take(self, study: str, peer: str, count: int, limit: int | None, settled: Sequence[int] = ()) -> Grant | None:
        """Grant the next ``count`` numbers below ``limit`` to a peer, once; None when there are none left.

        ``settled``: keys of the peer's earlier grants whose trials have all ended, to be let go.
        """

    def resume(self, study: str, peer: str, number: int, generation: int) -> Grant | None:
        """Grant a trial that was begun before, as an attempt that no peer was granted yet; None for all but one."""

    def adopt(self, study: str, peer: str) -> list[Grant]:
        """Grant to the peer what was granted to peers that left or fell silent; each grant goes to one adopter only."""

    def claim(self, study: str, key: str, peer: str) -> bool:
        """True for exactly one peer: the one that claims the key first."""

    def beat(self, study: str, peer: str, lease: float) -> None:
        """A sign of life, good for ``lease`` seconds."""

    def leave(self, study: str, peer: str) -> None:
        """The peer is gone; its grants may be adopted at once."""

    def peers(self, study: str) -> list[PeerStatus]: ...

    def close(self) -> None: ...


# ---------------------------------------------------------------------- engine and time


class Clock(Protocol):
    """Time comes in by the door: the real one here, a virtual one in a simulation."""

    def now(self) -> float:
        """Seconds since 1970."""

    def monotonic(self) -> float:
        """Seconds that never jump."""

    def sleep(self, seconds: float) -> None: ...
