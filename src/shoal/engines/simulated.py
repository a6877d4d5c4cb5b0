"""Peers in virtual time: the very same loop, a heap of what happens next, and no waiting.

All peers share one history and one search, since all would know the same. A run is a function of its seed, unless peers
are charged the time that the search really takes.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from shoal.contracts import Answer, Clock, Running, Wait
from shoal.errors import ObjectiveError
from shoal.history import History
from shoal.journal import Journal
from shoal.peer import Idle, Peer
from shoal.proposals import Proposer
from shoal.records import AnyRecord, Ended, Metrics, Started
from shoal.space import Params

LEASE = 60.0  # virtual seconds until a dead peer is noticed
Curve = Sequence[tuple[int, Metrics, float]]  # step, metrics, seconds since the trial began


class Problem(Protocol):
    """What is tuned in a simulation."""

    def curve(self, params: Params) -> Curve:
        """What a trial would report, and when, if it ran to its end. Raises ObjectiveError for one that fails."""


class VirtualClock:
    """Time that stands still but for the simulation."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    monotonic = now

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError("in a simulation, peers yield the seconds that they wait for")


@dataclass
class Faults:
    """What goes wrong: the share of trials that fail on the way, the share of reports at which the peer dies (another
    takes its place once that is noticed), and how many times slower the slowest peer is than the fastest."""

    failures: float = 0.0
    deaths: float = 0.0
    speed_spread: float = 1.0


class Breaks:
    """At which second of its curve each trial fails, if it does: once for all, however often it is paused."""

    def __init__(self, failures: float, seed: int) -> None:
        self._failures, self._seed = failures, seed % 2**63
        self._at: dict[int, float] = {}

    def of(self, number: int, first: float, last: float) -> float:
        """Between the second at which the trial begins and its last; infinity where it does not fail."""
        if number not in self._at:
            rng = np.random.default_rng([self._seed, number])
            fails = rng.random() < self._failures
            self._at[number] = rng.uniform(first, last) if fails else math.inf
        return self._at[number]


class SimulatedObjective:
    """Reports what a problem says, when it says so. A trial that was paused goes on where it was; what one says at a
    single step is its result, and no report."""

    def __init__(self, problem: Problem, speed: float, breaks: Breaks) -> None:
        self._problem, self._speed, self._breaks = problem, speed, breaks

    def run(self, trial: Running) -> Generator[tuple[int | None, Answer] | Wait, None, None]:
        trial.saves = True
        curve = self._problem.curve(trial.params)
        begun = trial.last_step if trial.resumed else -math.inf
        spent = next((seconds for step, _, seconds in reversed(curve) if step <= begun), 0.0)
        breaks = self._breaks.of(trial.number, spent, curve[-1][2])
        for step, metrics, seconds in curve:
            if step <= begun:
                continue
            if seconds > breaks:
                yield Wait(max(breaks - spent, 0.0) * self._speed)
                raise ObjectiveError("a simulated failure")
            yield Wait((seconds - spent) * self._speed)
            spent = seconds
            yield step if len(curve) > 1 else None, metrics
            if trial.due:
                return

    def close(self) -> None:
        """Nothing to let go of."""


class _View(Journal):
    """What one peer sees of a journal that all share: whatever was appended is known at once."""

    def __init__(self, shared: Journal, writer: str) -> None:
        self._shared = shared
        self.store, self.study, self.writer = shared.store, shared.study, writer
        self.flush, self.listen = shared.flush, self._listen  # type: ignore[method-assign]
        self.history = shared.history

    def _listen(self, listener: Callable[[AnyRecord], None]) -> None:
        """The proposer that all share is told already."""

    def append(self, record: AnyRecord) -> None:
        self._shared.append(record)

    def sync(self) -> int:
        return 0

    glance = sync


