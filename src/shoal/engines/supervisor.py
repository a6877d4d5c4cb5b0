"""A supervisor keeps N peers at work, wherever they are, and hires others for those that die.

It takes no part in the search. It kills trials that run too long, writes down what a dead peer was running, and stops
all when told to.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from shoal.contracts import Clock
from shoal.engines.interrupts import Interrupts
from shoal.errors import StudyError
from shoal.journal import Journal
from shoal.records import Ended, Outcome
from shoal.vitals import sweep

TICK = 0.05  # seconds between looks at the peers
SYNC = 0.25  # … and at the journal
SWEEP = 2.0  # … and for peers of this host that died with their supervisor
MARGIN = 10.0  # seconds of the wall time, or half of what is left, in which peers are killed and buried
LONG = 0.9  # the share of trials that are no longer than the one that must fit
STILLBORN = 3  # peers in a row that fail before they are ready, until the study gives up
KILLED = 30  # … that are killed before, which others may be to blame for


@dataclass
class Plan:
    """What the supervisor is to do; ``grace``, ``timeout`` and ``wall_time`` are in seconds."""

    workers: int
    timeout: float | None = None
    grace: float = 30.0
    wall_time: float | None = None


class Worker(Protocol):
    """One peer that was hired, as its supervisor sees it."""

    peer: str
    recalled: bool  # told to stop so that another takes its place
    killed_for: str
    killed_in: tuple[int, int]  # the trial and attempt that it was killed for

    def stop(self, seconds: float) -> None:
        """Ask for no new trial; what runs may take so many seconds."""

    def kill(self, reason: str) -> None:
        """End it at once, with all that it started."""

    def poll(self) -> int | None:
        """Its exit status; below 0 where it was killed; None while it is at work."""

    def now(self) -> tuple[int, int, float]:
        """The trial that it runs, or ran when it died, which attempt (-1: none), and for how many seconds."""

    def events(self) -> dict[str, str]:
        """What the peer said of itself so far: ready, error, reason."""

    def ended_how(self) -> str:
        """How it ended, in words."""

    def last_words(self) -> str:
        """What is known of why it ended."""

    def close(self) -> None:
        """Let go of what belongs to one that has ended."""


class Hands(Protocol):
    """Where peers are hired."""

    def hire(self, place: int, supervised: bool) -> Worker: ...

    def close(self) -> None: ...


class Supervisor:
    """Runs a plan. ``watch(supervisor)`` is called several times a second, to show what happens."""

    def __init__(
        self, plan: Plan, hands: Hands, journal: Journal, clock: Clock, watch: Callable[[Supervisor], None]
    ) -> None:
        self.plan, self.journal, self._hands, self._clock, self._watch = plan, journal, hands, clock, watch
        self.workers: dict[int, Worker] = {}
        self.stopping = ""  # why, in words
        self.restarts = 0
        self._began = clock.monotonic()
        self._deadline = math.inf
        self._urged = False
        self._synced = self._swept = -math.inf
        self._stillborn = 0
        self._terminated: set[int] = set()  # trials in which a peer was killed by SIGTERM
        self._left: dict[int, float] = {}  # place -> when its peer, which was recalled, said that it was done
        self._definition = journal.history.definition
        self._error = ""
        self._reason = ""

    def run(self) -> str:
        """Run until every peer has ended; returns why. Raises StudyError where a peer cannot even start."""
        interrupts = Interrupts()
        with interrupts:
            try:
                sweep(self.journal.store, self.journal.study)
                for place in range(self._wanted()):
                    if self.stopping:
                        break
                    if place not in self.workers:
                        self._start(place)
                    self._obey(interrupts)
                    self._keep_up()
                while self.workers:
                    interrupts.wait(TICK)
                    self._obey(interrupts)
                    for place, worker in list(self.workers.items()):
                        self._look(place, worker)
                    self._keep_up()
            finally:
                try:
                    self._kill_all("the study ended")
                finally:
                    self._hands.close()
        self.journal.sync()
        self._watch(self)
        if self._error:
            raise StudyError(self._error)
        return self.stopping or self._reason or self.journal.history.verdict()

    def _keep_up(self) -> None:
        """Read what the peers wrote, now and then, and show it."""
        if self._clock.monotonic() - self._synced > SYNC:
            self._read()
            self._synced = self._clock.monotonic()
            if verdict := self.journal.history.verdict():
                self.stop(verdict)
            self._watch(self)
        if self._clock.monotonic() - self._swept > SWEEP:
            sweep(self.journal.store, self.journal.study)
            self._swept = self._clock.monotonic()

    # ------------------------------------------------------------------ starting and stopping

    def _wanted(self) -> int:
        """How many peers can be at work: no more than there are trials left, but one to see to what others leave."""
        limit, ended = self.journal.history.limit, self.journal.history.ended
        return self.plan.workers if limit is None else min(self.plan.workers, max(limit - ended, 1))

    def _start(self, place: int, supervised: bool = True) -> None:
        self._left.pop(place, None)
        self.workers[place] = self._hands.hire(place, supervised)

    def stop(self, reason: str, grace: float | None = None) -> None:
        """No new trials; the running ones get some time to end by themselves."""
        self.stopping = self.stopping or reason
        limit = self.plan.grace if grace is None else grace
        deadline = self._clock.monotonic() + limit
        if deadline < self._deadline:
            self._deadline = deadline
            self._tell(limit)

    def _tell(self, seconds: float) -> None:
        """Have the peers begin no new trial; how long the running ones have is said when that is no more than the
        grace."""
        self._urged = seconds <= self.plan.grace
        for worker in self.workers.values():
            worker.stop(seconds if self._urged else math.inf)

    def _obey(self, interrupts: Interrupts) -> None:
        if interrupts.count == 1:
            self.stop(f"interrupted by {interrupts.last}")
        elif interrupts.count > 1:
            self.stop(f"interrupted by {interrupts.last}", grace=0.0)
        if self.plan.timeout is not None and self._clock.monotonic() - self._began > self.plan.timeout:
            self.stop(f"the timeout of {self.plan.timeout:g} s has passed")
        if self.plan.wall_time is not None and not self.stopping:
            self._mind_the_end(self.plan.wall_time - (self._clock.monotonic() - self._began))
        left = self._deadline - self._clock.monotonic()
        if self.stopping and not self._urged and left <= self.plan.grace:
            self._tell(left)
        if left < 0:
            self._kill_all(self.stopping)

    def _mind_the_end(self, left: float) -> None:
        """Begin no trial that would not fit into the wall time left but for the grace; those that run may use all of
        it, up to what it takes to write down how they ended."""
        history = self.journal.history
        seconds = history.seconds[: history.length]
        seconds = seconds[~np.isnan(seconds)]
        typical = float(np.quantile(seconds, LONG)) if len(seconds) else 0.0
        if left - self.plan.grace < typical:
            reason = f"the wall time left, {left:.0f} s, fits no other trial of {typical:.3g} s"
            self.stop(reason, max(left - min(MARGIN, left / 2), 0.0))

    def _kill_all(self, reason: str) -> None:
        for worker in self.workers.values():
            worker.kill(reason)
        with ExitStack() as burials:  # all of them, even where the store fails
            for place, worker in self.workers.items():
                while worker.poll() is None:
                    time.sleep(0.005)
                burials.callback(self._bury, place, worker, "paused")

    def _read(self) -> None:
        """Read the journal; where the study was redefined, recall the peers, and start others in their places."""
        self.journal.sync()
        if self.journal.history.newer is not None:
            self.journal.reload()
        if self.journal.history.definition is not self._definition:
            self._definition = self.journal.history.definition
            if self.stopping or self.journal.history.verdict():
                return
            for worker in self.workers.values():
                worker.recalled = True
                worker.stop(math.inf)
            for place in range(self._wanted()):
                if place not in self.workers:
                    self._start(place)  # its peer had seen to all that there was to do

    # ------------------------------------------------------------------ watching

    def _look(self, place: int, worker: Worker) -> None:
        code = worker.poll()
        if code is None:
            if worker.recalled and "reason" in worker.events():
                left = self._left.setdefault(place, self._clock.monotonic())
                if self._clock.monotonic() - left > self.plan.grace:
                    worker.kill("did not end: a thread of the objective goes on")
            limit = self.journal.history.definition.trial_timeout
            if limit is None or worker.killed_for or self._urged:  # its last seconds are for saving
                return
            number, _, seconds = worker.now()
            if number >= 0 and seconds > limit:
                worker.kill(f"ran longer than trial_timeout={limit:g} s and was killed")
            return
        said = worker.events()
        if code == 0 and worker.now()[0] < 0:  # in a trial, it was the objective that ended the process
            self._reason = said.get("reason", "")
            self._release(place, worker)
            self._read()
            if place in self.workers or self.stopping or self.journal.history.verdict():
                return
            if worker.recalled or not self.workers:
                self._start(place, supervised=worker.recalled)  # someone must see to what others leave behind
            return
        if "error" in said:
            self._error = said["error"]
            self._bury(place, worker, "paused")
            self.stop(self._error, grace=0.0)
            return
        useful = bool(self.stopping) or worker.now()[0] >= 0 or (code < 0 and "ready" in said)
        self._stillborn = 0 if useful else self._stillborn + 1
        if self._stillborn >= (STILLBORN if code > 0 else KILLED):
            self._error = f"peers die before they are ready ({worker.ended_how()}); {worker.last_words()}"
        # schedulers end whole jobs by SIGTERM, no fault of the trial; but so may a trial itself, which is pardoned once
        number = worker.now()[0]
        terminated = code == -signal.SIGTERM and number not in self._terminated
        if terminated:
            self._terminated.add(number)
        self._bury(place, worker, "failed" if worker.killed_for else "paused" if terminated else "lost")
        if self._error:
            self.stop(self._error, grace=0.0)
        elif not self.stopping:
            self.journal.sync()
            if not self.journal.history.verdict():
                self.restarts += 1
                self._start(place)

    def _bury(self, place: int, worker: Worker, outcome: Outcome) -> None:
        """Write down what a dead peer was running, and let others have what was granted to it."""
        try:
            self._record(worker, outcome)
        finally:
            self._release(place, worker)

    def _record(self, worker: Worker, outcome: Outcome) -> None:
        self.journal.sync()
        number, attempt, seconds = worker.now()
        if number < 0 or (self.journal.history.finished(number) and self.journal.history.attempt(number) >= attempt):
            return
        reason = worker.killed_for or worker.ended_how()
        if outcome == "failed" and worker.killed_in != (number, attempt):
            outcome, reason = "paused", "its peer was killed for another trial"
        now = self._clock.now()
        self.journal.append(Ended(number, outcome, now, reason=reason, seconds=seconds, attempt=attempt))
        self.journal.flush()

    def _release(self, place: int, worker: Worker) -> None:
        del self.workers[place]
        worker.close()
        self.journal.store.leave(self.journal.study, worker.peer)
