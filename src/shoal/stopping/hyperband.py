"""Hyperband: several brackets of successive halving, from many short trials to few long ones.

L. Li, K. Jamieson, G. DeSalvo, A. Rostamizadeh, A. Talwalkar: Hyperband. JMLR 2018, algorithm 1. With search="tpe" it
is BOHB (Falkner et al. 2018), with "gp" MOBSTER (Klein et al. 2020), with "de" it mutates and crosses as DEHB (Awad et
al. 2021), but has one population, of trials that are done, and not one for each budget. No peer ever waits: while a
rung is incomplete, the next bracket begins.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shoal.contracts import GO, Decision, Proposal, Search
from shoal.errors import Exhausted
from shoal.fold import CODE, DONE
from shoal.history import History
from shoal.models.rungs import Ladder, beyond, check_eta, levels_from_top, ordinal
from shoal.models.told import Told
from shoal.proposals import begin
from shoal.records import AnyRecord, Ended, Reported, Started
from shoal.stopping.promotion import untold
from shoal.trial import Report


@dataclass
class Hyperband:
    """Settings: the reduction factor η; whether a rung is complete before any of it is promoted."""

    needs_budget: ClassVar[bool] = True
    eta: float = 3.0
    synchronous: bool = True

    def __post_init__(self) -> None:
        check_eta(self.eta)

    def around(self, search: Search) -> None:
        self._search = search

    def begin(self, history: History) -> None:
        budget = history.definition.budget
        assert budget is not None
        self._history = history
        self.levels = levels_from_top(budget.least, budget.most, self.eta)
        top = len(self.levels) - 1
        # bracket s begins with n trials at level s_max - s
        self._sizes = [(s, math.ceil((top + 1) / (s + 1) * self.eta**s)) for s in range(top, -1, -1)]
        self._cycle = sum(size for _, size in self._sizes)
        self._ladders: dict[int, Ladder] = {}
        self._lost: Counter[tuple[int, int]] = Counter()  # (cohort, rung) -> trials that failed there, or on their way
        self._fell: dict[int, int] = {}  # … -> at how many rungs each counts there
        self._told = Told(history, self._add, lambda number: self._ladder(number).drop(number))
        for number in np.flatnonzero(history.state[: history.length] >= CODE["failed"]).tolist():
            self._end(number)
        self._parked: dict[int, set[int]] = {}  # cohort -> its paused trials
        self._settled: set[tuple[int, bool]] = set()  # cohorts of which none is to go on, until more is known of them
        for number in history.parked:
            self._look(number)
        begin(self._search, history)

    def tell(self, record: AnyRecord) -> None:
        self._told.tell(record)
        if isinstance(record, Ended | Reported):
            self._end(record.number)
        if isinstance(record, Started | Ended | Reported):
            self._look(record.number)
        self._search.tell(record)

    def _add(self, number: int, report: Report | Reported) -> None:
        self._ladder(number).add(number, report)

    def _look(self, number: int) -> None:
        """See whether a trial is paused; more is known of its cohort."""
        _, cohort, _ = self._cohort(number)
        parked = self._parked.setdefault(cohort, set())
        (parked.add if number in self._history.parked else parked.discard)(number)
        self._settled -= {(cohort, True), (cohort, False)}
        if not parked:
            del self._parked[cohort]

    def _end(self, number: int) -> None:
        """Count a trial that failed, or that is done: it may have found all there is to find before its first rung."""
        if self._history.state[number] == CODE["failed"]:
            self._lose(number)
        elif self._history.state[number] == DONE:
            self._ladder(number).finish(number)

    def _lose(self, number: int) -> None:
        """Count a trial that failed at the rungs that it got to, and at the next; once, however often it is told of."""
        _, cohort, _ = self._cohort(number)
        ladder = self._ladder(number)
        counted, places = self._fell.get(number, 0), ladder.reached(number) + 1
        for k in range(counted, places):
            self._lost[cohort, k] += 1
        self._fell[number] = max(counted, places)
        ladder.drop(number)

    def _cohort(self, number: int) -> tuple[int, int, int]:
        """The bracket s of a trial, which cohort it is in, and how many are in that."""
        turn, place = divmod(number, self._cycle)
        for s, size in self._sizes:
            if place < size:
                return s, turn * len(self._sizes) + s if self.synchronous else s, size
            place -= size
        raise AssertionError(number)

    def _ladder(self, number: int) -> Ladder:
        s, cohort, _ = self._cohort(number)
        if cohort not in self._ladders:
            self._ladders[cohort] = Ladder(self._history, self.levels[len(self.levels) - 1 - s :], ())
        return self._ladders[cohort]

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        ladder, spent = self._ladder(number), history.spent(report)
        reached = ladder.reached(number)
        first = ladder.rungs[0].level
        if spent >= self.levels[-1] or not reached or spent < (history.until(number) or first):
            return GO
        rung = ladder.rungs[reached - 1]
        place = rung.rank(rung.of[number]) + 1
        return Decision(
            pause=True,
            reason=f"{ordinal(place)} of {len(rung)} at {self._history.amount(rung.level)} when it got there",
        )

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        fresh = number >= 0
        for paused in sorted(
            n for cohort, of in self._parked.items() if (cohort, fresh) not in self._settled for n in of
        ):
            found = self._promoted(paused, fresh)
            if found is not None:
                return found
        self._settled |= {(cohort, fresh) for cohort in self._parked}
        if not fresh:
            raise Exhausted("no paused trial is to be promoted")
        s, _, _ = self._cohort(number)
        proposal = self._search.ask(number, rng)
        return Proposal(proposal.params, f"{proposal.why} (bracket {s})", until=self.levels[len(self.levels) - 1 - s])

    def _promoted(self, number: int, fresh: bool) -> Proposal | None:
        s, cohort, size = self._cohort(number)
        ladder = self._ladder(number)
        k = ladder.reached(number) - 1
        if k < 0:
            asked = self._history.until(number) or ladder.rungs[0].level
            return untold(self._history, number, beyond(self.levels, asked))
        if k == len(ladder.rungs) - 1:
            return None
        rung = ladder.rungs[k]
        if self.synchronous:
            there = len(rung) + self._lost[cohort, k]
            if fresh and there < int(size / self.eta**k):
                return None
            allowed = max(int(min(size / self.eta**k, there) / self.eta), 1)
        else:
            allowed = max(int(len(rung) / self.eta), 0 if fresh else 1)
        place = rung.place(number)
        if place >= allowed:
            return None
        until = beyond(self.levels, max(rung.level, self._history.until(number) or 0.0))
        why = f"promoted to {self._history.amount(until)}: {ordinal(place + 1)} of {len(rung)} in bracket {s}"
        return Proposal(self._history.params(number), why, until, resume_from=number)
