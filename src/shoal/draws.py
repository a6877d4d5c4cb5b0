"""Randomness: one generator for each trial number, the same on every peer."""

from __future__ import annotations

import copy
from typing import Any

from numpy.random import Generator, Philox


class Draws:
    """One random generator for each trial number, the same on every peer.

    Philox is counter-based (Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3. SC 2011): the study's seed is
    its key and the number part of its counter,
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
        self._bits.state = self._state  # type: ignore[assignment]
        return self._generator
