"""The default: the best proposals that the time of the trials pays for.

A Gaussian process proposes while the search has taken at most a share of the time that the trials took, and its first
seconds are free. After some trials it leaves one proposal in four to a Parzen estimator or a forest, which are right
where its own idea of the losses, a smooth function, is wrong: on plateaus, cliffs and many hollows.

Beyond the share, trials that last long enough get a tree-structured Parzen estimator, and others CMA-ES and a genetic
algorithm, which take microseconds: four in five from the one that found the better trial lately, since one is at home
in narrow valleys and the other among many hollows. The times are those in the journal, so that all peers decide alike.
All members learn from all trials.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from shoal.contracts import Proposal, Search
from shoal.errors import SpaceError
from shoal.history import History
from shoal.proposals import begin
from shoal.records import AnyRecord
from shoal.search.cmaes import CMAES
from shoal.search.forest import ForestSearch
from shoal.search.genetic import Genetic
from shoal.search.gp import GP
from shoal.search.tpe import TPE

MEMBERS: Final[dict[str, Callable[[], Search]]] = {
    "gp": GP,
    "tpe": TPE,
    "forest": partial(ForestSearch, acquisition="LCB"),  # which looks where it knows less
    "cmaes": partial(CMAES, among="cmaes"),
    "genetic": Genetic,
}
OTHERS: Final = ("tpe", "forest")  # see otherwise what the Gaussian process sees
OTHERWISE: Final = 0.25  # the share that they propose …
TRUSTED: Final = 20  # … after so many trials that ended, or were paused
CHEAP: Final = ("cmaes", "genetic")
WINDOW: Final = 200  # trials that tell which of the two does better …
LEAD: Final = 0.8  # … and proposes so many of the next
TPE_SECONDS: Final = 0.003  # that a proposal of tpe takes, about


@dataclass
class Auto:
    """Settings: the share of the trials' time that the search may take, and the seconds that are free."""

    search_share: float = 0.05
    free: float = 20.0

    def __post_init__(self) -> None:
        if not self.search_share >= 0 or not self.free >= 0:
            raise SpaceError(f"auto needs search_share >= 0 and free >= 0, got {self}")

    def begin(self, history: History) -> None:
        self._history = history
        self._members: dict[str, Search] = {}

    def tell(self, record: AnyRecord) -> None:
        for member in self._members.values():
            member.tell(record)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        name, reason = self._choose(rng)
        if name not in self._members:
            self._members[name] = MEMBERS[name]()
            begin(self._members[name], self._history)
        proposal = self._members[name].ask(number, rng)
        return Proposal(proposal.params, f"{name}{reason}: {proposal.why}")

    def _choose(self, rng: np.random.Generator) -> tuple[str, str]:
        history = self._history
        thought, worked = history.thought, history.worked
        share = f" (search took {thought / worked:.0%} of the trials' time)" if worked > 0 else ""
        if thought <= self.free + self.search_share * worked:
            if history.ended + len(history.parked) < TRUSTED or rng.random() >= OTHERWISE:
                return "gp", " (the first seconds are free)" if thought < self.free else share
            return OTHERS[int(rng.integers(len(OTHERS)))], " (a second opinion)"
        if self.search_share * worked >= TPE_SECONDS * max(history.ended, 1):
            return "tpe", share
        leader, other = self._leader()
        return (leader if rng.random() < LEAD else other), " (trials are cheap)"

    def _leader(self) -> tuple[str, str]:
        """Of the two cheap members, the one that found the better trial lately, and the other."""
        history, lately = self._history, dict.fromkeys(CHEAP, np.inf)
        first = max(history.length - WINDOW, 0)
        for number, loss in enumerate(history.value[first : history.length].tolist(), start=first):
            if loss == loss and (name := history.why(number).partition(" ")[0]) in lately:
                lately[name] = min(lately[name], loss)
        cma, genetic = CHEAP
        return (genetic, cma) if lately[genetic] < lately[cma] else (cma, genetic)
