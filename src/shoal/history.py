"""One peer's history: what its fold of the journal knows of a study, kept ready for searches, rules and reports."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from shoal.fold import CODE, DONE, FINISHED, STATES, Fold
from shoal.records import (
    AnyRecord,
    Ended,
    Metrics,
    Order,
    Ordered,
    Outcome,
    Reported,
    Started,
    write_params,
)
from shoal.space import Params
from shoal.trial import Report, Trial


class History(Fold):
    """What is known of a study, to be asked; `fold` brings in one record.

    Arrays, one row a trial, to be read up to ``length``: ``x`` (codes of the searched params, float64
    [length, d], NaN where inactive), ``value`` (the metric, smaller is better, NaN unless done), ``state`` (codes of
    `STATES`).
    """

    @property
    def x(self) -> NDArray[np.float64]:
        return self._points.rows(self.length)

    @property
    def counts(self) -> dict[str, int]:
        """How many trials are in each state."""
        return {**dict(zip(STATES, self._tally, strict=True)), "waiting": self.length - sum(self._tally[1:])}

    @property
    def begun_at(self) -> NDArray[np.float64]:
        """When the latest attempt at each trial began, [length]; NaN where that is not known."""
        return self._columns["time"][: self.length]

    def finished(self, number: int) -> bool:
        """Whether the trial is done, stopped or failed: not to be run again."""
        return number < self.length and self._state[number] >= FINISHED

    def attempt(self, number: int) -> int:
        """The latest attempt that is known of; -1 before the first."""
        return self._attempt[number] if number < self.length else -1

    def losses(self, number: int) -> int:
        """How many attempts at the trial were lost."""
        return len(self._lost.get(number, ()))

    def pauses(self, number: int) -> int:
        """How many attempts at the trial were paused."""
        return len(self._paused.get(number, ()))

    def params(self, number: int) -> Params:
        """The params of a trial; empty while only its end is known."""
        return self._points.params(number) if self._begun[number] >= 0 else {}

    def inside(self, number: int) -> bool:
        """Whether the trial's params are known and lie in the space as it is now."""
        return self._begun[number] >= 0 and not self._points.outside(number)

    def trial(self, number: int) -> Trial:
        """All that is known of a trial."""
        if not 0 <= number < self.length:
            last = f"the last is {self.length - 1}" if self.length else "the study has none yet"
            raise IndexError(f"there is no trial {number}; {last}")
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

    def amount(self, spent: float) -> str:
        """So much of the budget in words: "epoch 3", or "0.25 s"; without a budget, "step 3"."""
        return f"{spent:g} s" if self._budget == "seconds" else f"{self._budget or 'step'} {spent:g}"

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

    def source(self, number: int) -> int | None:
        """The trial whose checkpoint this one began from."""
        return self._source.get(number)

    def seconds_before(self, number: int, attempt: int) -> float:
        """How long a trial ran in the attempts before one that were paused."""
        return sum(seconds for earlier, seconds in self._paused.get(number, {}).items() if earlier < attempt)

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
        """The reports of a trial's latest attempt, after those of the paused and the lost ones that it went on from."""
        steps = self._reports.get(number, {})
        latest, paused = self._attempt[number] if number < self.length else -1, self._paused.get(number, ())
        lost = self._lost.get(number, ())
        first = min((step for step, told in steps.items() if told.attempt == latest), default=math.inf)
        begun = math.inf if lost and self._state[number] == DONE else -math.inf  # one that found nothing left to do
        if lost and first < math.inf:
            begun = self.spent(steps[int(first)])
        return tuple(
            Report(step, told.metrics, told.seconds, told.saved, told.time)
            for step, told in sorted(steps.items())
            if told.attempt == latest
            or (step < first and (told.attempt in paused or (told.attempt in lost and self.spent(told) < begun)))
        )

    def carried(self, number: int, attempt: int) -> Reported | None:
        """The last report of the attempts before one, which may have gone on from them; None where there is none."""
        told = [report for report in self._reports.get(number, {}).values() if report.attempt < attempt]
        return max(told, key=lambda report: (report.attempt, report.step), default=None)

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
        return self.bound()[1]

    def bound(self) -> tuple[str, str]:
        """The setting that lets no new trial begin, empty where that is an order, and why in words."""
        if self.order is not None and self.order.order != "go":
            return "", self.order.reason
        plan = self.definition
        if plan.trials is not None and self.ended >= plan.trials:
            return "trials", f"all {plan.trials} trials have ended"
        if plan.done is not None and self._tally[DONE] >= plan.done:
            return "done", f"{plan.done} trials are done"
        if plan.target is not None and self.best is not None and self._best_value <= self.sign * plan.target:
            return "target", f"the target {plan.target:g} was reached by trial {self.best}"
        if plan.patience is not None and self.best is not None and self.ended - self.improved >= plan.patience:
            return "patience", f"the last {plan.patience} trials brought nothing better than trial {self.best}"
        if self.doomed:
            return "max_failures", f"all of the first {self.ended} trials failed"
        return "", ""
