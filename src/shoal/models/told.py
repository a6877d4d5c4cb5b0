"""What rules keep of each trial's reports, kept right when a trial is run again or reports come in another order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from shoal.fold import CODE
from shoal.history import History
from shoal.records import AnyRecord, Ended, Reported, Started
from shoal.trial import Report


class Told:
    """Has each report of a trial added in the order of steps.

    Where an attempt overrules an earlier one, or a step comes late, the trial is dropped and added anew from the
    history: so whoever joins late knows the same as who was there all along. Where ``failures`` are not to count, a
    trial that failed is dropped, whether that or what it reported is heard first.
    """

    def __init__(
        self, history: History, add: Callable[[int, Report | Reported], None], drop: Callable[[int], None],
        trials: Iterable[int] | None = None, failures: bool = True,
    ) -> None:  # fmt: skip
        self._history, self._add, self._drop, self._failures = history, add, drop, failures
        self._last: dict[int, tuple[int, float]] = {}  # trial -> its attempt, and the last step of it
        self._lost = set[int]()  # trials whose next report decides which of the lost ones it went on from
        for number in range(history.length) if trials is None else trials:
            self._read(number)
            self._forget(number)

    def tell(self, record: AnyRecord) -> None:
        if not isinstance(record, Reported | Started | Ended):
            return
        number, attempt = record.number, self._history.attempt(record.number)
        known, step = self._last.get(number, (0, -math.inf))
        anew = known != attempt or record.attempt != attempt or (number in self._lost and type(record) is not Started)
        if type(record) is Reported and not anew and record.step > step:
            self._last[number] = (attempt, record.step)
            self._add(number, record)
        elif type(record) is Reported or anew:
            self._drop(number)
            self._read(number)
            if type(record) is Reported and record.attempt == attempt:
                self._lost.discard(number)
        if type(record) is not Started:
            self._forget(number)

    def _forget(self, number: int) -> None:
        if not self._failures and self._history.state[number] == CODE["failed"]:
            self._drop(number)

    def _read(self, number: int) -> None:
        reports = self._history.reports(number)
        if reports:
            self._last[number] = (self._history.attempt(number), reports[-1].step)
        if self._history.losses(number):
            self._lost.add(number)
        for report in reports:
            self._add(number, report)
