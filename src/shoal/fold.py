"""How records become what is known of a study.

The fold does not depend on the order of the records, nor on how often one is delivered, so that merging two histories
is a union. The numbers are kept in arrays; a trial costs about 200 bytes with ten params.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import msgspec
import numpy as np

from shoal.columns import Columns, Interned, MetricColumns, Whys, cells
from shoal.islands import Islands
from shoal.migrations import Migrations
from shoal.points import Points
from shoal.records import (
    AnyRecord,
    Defined,
    Definition,
    Ended,
    Metrics,
    Migrated,
    Ordered,
    Reported,
    Started,
)
from shoal.space import Space
from shoal.trial import Report

STATES: Final = ("waiting", "running", "lost", "paused", "failed", "stopped", "done")  # the later wins a dispute
CODE: Final = {state: code for code, state in enumerate(STATES)}
NAN: Final = math.nan
FINISHED: Final = CODE["failed"]  # from here on, a trial is not run again
DONE: Final = CODE["done"]
CHANGING: Final = {  # what a study may be told while it runs, without a new space, search or order of trials
    "trials": None, "done": None, "target": None, "patience": None, "max_failures": None, "retries": 1,
    "trial_timeout": None, "objective": None, "directory": None, "folder": None,
}  # fmt: skip


class Fold:
    """What is known of a study, trial by trial; `fold` brings in one record."""

    def __init__(self, definition: Definition, version: int = 1, defined: float = math.inf) -> None:
        self.definition, self.version, self._defined = definition, version, defined
        self.space = Space.from_json(definition.space)
        self.sign = -1.0 if definition.goal == "maximize" else 1.0
        self.order: Ordered | None = None
        self.newer: Defined | None = None  # a later definition than the one this history was made for
        self.length = 0
        self._tally = [0] * len(STATES)
        self.ended = 0
        self.best: int | None = None  # the number of the best finished trial
        self.improved = 0  # how many had ended when the best was last improved
        self.running: set[int] = set()
        self._best_value = math.inf
        self._columns = Columns(
            state=(np.int8, 0), attempt=(np.int16, -1), begun=(np.int16, -1), value=(np.float64, NAN),
            time=(np.float64, NAN), seconds=(np.float64, NAN), peer=(np.int32, -1), thought=(np.float32, 0),
        )  # fmt: skip
        self._peers = Interned()
        self._whys = Whys()
        self._points = Points(self.space, version)
        self._metric = definition.metric
        self._metrics = MetricColumns()
        self._texts: dict[int, tuple[str, str]] = {}  # reason and traceback
        self._reports: dict[int, dict[int, Reported]] = {}  # number -> step -> what the latest attempt said
        self._lost: dict[int, set[int]] = {}  # number -> attempts
        self._paused: dict[int, dict[int, float]] = {}  # number -> attempts, and the seconds that each took
        self._parked_as: dict[int, int] = {}  # number -> the latest attempt that a stopping rule paused
        self._until: dict[int, float] = {}
        self._parts: dict[int, tuple[float, ...]] = {}  # number -> each budget that an attempt was to go up to
        self._source: dict[int, int] = {}
        self.furthest = 0.0  # that any report has come; kept without a budget
        self.parked: dict[int, None] = {}  # trials that a stopping rule paused, in the order of their pauses
        self._budget = definition.budget.name if definition.budget is not None else ""
        self.migrations = Migrations(definition.islands or Islands(1), definition.seed)
        self.absent: set[int] = set()  # trials that have left the island which this is the history of
        self._bind()

    def _bind(self) -> None:
        c = self._columns
        self.value, self.state, self.seconds = c["value"], c["state"], c["seconds"]
        self._value, self._state, self._attempt = cells(c["value"]), cells(c["state"]), cells(c["attempt"])
        self._time, self._seconds = cells(c["time"]), cells(c["seconds"])
        self._peer = cells(c["peer"])
        self._thought = cells(c["thought"])
        self._begun = cells(c["begun"])  # the latest attempt whose start is known

    # ------------------------------------------------------------------ the fold

    def fold_all(self, records: Iterable[AnyRecord]) -> None:
        for record in records:
            self.fold(record)

    def fold(self, record: AnyRecord) -> bool:
        """Bring in a record; False where it changes nothing: told before, or overtaken by a later attempt."""
        kind = type(record)
        if kind is Ended:
            return self._end(record)  # type: ignore[arg-type]
        if kind is Started:
            return self._start(record)  # type: ignore[arg-type]
        if kind is Reported:
            return self._report(record)  # type: ignore[arg-type]
        if kind is Migrated:
            return self.migrations.fold(record)  # type: ignore[arg-type]
        return self._order(record) if isinstance(record, Ordered) else self._define(record)  # type: ignore[arg-type]

    def _order(self, record: Ordered) -> bool:
        if self.order is not None and (record.version, record.time) <= (self.order.version, self.order.time):
            return False
        self.order = record
        return True

    def _define(self, record: Defined) -> bool:
        """Take over what may change while a study runs; for all else someone has to begin anew with `newer`."""
        if record.definition.space == self.definition.space:
            self._points.trusted.add(record.version)
        known = (self.newer.version, self.newer.time) if self.newer else (self.version, self._defined)
        if (record.version, record.time) <= known:  # of two that were written at once, the later one counts for all
            return False
        now, then = (msgspec.structs.replace(plan, **CHANGING) for plan in (record.definition, self.definition))
        if now == then and self.newer is None:
            self.definition, self.version, self._defined = record.definition, record.version, record.time
        else:
            self.newer = record
        return True

    def _reach(self, number: int) -> None:
        """Make room for a trial."""
        if number >= self._columns.capacity:
            self._columns.hold(number)
            self._bind()
        self.length = number + 1

    def _start(self, record: Started) -> bool:
        number, attempt = record.number, record.attempt
        if number >= self.length:
            self._reach(number)
        self._whys.add(number, attempt, record.why)
        if record.source >= 0:
            self._source[number] = record.source
        parts = self._parts.get(number, ())
        if record.until and record.until not in parts:
            self._parts[number] = (*parts, record.until)
        if attempt <= self._begun[number]:
            return False
        if attempt > self._attempt[number]:
            self._supersede(number, attempt)
        self._begun[number] = attempt
        self._time[number] = record.time
        self._peer[number] = self._peers.index(record.peer)
        if record.until or number in self._until:
            self._until[number] = record.until
        self._thought[number] = record.thought
        self._points.add(record)
        return True

    def _supersede(self, number: int, attempt: int) -> None:
        """A new attempt begins: what an earlier one said does not count."""
        if self._state[number]:
            self._unsay(number)
            self.parked.pop(number, None)
        self._attempt[number] = attempt
        self._move(number, 1)

    def _report(self, record: Reported) -> bool:
        number = record.number
        if number >= self.length:
            self._reach(number)
        if record.attempt > self._attempt[number]:
            self._supersede(number, record.attempt)
        steps = self._reports.setdefault(number, {})
        if record.step in steps and steps[record.step].attempt >= record.attempt:
            return False
        steps[record.step] = record
        if not self._budget:  # else the budget says where curves end
            self.furthest = max(self.furthest, self.spent(record))
        led_on = record.attempt in self._paused.get(number, ()) or record.attempt in self._lost.get(number, ())
        return led_on or bool(record.attempt == self._attempt[number])

    def _end(self, record: Ended) -> bool:
        number, attempt = record.number, record.attempt
        if number >= self.length:
            self._reach(number)
        new = record.outcome == "paused" and self._pause(record)
        if attempt != self._attempt[number]:
            if attempt < self._attempt[number]:
                return new or (record.outcome == "lost" and self._lose(number, attempt))
            self._supersede(number, attempt)
        state, before = CODE[record.outcome], self._state[number]
        if record.outcome == "lost" and not self._lose(number, attempt):
            return False
        if state <= before:
            return record.outcome == "lost"
        if before > 1:
            self._unsay(number)
            self.parked.pop(number, None)
        self._move(number, state)
        if record.decided and record.outcome == "paused":
            self.parked[number] = None
        self._seconds[number] = record.seconds
        if record.metrics:
            self._measure(number, record.metrics, state == DONE)
        if record.reason or record.traceback:
            self._texts[number] = (record.reason, record.traceback)
        return True

    def _pause(self, record: Ended) -> bool:
        attempts = self._paused.setdefault(record.number, {})
        new = record.attempt not in attempts
        attempts[record.attempt] = record.seconds
        if record.decided:
            self._parked_as[record.number] = max(record.attempt, self.parked_as(record.number))
        return new

    def _lose(self, number: int, attempt: int) -> bool:
        attempts = self._lost.setdefault(number, set())
        new = attempt not in attempts
        attempts.add(attempt)
        return new

    def _move(self, number: int, state: int) -> None:
        tally, before = self._tally, self._state[number]
        tally[before] -= 1
        tally[state] += 1
        if state == 1:
            self.running.add(number)
        elif before == 1:
            self.running.discard(number)
        self.ended += (state >= FINISHED) - (before >= FINISHED)
        self._state[number] = state

    def _measure(self, number: int, metrics: Metrics, done: bool) -> None:
        self._metrics.write(number, metrics)
        told = metrics.get(self._metric)
        if done and (type(told) is float or type(told) is int):
            value = self.sign * told
            self._value[number] = value
            if value < self._best_value:
                self.improved = self.ended
                self._best_value, self.best = value, number
            elif value == self._best_value and self.best is not None and number < self.best:
                self.best = number

    def _unsay(self, number: int) -> None:
        """Drop what an end said that another one overrules."""
        self._texts.pop(number, None)
        self._metrics.clear(number)
        self._seconds[number] = NAN
        self._value[number] = NAN
        if self.best == number:
            rest = self.value[: self.length]
            self.best = None if np.isnan(rest).all() else int(np.nanargmin(rest))
            self._best_value = math.inf if self.best is None else float(rest[self.best])

    # ------------------------------------------------------------------ what the fold itself asks

    def parked_as(self, number: int) -> int:
        """The latest attempt at a trial that a stopping rule paused; -1 without one."""
        return self._parked_as.get(number, -1)

    def spent(self, report: Report | Reported) -> float:
        """How much of the budget a trial had used when it reported."""
        if self._budget == "seconds":
            return report.seconds
        told = report.metrics.get(self._budget)
        return float(told) if type(told) is float or type(told) is int else float(report.step)
