"""Which trial was to take the place of which: the descent of each vertex of a simplex.

Every proposal says in words what it is: ``run 2: trial 17 reflected``. Whoever reads the journal knows by them which
vertex of the simplex a trial was to replace, in whatever order the trials ended and whatever else its peer knew. So the
simplex is a function of the journal, and one more trial is brought in at once. What says nothing of the kind, or
speaks of trials that are not of this simplex, is a stranger.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from shoal.history import History
from shoal.records import AnyRecord, Started
from shoal.search.arrivals import Arrivals

NEW: Final = re.compile(r"run (\d{1,9}): vertex (\d{1,6})(?: within (\d[\d.e+-]*) of (.+))?$")
MOVE: Final = re.compile(r"run (\d{1,9}): (.+?) (reflected far|reflected near|reflected|contracted|expanded|moved)$")
DRAWN: Final = re.compile(r"run (\d{1,9}): (.+?) drawn to (.+), shrink (\d{1,9})$")
VERTEX: Final = "vertex"


@dataclass(frozen=True)
class Role:
    """Which vertex a trial is to be, by how many shrinks, in place of which trial, and how it got there."""

    slot: int
    shrinks: int = 0
    parent: int = -1
    move: str = VERTEX


def called(number: int) -> str:
    """A trial as the words of a proposal name it."""
    return f"trial {number}"


def number_called(text: str) -> int | None:
    """The way back from `called`."""
    _, _, digits = text.rpartition(" ")
    return int(digits) if digits.isdecimal() and len(digits) < 19 and called(int(digits)) == text else None


class Lineage:
    """The latest run that any trial speaks of: ``vertices`` are its best trials, slot by slot, shrunk ones first."""

    def __init__(self, history: History, fits: Callable[[int, int, float, int | None], bool]) -> None:
        """``fits(number, run, scale, anchor)``: whether a trial may be one of the first vertices of a run."""
        self._history, self._fits = history, fits
        self._arrivals = Arrivals(history)
        self._build()

    def _build(self) -> None:
        """Bring in the whole history."""
        self.anchors: set[int] = set()  # trials that runs began around
        self._unborn: dict[int, list[int]] = {}  # trial that is not known yet -> those that begin a run around it
        self._waiting: dict[int, list[int]] = {}  # trial that has no role yet -> those that speak of it
        self._enter(0)
        for number in np.flatnonzero(self._history.usable).tolist():
            self._bring(number)

    def _enter(self, run: int) -> None:
        self.run, self.trials = run, 0
        self.begun: tuple[int, float, int | None] = (2**63, 0.0, None)  # first trial, how wide it began, around what
        self.roles: dict[int, Role] = {}
        self.vertices: dict[int, int] = {}
        self.children: dict[int, list[int]] = {}  # vertex -> trials that were to replace it
        self.shrinks = 0
        self.spared: set[int] = set()  # slots towards which the last shrink draws the others

    def tell(self, record: AnyRecord) -> None:
        number = self._arrivals.tell(record)
        if type(record) is Started:
            if record.number in self.roles:
                self._build()  # it is run again
            elif self._history.inside(record.number):
                self._bring(record.number)
        if number is not None and number in self.roles:
            if self.vertices.get(self.roles[number].slot) == number:
                self._build()  # it is no vertex any more
            else:
                self._rank(number)

    def loss(self, number: int) -> float:
        return self._arrivals.loss(number)

    def own(self, number: int) -> bool:
        """Whether a trial speaks of one that is known, or began a run: it is no stranger."""
        why = self._history.why(number)
        if found := NEW.search(why):
            anchor = None if found[4] is None else number_called(found[4])
            return found[4] is None or (anchor is not None and self._known(anchor))
        found = MOVE.search(why) or DRAWN.search(why)
        parent = number_called(found[2]) if found else None
        return parent is not None and self._known(parent)

    # ------------------------------------------------------------------ the fold

    def _bring(self, number: int) -> None:
        self._fresh = [number, *self._unborn.pop(number, [])]
        while self._fresh:
            self._take(self._fresh.pop(0))

    def _take(self, number: int) -> None:
        why = self._history.why(number)
        if found := NEW.search(why):
            self._take_new(number, int(found[1]), int(found[2]), found[3], found[4])
        elif found := MOVE.search(why):
            self._take_move(number, int(found[1]), found[2], found[3])
        elif found := DRAWN.search(why):
            self._take_move(number, int(found[1]), found[2], "drawn", found[3], int(found[4]))

    def _take_new(self, number: int, run: int, slot: int, width: str | None, anchor_text: str | None) -> None:
        anchor = None
        scale = math.inf
        if anchor_text is not None and width is not None:
            anchor = number_called(anchor_text)
            if anchor is None:
                return
            if not self._known(anchor):
                self._unborn.setdefault(anchor, []).append(number)
                return
            self.anchors.add(anchor)
            scale = float(width) if _is_number(width) else 0.0
        if run < self.run or not self._fits(number, run, scale, anchor):
            return
        if run > self.run:
            self._enter(run)
        if number < self.begun[0]:
            self.begun = (number, scale, anchor)
        if anchor is not None and anchor not in self.roles:
            self._assign(anchor, Role(0))
        self._assign(number, Role(slot))

    def _take_move(self, number: int, run: int, text: str, move: str, towards: str = "", shrinks: int = 0) -> None:
        parent = number_called(text)
        if parent is None or run < self.run:
            return
        if run > self.run or parent not in self.roles:
            self._waiting.setdefault(parent, []).append(number)
            return
        role = self.roles[parent]
        if move == "drawn":
            best = number_called(towards)
            if best is None:
                return
            if best not in self.roles:
                self._waiting.setdefault(best, []).append(number)
                return
            if shrinks > self.shrinks:
                self.shrinks, self.spared = shrinks, set()
            if shrinks == self.shrinks:
                self.spared.add(self.roles[best].slot)
        self.children.setdefault(parent, []).append(number)
        self._assign(number, Role(role.slot, max(shrinks, role.shrinks), parent, move))

    def _known(self, number: int) -> bool:
        return number < self._history.length and self._history.inside(number)

    def _assign(self, number: int, role: Role) -> None:
        self.roles[number] = role
        self.trials += 1
        self._fresh += self._waiting.pop(number, [])
        self._rank(number)

    def _rank(self, number: int) -> None:
        """A trial that has ended takes its place if it is better than who holds it, or the simplex has shrunk."""
        if not self._arrivals.counts(number):
            return
        slot = self.roles[number].slot
        held = self.vertices.get(slot)
        if held is None or self._key(number) < self._key(held):
            self.vertices[slot] = number

    def _key(self, number: int) -> tuple[int, float, int]:
        return -self.roles[number].shrinks, self._arrivals.loss(number), number


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
