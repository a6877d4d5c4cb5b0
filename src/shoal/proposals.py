"""From a trial's number to its params: starting points first, then the search, with a generator seeded by the number."""

from __future__ import annotations

import copy
from typing import Any

from numpy.random import Generator, Philox

from shoal.contracts import Proposal, Search
from shoal.history import History


class Draws:
    """One random generator for each trial number, the same on every peer.

    Philox is counter-based (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3. SC 2011): the study's seed is its key and the number part of its counter,
    so that a generator is set up by writing its counter, in a microsecond.
    """

    def __init__(self, seed: int) -> None:
        self._bits = Philox(key=seed % 2**64)
        self._generator = Generator(self._bits)
        self._state: dict[str, Any] = copy.deepcopy(dict(self._bits.state))
        self._counter = self._state["state"]["counter"]

    def at(self, number: int) -> Generator:
        """The generator of a number; it replaces the one that was handed out before."""
        self._counter[:] = 0
        self._counter[2] = number
        self._bits.state = self._state
        return self._generator


class Proposer:
    """What to try as trial k: the k-th starting point, completed, or what the search proposes."""

    def __init__(self, history: History, search: Search) -> None:
        self._history, self._search = history, search
        self._start = history.definition.start
        self._draws = Draws(history.definition.seed)
        search.begin(history)

    def propose(self, number: int) -> Proposal:
        """Raises Exhausted when there is nothing left to try."""
        rng = self._draws.at(number)
        if number < len(self._start):
            return Proposal(self._history.space.complete(self._start[number], rng), f"starting point {number}")
        proposal = self._search.ask(number - len(self._start), rng)
        if type(self._search).__module__.startswith("shoal."):
            return proposal
        return Proposal(self._history.space.validate(proposal.params), proposal.why)  # a user's own search

