"""Every interface of Shoal on one page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from shoal.history import History
from shoal.records import AnyRecord, Defined, Metrics
from shoal.space import Params

# ---------------------------------------------------------------------- search


@dataclass(frozen=True)
class Proposal:
    """What to try next, and in a line where it came from."""

    params: Params
    why: str
    seconds: float = field(default=0.0, compare=False)  # that the search took, to the millisecond


@runtime_checkable
class Search(Protocol):
    """Proposes params and learns from trials: a fold plus a draw.

    A search never touches the store, the clock, the objective or a global random generator.
    """

    def begin(self, history: History) -> None:
        """Called once before anything else; the history stays up to date from then on."""

    def tell(self, record: AnyRecord) -> None:
        """A record that the history has just taken in, whichever peer wrote it; running trials are told too."""

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        """A proposal for a trial; a function of the number, the generator and the history alone.

        Raises Exhausted when every point has been tried.
        """


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
    def device(self) -> str:
        """``"cuda:0"`` where the peer was given a GPU, else ``"cpu"``."""

    @property
    def interrupted(self) -> bool:
        """Whether the study is being stopped: an objective that can save its state does so and ends."""

    @property
    def last(self) -> Metrics | None:
        """The metrics of the last report."""

    def report(self, step: int, **metrics: Any) -> None: ...


class Objective(Protocol):
    """What is tuned: a generator of (step, answer); step is None for a result without one. The last answer counts.

    `Paused` is raised for a trial that saved its state and is to be gone on with later.
    """

    def run(self, trial: Running) -> Iterator[tuple[int | None, Answer]]: ...

    def close(self) -> None:
        """Let go of processes and files; called once, when the peer leaves."""


class Paused(BaseException):
    """Ends a trial that was interrupted and can be gone on with. Not an Exception: user code must not swallow it."""


# ---------------------------------------------------------------------- store


@dataclass(frozen=True)
class Grant:
    """Trial numbers ``start <= n < stop`` that one peer alone may run, until it falls silent.

    ``generation`` counts the peers that held it before: it is the attempt that a trial of it begins with.
    """

    start: int
    stop: int
    generation: int = 0


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
        """Some of what was appended since cursor ``after`` (0: from the start) by others than ``skip``, in order, and
        the new cursor; once that is ``after`` itself, there is no more."""

    def take(self, study: str, peer: str, count: int, limit: int | None, settled: Sequence[int] = ()) -> Grant | None:
        """Grant the next ``count`` numbers below ``limit`` to a peer, once; None when there are none left.

        ``settled``: starts of the peer's earlier grants whose trials have all ended, to be let go.
        """

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
