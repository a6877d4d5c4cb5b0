"""One peer's fold of the journal: what is known of a study, kept ready for searches, rules and reports.

The fold does not depend on the order of the records, nor on how often one is delivered, so that merging two histories
is a union. The numbers are kept in arrays; a trial costs about 200 bytes with ten params.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

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
    Order,
    Ordered,
    Outcome,
    Reported,
    Started,
    write_params,
)
from shoal.space import Params, Space
from shoal.trial import Report, Trial

STATES: Final = ("waiting", "running", "lost", "paused", "failed", "stopped", "done")  # the later wins a dispute
CODE: Final = {state: code for code, state in enumerate(STATES)}
NAN: Final = math.nan
FINISHED: Final = CODE["failed"]  # from here on, a trial is not run again
DONE: Final = CODE["done"]
CHANGING: Final = {  # what a study may be told while it runs, without a new space, search or order of trials
    "trials": None, "done": None, "target": None, "patience": None, "max_failures": None, "retries": 1,
    "trial_timeout": None, "objective": None, "directory": None, "folder": None,
}  # fmt: skip


class History:
    """The state of a study; `fold` brings in one record.

    Arrays, one row a trial, to be read up to ``length``: ``x`` (codes of the searched params, float64
    [length, d], NaN where inactive), ``value`` (the metric, smaller is better, NaN unless done), ``state`` (codes of
    `STATES`).
    """

    def __init__(self, definition: Definition, version: int = 1) -> None:
        self.definition, self.version = definition, version
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
        if self.order is not None and record.version <= self.order.version:
            return False
        self.order = record
        return True

    def _define(self, record: Defined) -> bool:
        """Take over what may change while a study runs; for all else someone has to begin anew with `newer`."""
        if record.definition.space == self.definition.space:
            self._points.trusted.add(record.version)
        if record.version <= (self.newer.version if self.newer else self.version):
            return False
        now, then = (msgspec.structs.replace(plan, **CHANGING) for plan in (record.definition, self.definition))
        if now == then and self.newer is None:
            self.definition, self.version = record.definition, record.version
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
        return bool(record.attempt == self._attempt[number])

    def _end(self, record: Ended) -> bool:
        number, attempt = record.number, record.attempt
        if number >= self.length:
            self._reach(number)
        if record.outcome == "paused":
            self._paused.setdefault(number, {})[attempt] = record.seconds
            if record.decided:
                self._parked_as[number] = max(attempt, self.parked_as(number))
        if attempt != self._attempt[number]:
            if attempt < self._attempt[number]:
                return record.outcome == "lost" and self._lose(number, attempt)
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

    # ------------------------------------------------------------------ reading

    @property
    def x(self) -> NDArray[np.float64]:
        return self._points.rows(self.length)

    @property
    def counts(self) -> dict[str, int]:
        """How many trials are in each state."""
        return {**dict(zip(STATES, self._tally, strict=True)), "waiting": self.length - sum(self._tally[1:])}

    def finished(self, number: int) -> bool:
        """Whether the trial is done, stopped or failed: not to be run again."""
        return number < self.length and self._state[number] >= FINISHED

    def attempt(self, number: int) -> int:
        """The latest attempt that is known of; -1 before the first."""
        return self._attempt[number] if number < self.length else -1

    def losses(self, number: int) -> int:
        """How many attempts at the trial were lost."""
        return len(self._lost.get(number, ()))

    def params(self, number: int) -> Params:
        """The params of a trial; empty while only its end is known."""
        return self._points.params(number) if self._begun[number] >= 0 else {}

    def inside(self, number: int) -> bool:
        """Whether the trial's params are known and lie in the space as it is now."""
        return self._begun[number] >= 0 and not self._points.outside(number)

    def trial(self, number: int) -> Trial:
        """All that is known of a trial."""
        if not 0 <= number < self.length:
            raise IndexError(f"there is no trial {number}; the last is {self.length - 1}")
        state = STATES[self._state[number]]
        value = self._value[number] * self.sign
        reason, traceback = self._texts.get(number, ("", ""))
        begun, seconds = self._time[number], self._seconds[number]
        return Trial(
            number=number, outcome=state, params=self.params(number), value=None if value != value else value,
            metrics=self.metrics(number), reports=self.reports(number), attempt=self._attempt[number],
            peer=self._peers[self._peer[number]], why=self._whys.first(number), reason=reason, traceback=traceback,
            time=None if begun != begun else begun,
            seconds=None if seconds != seconds else seconds + self.seconds_before(number, self._attempt[number]),
            resumed=self._whys.later(number),
            islands=self.migrations.stay(number).homes if self.definition.islands else (),
        )  # fmt: skip

    def metrics(self, number: int) -> Metrics:
        """The metrics that a trial ended with."""
        return self._metrics.read(number)

    def why(self, number: int) -> str:
        """Where the params of a trial came from, in the words of the search."""
        return self._whys.first(number)

    def called(self, number: int) -> int:
        """What a trial is called outside of this history, which may be that of an island."""
        return number

    def records(self, number: int) -> list[AnyRecord]:
        """What is known of the latest attempt at a trial, as records; none before its start is known."""
        if not (number < self.length and self._begun[number] >= 0):
            return []
        attempt, state, begun = self._attempt[number], self._state[number], self._time[number]
        told: list[AnyRecord] = [
            Started(
                number, write_params(self.params(number)), self.peer(number), begun, self.why(number), attempt,
                self.version, self._thought[number], self.until(number), self._source.get(number, -1),
            )
        ]  # fmt: skip
        told += [
            Reported(number, report.step, report.metrics, report.time, attempt, report.seconds, report.saved)
            for report in self.reports(number)
        ]
        if state > CODE["running"]:
            outcome: Outcome = STATES[state]  # type: ignore[assignment]
            seconds = self._seconds[number]
            reason, trace = self._texts.get(number, ("", ""))
            told.append(
                Ended(
                    number, outcome, begun, self.metrics(number), reason, trace, 0.0 if seconds != seconds else seconds,
                    attempt, number in self.parked,
                )
            )  # fmt: skip
        return told

    # ------------------------------------------------------------------ budgets

    def peer(self, number: int) -> str:
        """The peer that ran a trial last."""
        return str(self._peers[self._peer[number]])

    def until(self, number: int) -> float:
        """How much of the budget the latest attempt is to use; 0: all of it."""
        return self._until.get(number, 0.0)

    def until_before(self, number: int) -> float:
        """How much of the budget an attempt was to use from which the latest goes on; 0 without one."""
        until = self.until(number) or math.inf
        return max((part for part in self._parts.get(number, ()) if part < until), default=0.0)

    def count_reports(self, number: int) -> int:
        return len(self._reports.get(number, ()))

    @property
    def best_value(self) -> float | None:
        """The loss of the best trial that is done."""
        return None if self.best is None else self._best_value

    def parked_as(self, number: int) -> int:
        """The latest attempt at a trial that a stopping rule paused; -1 without one."""
        return self._parked_as.get(number, -1)

    def source(self, number: int) -> int | None:
        """The trial whose checkpoint this one began from."""
        return self._source.get(number)

    def seconds_before(self, number: int, attempt: int) -> float:
        """How long a trial ran in the attempts before one that were paused."""
        return sum(seconds for earlier, seconds in self._paused.get(number, {}).items() if earlier < attempt)

    def spent(self, report: Report | Reported) -> float:
        """How much of the budget a trial had used when it reported."""
        if self._budget == "seconds":
            return report.seconds
        told = report.metrics.get(self._budget)
        return float(told) if type(told) is float or type(told) is int else float(report.step)

    @property
    def horizon(self) -> float:
        """Where curves end: at the most of the budget; without one, as far as any trial has come."""
        budget = self.definition.budget
        return self.furthest if budget is None else budget.most

    def loss(self, report: Report | Reported) -> float | None:
        """The study's metric in a report, smaller is better; None where it has none."""
        told = report.metrics.get(self._metric)
        return self.sign * told if type(told) is float or type(told) is int else None

    @property
    def thought(self) -> float:
        """Seconds that searches took for all trials."""
        return float(self._columns["thought"][: self.length].sum(dtype=np.float64))

    @property
    def worked(self) -> float:
        """Seconds that all ended trials took."""
        before = sum(self.seconds_before(number, self._attempt[number]) for number in self._paused)
        return float(np.nansum(self._columns["seconds"][: self.length])) + before

    @property
    def usable(self) -> NDArray[np.bool_]:
        """`inside` of all trials, [length]."""
        usable: NDArray[np.bool_] = self._columns["begun"][: self.length] >= 0
        usable[self._points.strangers()] = False
        return usable

    def reports(self, number: int) -> tuple[Report, ...]:
        """The reports of a trial's latest attempt, after those of the paused attempts that it went on from."""
        steps = self._reports.get(number, {})
        latest, paused = self._attempt[number] if number < self.length else -1, self._paused.get(number, ())
        first = min((step for step, told in steps.items() if told.attempt == latest), default=math.inf)
        return tuple(
            Report(step, told.metrics, told.seconds, told.saved, told.time)
            for step, told in sorted(steps.items())
            if told.attempt == latest or (told.attempt in paused and step < first)
        )

    def trials(self) -> Iterator[Trial]:
        return (self.trial(number) for number in range(self.length) if self._state[number])

    def numbers(self, *states: str) -> list[int]:
        """The numbers of all trials in one of these states, in order."""
        wanted = np.isin(self.state[: self.length], [CODE[state] for state in states])
        return [int(number) for number in np.flatnonzero(wanted)]

    def ranked(self, count: int | None = None) -> list[int]:
        """The numbers of the done trials, the best first."""
        values = self.value[: self.length]
        order = np.argsort(values, kind="stable")
        found = order[: np.count_nonzero(~np.isnan(values))]
        return [int(number) for number in found[:count]]

    @property
    def doomed(self) -> bool:
        """Whether the first ``max_failures`` trials all failed."""
        limit = self.definition.max_failures
        return limit is not None and self.ended == self._tally[FINISHED] >= limit

    def next_order(self, order: Order, reason: str, time: float) -> Ordered:
        """An order that counts from now on: the next version."""
        return Ordered(1 if self.order is None else self.order.version + 1, order, reason, time)

    @property
    def limit(self) -> int | None:
        """Below which number trials may begin; None: without end. It grows with the trials that were not done, so that
        there are never more open ones than are still to be done; whoever knows less of the study sees a lower one."""
        plan = self.definition
        if plan.done is None:
            return plan.trials
        most = plan.done + self.ended - self._tally[DONE]
        return most if plan.trials is None else min(most, plan.trials)

    def verdict(self) -> str:
        """Why no new trial may begin, in words; empty while the search may go on."""
        if self.order is not None and self.order.order != "go":
            return self.order.reason
        plan = self.definition
        if plan.trials is not None and self.ended >= plan.trials:
            return f"all {plan.trials} trials have ended"
        if plan.done is not None and self._tally[DONE] >= plan.done:
            return f"{plan.done} trials are done"
        if plan.target is not None and self.best is not None and self._best_value <= self.sign * plan.target:
            return f"the target {plan.target:g} was reached by trial {self.best}"
        if plan.patience is not None and self.best is not None and self.ended - self.improved >= plan.patience:
            return f"the last {plan.patience} trials brought nothing better than trial {self.best}"
        if self.doomed:
            return f"all of the first {self.ended} trials failed"
        return ""
