"""From a trial's number to its params: starting points first, then the search, with a generator seeded by the
number."""

from __future__ import annotations

from shoal.contracts import Proposal, Search
from shoal.draws import Draws
from shoal.history import History


class Proposer:
    """What to try as trial k: the k-th starting point, completed, or what the search proposes."""

    def __init__(self, history: History, search: Search) -> None:
        self._history, self._search = history, search
        self._start = history.definition.start
        self._draws = Draws(history.definition.seed)
        search.begin(history)

    def propose(self, number: int) -> Proposal:
        """Raises Exhausted when there is nothing left to try."""
        if self._history.length > number and self._history.inside(number):  # an attempt at it was lost
            return Proposal(self._history.params(number), self._history.trial(number).why)
        rng = self._draws.at(number)
        if number < len(self._start):
            return Proposal(self._history.space.complete(self._start[number], rng), f"starting point {number}")
        proposal = self._search.ask(number - len(self._start), rng)
        if type(self._search).__module__.startswith("shoal."):
            return proposal
        return Proposal(self._history.space.validate(proposal.params), proposal.why)  # a user's own search
