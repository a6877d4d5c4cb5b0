"""Rungs: budgets at which trials are compared, r·η^k from the least to the most."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from shoal.errors import StudyError
from shoal.fold import DONE
from shoal.history import History
from shoal.models.told import Told
from shoal.records import AnyRecord, Ended, Reported
from shoal.space.domain import Array
from shoal.trial import Report

LATEST = 200  # trials that tell how well a rung foresees the next …
EXPECTED = 0.7  # … what is expected of that before any has …
DOUBT = 5.0  # … and as how many of them it counts


def check_eta(eta: float, grace: float | None = None) -> None:
    """Raises StudyError for settings that make no rungs."""
    if not 1 < eta < math.inf:
        raise StudyError(f"eta must be above 1, and finite; got {eta!r}")
    if grace is not None and not 0 < grace < math.inf:
        raise StudyError(f"grace must be above 0, and finite; got {grace!r}")


def is_whole(least: float, most: float) -> bool:
    """Whether both ends of a budget are whole numbers, so that levels between are to be."""
    return least == int(least) and (math.isinf(most) or most == int(most))


def levels(least: float, most: float, eta: float, whole: bool = True) -> list[float]:
    """r, r·η, r·η² … below the most, and the most itself; whole numbers where both ends are."""
    check_eta(eta)
    whole = whole and is_whole(least, most)
    found, exact, level = list[float](), least, least
    for _ in range(64):
        if level >= most:
            break
        if not found or level > found[-1]:
            found.append(level)
        exact *= eta
        level = float(round(exact)) if whole and exact < math.inf else rounded(exact)
    return found if math.isinf(most) else [*found, most]


def rounded(level: float) -> float:
    """A level as people write it: 0.3, and not three times 0.1 as processors have it, which is a little more. It is
    never above what it was, for 2/3 is to get there, too.

    >>> rounded(3 * 0.1), rounded(2 / 3)
    (0.3, 0.6666666666666666)
    """
    return min(float(f"{level:.12g}"), level)


def spaced_levels(least: float, most: float, eta: float) -> list[float]:
    """The same without a level nearer to the most than by √η: a rung at 27 of 30 steps spares next to nothing, and
    tells next to nothing that is not known at 30.

    >>> spaced_levels(1, 30, 3)
    [1, 3.0, 9.0, 30]
    """
    found = levels(least, most, eta)
    return [*found[:-2], most] if len(found) > 2 and most < found[-2] * math.sqrt(eta) else found


def levels_from_top(least: float, most: float, eta: float) -> list[float]:
    """R·η^-s for s from ⌊log_η(R / r)⌋ to 0, R being the most: the least may be none of them.

    >>> levels_from_top(1, 81, 3), levels_from_top(1, 100, 3)
    ([1.0, 3.0, 9.0, 27.0, 81], [1.0, 4.0, 11.0, 33.0, 100])
    """
    whole, found, level = is_whole(least, most), [most], most / eta
    while level >= least * (1 - 1e-9) and len(found) < 64:
        found.append(float(round(level)) if whole else max(rounded(level), least))
        level /= eta
    return sorted(set(found))


def beyond(levels: list[float], spent: float) -> float:
    """The first level above what was spent, or the last."""
    return next((level for level in levels if level > spent), levels[-1])


@dataclass
class Rung:
    """The losses of all trials that got as far as a level, and did not fail later."""

    level: float
    of: dict[int, float] = field(default_factory=dict)  # trial -> loss
    order: list[tuple[float, int]] = field(default_factory=list)  # (loss, trial), the best first

    def add(self, number: int, loss: float) -> None:
        self.of[number] = loss
        insort(self.order, (loss, number))

    def drop(self, number: int) -> None:
        if number in self.of:
            del self.order[bisect_left(self.order, (self.of.pop(number), number))]

    def rank(self, loss: float) -> int:
        """How many are better."""
        return bisect_left(self.order, (loss, -1))

    def place(self, number: int) -> int:
        """How many are before a trial at this rung; of those that tie, the first."""
        return bisect_left(self.order, (self.of[number], number))

    def __len__(self) -> int:
        return len(self.order)


class Ladder:
    """The rungs of a study, filled as records come in.

    A trial counts at a rung with its first report at or beyond it: steps may be missing, or jump over rungs. One that
    is done counts at the last rung, and at those that it came to without a report, with its result: its epochs may be
    counted from 0, its last report be of another step, or its result be of other data than its reports.
    """

    def __init__(self, history: History, at: list[float], trials: Iterable[int] | None = None) -> None:
        self._history = history
        self.rungs = [Rung(level) for level in at]
        self._reached: dict[int, int] = {}  # trial -> rungs that it got to
        self._when: dict[int, int] = {}  # … and the step of the report that got it to the last of them
        self._losses, self._times = (np.full((64, len(at)), np.nan) for _ in range(2))
        self._told = Told(history, self.add, self.drop, trials, failures=False)
        for number in list(self._reached):
            self._end(number)

    def tell(self, record: AnyRecord) -> None:
        self._told.tell(record)
        if isinstance(record, Ended | Reported) and record.number in self._reached:
            self._end(record.number)

    def add(self, number: int, report: Report | Reported) -> None:
        loss, spent = self._history.loss(report), self._history.spent(report)
        reached = self._reached.get(number, 0)
        if loss is None or reached == len(self.rungs) or spent < self.rungs[reached].level:
            return
        if not reached and self._history.source(number) is not None:  # it was at no rung below the one it began at
            reached = sum(rung.level <= spent for rung in self.rungs) - 1
        self._when[number] = report.step
        while reached < len(self.rungs) and spent >= self.rungs[reached].level:
            self.rungs[reached].add(number, loss)
            self._hold(number)
            self._losses[number, reached], self._times[number, reached] = loss, report.time
            reached += 1
        self._reached[number] = reached

    def _end(self, number: int) -> None:
        """Count a trial that is done, and reported, with its result."""
        if self._history.state[number] != DONE:
            return
        result, most = float(self._history.value[number]), len(self.rungs)
        if math.isnan(result) or self._losses[number, -1] == result:
            return
        reached = self._reached.get(number, 0)
        if reached == most:
            reached = most - 1
            self.rungs[reached].drop(number)
        for k in range(reached, most):
            self.rungs[k].add(number, result)
        times = self._times[number]
        told = times[~np.isnan(times)]
        times[np.isnan(times)] = told.max() if len(told) else self._history.begun_at[number]
        self._losses[number, reached:] = result
        self._reached[number] = most

    def finish(self, number: int) -> None:
        """Count a trial that is done with its result, also where it reported nothing."""
        self._hold(number)
        self._end(number)

    def drop(self, number: int) -> None:
        """Forget a trial that failed."""
        for rung in self.rungs[: self._reached.pop(number, 0)]:
            rung.drop(number)
        self._hold(number)
        self._losses[number] = self._times[number] = np.nan

    def _hold(self, number: int) -> None:
        """Make room for a trial."""
        if number >= len(self._losses):
            more = np.full((max(number + 1, 2 * len(self._losses)) - len(self._losses), len(self.rungs)), np.nan)
            self._losses = np.concatenate([self._losses, more])
            self._times = np.concatenate([self._times, more])

    def losses(self, count: int) -> Array:
        """Losses [count, rungs] of the first trials, NaN where they did not get to."""
        self._hold(count - 1)
        return self._losses[:count]

    def times(self, count: int) -> Array:
        """When they got there, [count, rungs]."""
        self._hold(count - 1)
        return self._times[:count]

    def one_in(self, k: int, eta: float) -> float:
        """Of how many trials at a rung one is worth going on with: η^ρ.

        ρ is the rank correlation of the losses there with those at the next rung, of the trials that were at both.
        Where a rung foresees the next one, one in η goes on, as in successive halving; where it says nothing, all do.
        """
        column = self._losses[:, k + 1]
        low, high = self._losses[np.flatnonzero(column == column)[-LATEST:], k : k + 2].T
        low, high = low[low == low], high[low == low]
        agreed = float(np.corrcoef(_ranks(low), _ranks(high))[0, 1]) if _differ(low) and _differ(high) else 0.0
        told = max(len(low) - 1, 0)
        return float(eta ** max((told * agreed + DOUBT * EXPECTED) / (told + DOUBT), 0.0))

    def reached(self, number: int) -> int:
        """How many rungs a trial got to."""
        return self._reached.get(number, 0)

    def entered(self, number: int, report: Report | Reported) -> Rung | None:
        """The highest rung that a trial got to, if it did so with this report."""
        reached = self._reached.get(number, 0)
        return self.rungs[reached - 1] if reached and self._when[number] == report.step else None


def _differ(losses: Array) -> bool:
    return len(losses) > 1 and bool(losses.min() < losses.max())


def _ranks(losses: Array) -> Array:
    """Ranks, equal ones for losses that tie."""
    _, place, count = np.unique(losses, return_inverse=True, return_counts=True)
    ranks: Array = (np.cumsum(count) - count / 2)[place]
    return ranks


def ordinal(place: int) -> str:
    """1st, 2nd, 3rd, 4th …"""
    tail = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{tail}"
