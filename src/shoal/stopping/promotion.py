"""Asynchronous successive halving, the form that promotes: trials are paused at each rung, and resumed by any peer once
they are among the best 1/η there.

L. Li et al.: A System for Massively Parallel Hyperparameter Tuning. MLSys 2020, algorithm 2. Nothing promising is ever
stopped too early, and little is spent on the others; needs checkpoints, without which a trial begins again.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from shoal.contracts import GO, Decision, Proposal, Search
from shoal.errors import Exhausted
from shoal.history import History
from shoal.models.rungs import Ladder, Rung, beyond, check_eta, levels, ordinal, spaced_levels
from shoal.proposals import begin
from shoal.records import AnyRecord, Ended, Reported, Started
from shoal.trial import Report


@dataclass
class Promotion:
    """Settings: the reduction factor η, the budget of the first rung, and whether to learn how well each rung foresees
    the next: where it does not, more than 1/η go on, and none pause just before the end. To learn it, as many parts of
    the budget as there are rungs have one that goes to trials which are not paused, like Hyperband's last bracket; half
    of it to paused ones that a model has chosen, where there is one."""

    needs_budget: ClassVar[bool] = True
    eta: float = 3.0
    grace: float | None = None  # r; the least budget by default
    adapt: bool = False

    def __post_init__(self) -> None:
        check_eta(self.eta, self.grace)

    def around(self, search: Search) -> None:
        self._search = search

    def begin(self, history: History) -> None:
        budget = history.definition.budget
        assert budget is not None
        self._history = history
        self.pick: Callable[[Rung, list[tuple[float, int]], int], int | None] = first_of
        self.favourite: Callable[[list[int]], int | None] = lambda waiting: None  # which goes on to its end at once
        self.levels = (spaced_levels if self.adapt else levels)(self.grace or budget.least, budget.most, self.eta)
        self.ladder = Ladder(history, self.levels)
        self.top = len(self.levels)  # how many of them are in use
        self._waiting: list[list[tuple[float, int]]] = [[] for _ in self.levels]  # (loss, trial), the best first
        self._place: dict[int, tuple[int, float]] = {}  # paused trial -> rung and loss
        self._silent: set[int] = set()  # paused trials that have told no loss yet
        for number in history.parked:
            self._look(number)
        self._asked: dict[int, tuple[float, float, float]] = {}  # trial -> the budget that it is to use, …
        self._all = self._whole = self._rest = 0.0  # … and that without a pause, from its start or from one; the sums
        for number in range(history.length):
            if history.attempt(number) >= 0:  # it has begun, as far as is known
                self._count(number)
        begin(self._search, history)

    def tell(self, record: AnyRecord) -> None:
        self.ladder.tell(record)
        if type(record) is Ended or (isinstance(record, Started | Reported) and record.number in self._place):
            self._look(record.number)
        if isinstance(record, Started | Ended) or (type(record) is Reported and record.number not in self._asked):
            self._count(record.number)
        self._search.tell(record)

    def _count(self, number: int) -> None:
        """Bring the sums of budgets up to date."""
        asked, begun = self._target(number), self._history.until_before(number)
        through = asked - begun if asked >= self.levels[-1] and begun < self.levels[-2:][0] else 0.0
        parts = (asked, 0.0, through) if begun else (asked, through, 0.0)
        known = self._asked.get(number, (0.0, 0.0, 0.0))
        self._asked[number] = parts
        self._all += parts[0] - known[0]
        self._whole += parts[1] - known[1]
        self._rest += parts[2] - known[2]

    def _look(self, number: int) -> None:
        """See whether a trial waits, and at which rung."""
        if number in self._place:
            rung, loss = self._place.pop(number)
            waiting = self._waiting[rung]
            del waiting[bisect_left(waiting, (loss, number))]
        reached = self.ladder.reached(number)
        self._silent.discard(number)
        if number in self._history.parked and not reached:
            self._silent.add(number)
        elif number in self._history.parked:
            self._place[number] = reached - 1, self.ladder.rungs[reached - 1].of[number]
            insort(self._waiting[reached - 1], (self.ladder.rungs[reached - 1].of[number], number))

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        """Pause at the rung that the trial was to reach."""
        reached = self.ladder.reached(number)
        spent = history.spent(report)
        if spent >= self.levels[-1] or not reached or spent < self._target(number):
            return GO
        rung = self.ladder.rungs[reached - 1]
        place = rung.rank(rung.of[number])
        return Decision(
            pause=True,
            reason=f"{ordinal(place + 1)} of {len(rung)} at {self._history.amount(rung.level)} when it got there",
        )

    def _target(self, number: int) -> float:
        return self._history.until(number) or self.levels[0]

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        if self._silent:
            paused = min(self._silent)
            return untold(self._history, paused, beyond(self.levels, self._target(paused)))
        through = self.adapt and number >= 0 and (self._whole + self._rest) * len(self.levels) <= self._all
        found = self._finish() if through and self._rest <= self._whole else None
        found = found or self._promote(fresh=number >= 0)
        if found is not None:
            return found
        if number < 0:
            raise Exhausted("no paused trial is worth resuming")
        proposal = self._search.ask(number, rng)
        return Proposal(proposal.params, proposal.why, until=self.levels[-1 if through else 0])

    def _finish(self) -> Proposal | None:
        """The favourite of all paused trials that are more than a rung from their end."""
        waiting = [number for rung in self._waiting[:-2] for _, number in rung]
        favourite = self.favourite(waiting) if waiting else None
        if favourite is None:
            return None
        why = f"goes on to its end at once: the model's favourite of {len(waiting)} that wait"
        return Proposal(self._history.params(favourite), why, self.levels[-1], resume_from=favourite)

    def _promote(self, fresh: bool) -> Proposal | None:
        """The best trial that is paused at the highest rung where it is among the share that goes on.

        Without fresh trials, the best of a rung always goes on: some trial is to see the whole budget.
        """
        for k in range(self.top - 2, -1, -1):
            rung, waiting = self.ladder.rungs[k], self._waiting[k]
            if not waiting:
                continue
            one_in = self.ladder.one_in(k, self.eta) if self.adapt else self.eta
            allowed = max(int(len(rung) / one_in), 0 if fresh else 1)
            best = waiting[0][1]
            picked = self.pick(rung, waiting, allowed) if allowed else None
            if picked is None and not fresh:
                picked = first_of(rung, waiting, 1)  # even where others, which were never paused, took its place
            if picked is not None:
                return self._promoted(picked, rung, "" if picked == best else ", and the model expects most of it")
        return None

    def _promoted(self, number: int, rung: Rung, foreseen: str) -> Proposal:
        until = beyond(self.levels, max(rung.level, self._target(number)))
        place = f"{ordinal(rung.place(number) + 1)} of {len(rung)} at {rung.level:g}"
        why = f"promoted to {self._history.amount(until)}: {place}{foreseen}"
        return Proposal(self._history.params(number), why, until, resume_from=number)


def untold(history: History, number: int, until: float) -> Proposal:
    """Go on with a paused trial that has told no loss, by which it could be compared."""
    why = f"goes on to {history.amount(until)}: it has told no loss yet"
    return Proposal(history.params(number), why, until, resume_from=number)


def first_of(rung: Rung, waiting: list[tuple[float, int]], allowed: int) -> int | None:
    """The best of the trials that wait at a rung, if it is among the best that are allowed to go on."""
    number = waiting[0][1]
    return number if rung.place(number) < allowed else None