class Simulation:
    """Runs a study's peers over a problem until the study ends, or virtual time does.

    ``watch`` measures what the search takes to learn and to propose, and each peer spends that much virtual time: none
    by default. What ``think`` makes must be measured by the same clock.
    """

    def __init__(
        self, journal: Journal, clock: VirtualClock, think: Callable[[History], Proposer], problem: Problem,
        peers: int, faults: Faults | None = None, watch: Clock | None = None,
    ) -> None:  # fmt: skip
        self._journal, self._clock, self._problem = journal, clock, problem
        self._faults = faults or Faults()
        seed = journal.history.definition.seed
        self._breaks = Breaks(self._faults.failures, seed)
        self._watch: Clock = watch or clock
        self._learnt = 0.0  # seconds that it took to tell the search all records
        self._paid: dict[str, float] = {}  # peer -> how much of that it has spent
        proposer = think(journal.history)
        self._proposer = proposer
        self._woken = False
        journal.listen(self._tell)
        self._rng = np.random.default_rng([seed % 2**63, 7])
        self._heap: list[tuple[float, int, str, Iterator[float], float]] = []  # the last: for how long it runs a trial
        self._count = 0
        self._idle: list[tuple[str, Iterator[float]]] = []
        self._graves: list[Iterator[float]] = []
        self._worked = 0.0  # seconds for which peers ran trials, but for what is in the heap
        self.points: list[tuple[float, float, float]] = []  # time, `busy` and the loss of each new best trial
        for place in range(peers):
            self._join(f"peer-{place}")

    def _tell(self, record: AnyRecord) -> None:
        if type(record) is Ended:
            self._woken = True
            best = self._journal.history.best_value
            if record.outcome == "done" and self._journal.history.best == record.number and best is not None:
                self.points.append((record.time, self.busy, best))
        began = self._watch.monotonic()
        self._proposer.tell(record)
        self._learnt += self._watch.monotonic() - began
        if type(record) is Started:
            self._clock.time += record.thought + self._learnt - self._paid.get(record.peer, 0.0)
            self._paid[record.peer] = self._learnt

    def _join(self, name: str) -> None:
        speed = self._faults.speed_spread ** self._rng.random()
        objective = SimulatedObjective(self._problem, speed, self._breaks)
        journal = self._journal
        journal.store.beat(journal.study, name, math.inf)
        peer = Peer(_View(journal, name), lambda history: self._proposer, objective, self._clock)
        self._push(self._clock.time, name, peer.run())

    @property
    def busy(self) -> float:
        """Seconds for which peers have run trials so far."""
        now = self._clock.time
        return self._worked + sum(wait - max(time - now, 0.0) for time, _, _, _, wait in self._heap)

    def _push(self, time: float, name: str, run: Iterator[float], wait: float = 0.0) -> None:
        self._count += 1
        heapq.heappush(self._heap, (time, self._count, name, run, wait))

    def run(self, until: float = math.inf, progress: Callable[[float, int], None] | None = None) -> float:
        """Returns the virtual time at the end; ``progress`` is told it on the way, and how many trials began."""
        while self._heap:
            if progress is not None:
                progress(self._heap[0][0], self._journal.history.length)
            if self._heap[0][0] > until:
                self._clock.time = until
                break
            time, _, name, run, wait = heapq.heappop(self._heap)
            self._worked += wait
            self._clock.time = time
            pause = next(run, None)
            if self._woken:
                self._wake(time)
            if pause is None:
                continue  # this peer is done
            if isinstance(pause, Idle):
                self._rest(name, run)
            elif self._dies():
                self._die(name, run)
            else:
                time = self._clock.time
                self._push(time + pause, name, run, pause)
        self._journal.flush()
        return self._clock.time

    def _rest(self, name: str, run: Iterator[float]) -> None:
        """Let a peer that has nothing to do wait until a trial ends."""
        if self._faults.deaths:
            self._push(self._clock.time + LEASE / 2, name, run)
        else:
            self._idle.append((name, run))

    def _wake(self, time: float) -> None:
        self._woken = False
        idle, self._idle = self._idle, []
        for name, run in idle:
            self._push(time, name, run)

    def _dies(self) -> bool:
        return bool(self._faults.deaths) and self._rng.random() < self._faults.deaths

    def _die(self, name: str, run: Iterator[float]) -> None:
        """The peer is gone without a word; another takes its place."""
        self._push(self._clock.time + LEASE, name, self._replace(name))
        self._graves.append(run)  # closing it would have it write its end

    def _replace(self, dead: str) -> Iterator[float]:
        self._journal.store.leave(self._journal.study, dead)
        self._join(f"{dead}'")
        yield from ()
