"""Whether a journal keeps what Shoal promises, counted from its records alone and compared with the history's fold."""

from __future__ import annotations

from collections.abc import Iterable

from shoal.fold import STATES
from shoal.history import History
from shoal.records import AnyRecord, Defined, Ended, Metrics, Migrated, Ordered, Started

FINAL = ("done", "stopped", "failed")


class Audit:
    """Takes in all records of a study, in any order, and says what cannot be."""

    def __init__(self) -> None:
        self._begun: dict[tuple[int, int], str] = {}  # (number, attempt) -> the peer that began it
        self._ended: dict[tuple[int, int], tuple[str, Metrics]] = {}  # … -> how it ended for good
        self._latest: dict[int, int] = {}  # number -> attempt
        self._asked: list[int | None] = []  # how many trials each definition asked for
        self._shared, self._split, self._moved = set[int](), set[int](), set[int]()

    def take(self, records: Iterable[AnyRecord]) -> None:
        for record in records:
            if isinstance(record, Defined):
                self._asked.append(record.definition.trials)
                continue
            if isinstance(record, Ordered):
                continue
            if isinstance(record, Migrated):
                self._moved |= {record.number} if record.retires < 0 else {record.number, record.retires}
                continue
            number, attempt = record.number, record.attempt
            self._latest[number] = max(attempt, self._latest.get(number, 0))
            if isinstance(record, Started):
                if self._begun.setdefault((number, attempt), record.peer) != record.peer:
                    self._shared.add(number)
            elif isinstance(record, Ended) and record.outcome in FINAL:
                way = (record.outcome, record.metrics)
                if self._ended.setdefault((number, attempt), way) != way:
                    self._split.add(number)

    @property
    def late(self) -> int:
        """Ends of attempts that another one has overtaken: they are kept, and do not count."""
        return sum(attempt < self._latest[number] for number, attempt in self._ended)

    def problems(self, history: History) -> list[str]:
        """What is wrong, in words; empty where nothing is. ``history`` has folded the same records."""
        asked = [count for count in self._asked if count is not None]
        limit = max(asked) if len(asked) == len(self._asked) > 0 else None
        found = {
            "were begun by two peers as the same attempt": self._shared,
            "ended in two ways in the same attempt": self._split,
            "do not count as their latest attempt ended": {
                number for number in self._latest.keys() - self._split if not self._counts(history, number)
            },
            f"are beyond the {limit} that were asked for": {
                number for number in self._latest if limit is not None and number >= limit
            },
        }
        found["went to another island and were never done"] = self._moved - {n for n, _ in self._ended}
        return [f"{len(numbers)} trials {what}, such as {min(numbers)}" for what, numbers in found.items() if numbers]

    def _counts(self, history: History, number: int) -> bool:
        """Whether the fold has a trial as its latest attempt ended."""
        attempt = self._latest[number]
        way = self._ended.get((number, attempt))
        if history.attempt(number) != attempt or history.finished(number) != (way is not None):
            return False
        if way is None:
            return True
        outcome, metrics = way
        told = metrics.get(history.definition.metric)
        same = outcome != "done" or isinstance(told, str | bool | None) or history.value[number] * history.sign == told
        return outcome == STATES[history.state[number]] and same
