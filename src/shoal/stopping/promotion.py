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
from shoal.models.rungs import Ladder, Rung, check_eta, levels, ordinal
from shoal.records import AnyRecord, Ended, Reported, Started
from shoal.trial import Report


@dataclass
class Promotion:
    """Settings: the reduction factor η, the budget of the first rung, and whether to learn how well each rung foresees
    the next: where it does not, more than 1/η go on. To learn it, as many parts of the budget as there are rungs have
    one that goes to trials which are not paused, like Hyperband's last bracket."""

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
        self._history, self._what = history, budget.name
        self.pick: Callable[[Rung, list[tuple[float, int]], int], int | None] = first_of
        self.levels = levels(self.grace or budget.least, budget.most, self.eta)
        self.ladder = Ladder(history, self.levels)
        self.top = len(self.levels)  # how many of them are in use
        self._waiting: list[list[tuple[float, int]]] = [[] for _ in self.levels]  # (loss, trial), the best first
        self._place: dict[int, tuple[int, float]] = {}  # paused trial -> rung and loss
        for number in history.parked:
            self._look(number)
        self._asked: dict[int, tuple[float, float]] = {}  # trial -> the budget that it is to use, and …
        self._all = self._through = 0.0  # … that it was to use without a pause, and the sums of both
        for number in range(history.length):
            self._count(number)
        self._search.begin(history)

    def tell(self, record: AnyRecord) -> None:
        self.ladder.tell(record)
        if type(record) is Ended or (isinstance(record, Started | Reported) and record.number in self._place):
            self._look(record.number)
        if isinstance(record, Started | Ended):
            self._count(record.number)
        self._search.tell(record)

    def _count(self, number: int) -> None:
        """Bring the sums of budgets up to date."""
        asked, most = self._target(number), self.levels[-1]
        through = most if asked >= most and self._history.parked_as(number) < 0 else 0.0
        before = self._asked.get(number, (0.0, 0.0))
        self._asked[number] = asked, through
        self._all += asked - before[0]
        self._through += through - before[1]

    def _look(self, number: int) -> None:
        """See whether a trial waits, and at which rung."""
        if number in self._place:
            rung, loss = self._place.pop(number)
            waiting = self._waiting[rung]
            del waiting[bisect_left(waiting, (loss, number))]
        reached = self.ladder.reached(number)
        if number in self._history.parked and reached:
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
            reason=f"{ordinal(place + 1)} of {len(rung)} at {self._what} {rung.level:g}; waits for promotion",
        )

    def _target(self, number: int) -> float:
        return self._history.until(number) or self.levels[0]

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        found = self._promote(fresh=number >= 0)
        if found is not None:
            return found
        if number < 0:
            raise Exhausted("no paused trial is worth resuming")
        proposal = self._search.ask(number, rng)
        whole = self.adapt and self._through * len(self.levels) <= self._all
        return Proposal(proposal.params, proposal.why, until=self.levels[-1 if whole else 0])

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
            picked = self.pick(rung, waiting, allowed) if allowed else None
            if picked is not None:
                return self._promoted(picked, rung, self.levels[k + 1])
        return None

    def _promoted(self, number: int, rung: Rung, until: float) -> Proposal:
        place = ordinal(rung.place(number) + 1)
        why = f"promoted to {self._what} {until:g}: {place} of {len(rung)} at {rung.level:g}"
        return Proposal(self._history.params(number), why, until, resume_from=number)


def first_of(rung: Rung, waiting: list[tuple[float, int]], allowed: int) -> int | None:
    """The best of the trials that wait at a rung, if it is among the best that are allowed to go on."""
    number = waiting[0][1]
    return number if rung.place(number) < allowed else None
