"""Asynchronous successive halving, the form that stops: at each rung only the best 1/η go on.

L. Li, K. Jamieson, A. Rostamizadeh, E. Gonina, M. Hardt, B. Recht, A. Talwalkar: A System for Massively Parallel
Hyperparameter Tuning. MLSys 2020. Needs no checkpoints; a trial is compared with those that got to the rung before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from shoal.contracts import GO, Decision
from shoal.errors import StudyError
from shoal.history import History
from shoal.models.rungs import Ladder, check_eta, levels, ordinal, spaced_levels
from shoal.records import AnyRecord, Ended, Reported, Started
from shoal.trial import Report

LONGEST = 10_000  # trials after which brackets come in the same order again; more brackets than that have no trials


@dataclass
class ASHA:
    """Settings: the reduction factor η, the budget before the first rung, and brackets, each of which begins a rung
    later than the one before (s = 0, 1 …); trials are dealt to them in the ratio of η^-s. With ``adapt`` it learns how
    well each rung foresees the next: where it does not, more than 1/η go on; and it has no rung just before the end."""

    at_rungs: ClassVar[bool] = True
    eta: float = 3.0
    grace: float | None = None  # r; the least budget by default
    brackets: int = 1
    adapt: bool = False

    def __post_init__(self) -> None:
        check_eta(self.eta, self.grace)
        if self.brackets < 1:
            raise StudyError(f"asha needs brackets >= 1, got {self.brackets!r}")

    def begin(self, history: History) -> None:
        budget = history.definition.budget
        least = self.grace or (budget.least if budget else 1.0)
        at = (spaced_levels if self.adapt else levels)(least, budget.most if budget else math.inf, self.eta)
        self._last = budget.most if budget else math.inf
        self._cycle = _cycle(self.eta, min(self.brackets, len(at)))
        dealt: dict[int, list[int]] = {s: [] for s in range(max(self._cycle) + 1)}
        for number in range(history.length):
            dealt[self._bracket(number)].append(number)
        self._ladders = [Ladder(history, at[s:], trials) for s, trials in dealt.items()]
        self._history = history

    def tell(self, record: AnyRecord) -> None:
        if isinstance(record, Started | Reported | Ended):
            self._ladder(record.number).tell(record)

    def _bracket(self, number: int) -> int:
        return self._cycle[number % len(self._cycle)]

    def _ladder(self, number: int) -> Ladder:
        return self._ladders[self._bracket(number)]

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        spent, loss = history.spent(report), history.loss(report)
        ladder = self._ladder(number)
        rung = ladder.entered(number, report)
        if rung is None or loss is None or spent >= self._last or len(rung) < self.eta:
            return GO  # it passed its rung before, or the rung holds too few to tell
        rank, count = rung.rank(loss), len(rung)
        one_in = ladder.one_in(ladder.rungs.index(rung), self.eta) if self.adapt else self.eta
        if rank < max(math.ceil(count / one_in), 1):
            return GO
        return Decision(
            stop=True,
            reason=f"{loss * history.sign:.4g} at {history.amount(spent)} is the {ordinal(rank + 1)} of {count}, "
            f"not among the best 1/{one_in:.3g}",
        )


def _cycle(eta: float, brackets: int) -> list[int]:
    """The brackets of trials 0, 1, 2 …, over and over: each as often as its share, spread evenly."""
    shares = [1.0]
    while len(shares) < brackets and sum(shares) * eta < LONGEST:
        shares = [shares[0] * eta, *shares]
    length = round(sum(shares))
    found, counts = list[int](), [0] * len(shares)
    for place in range(length):
        behind = [share * (place + 1) / length - count for share, count in zip(shares, counts, strict=True)]
        found.append(behind.index(max(behind)))
        counts[found[-1]] += 1
    return found
