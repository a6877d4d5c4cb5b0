"""Chooses by what the trials do: those that save checkpoints are paused and promoted, others are stopped, and those
that report nothing run to their end.

Nothing is stopped or paused for good before enough is known: a rung must hold some trials first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from shoal.contracts import Decision, Proposal, Search
from shoal.history import History
from shoal.models.rungs import check_eta
from shoal.records import AnyRecord, Reported
from shoal.stopping.asha import ASHA
from shoal.stopping.freeze import Freeze
from shoal.trial import Report


@dataclass
class Auto:
    """Settings: the reduction factor η."""

    needs_budget: ClassVar[bool] = True
    eta: float = 3.0

    def __post_init__(self) -> None:
        check_eta(self.eta)

    def around(self, search: Search) -> None:
        self._promoter = Freeze(self.eta)
        self._promoter.around(search)

    def begin(self, history: History) -> None:
        self._stopper = ASHA(self.eta, adapt=True)
        self._promoter.begin(history)
        self._stopper.begin(history)
        self._saves = any(report.saved for n in range(history.length) for report in history.reports(n))

    def tell(self, record: AnyRecord) -> None:
        self._stopper.tell(record)
        if type(record) is Reported:
            self._saves = self._saves or record.saved
        self._promoter.tell(record)

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        if report.saved:
            return self._promoter.decide(number, report, history)
        return self._stopper.decide(number, report, history)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        proposal = self._promoter.ask(number, rng)
        if proposal.resume_from is None and not self._saves:
            return replace(proposal, until=0.0)  # it could not be gone on with
        return proposal
