"""What rules keep of reports: the same for who was there all along as for who joins late."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import shoal
from shoal.history import History
from shoal.models.told import Told
from shoal.records import AnyRecord, Definition, Ended, Reported, Started, write_params
from shoal.trial import Report

SPACE = shoal.Space({"x": (0.0, 1.0)})


class Kept:
    """The steps that are kept of trial 0, by one who is told record by record."""

    def __init__(self, history: History) -> None:
        self.steps: list[int] = []
        self.told = Told(history, self._add, self._drop)

    def _add(self, number: int, report: Report | Reported) -> None:
        self.steps.append(report.step)

    def _drop(self, number: int) -> None:
        self.steps.clear()


def start(attempt: int) -> AnyRecord:
    return Started(0, write_params({"x": 0.5}), "p", 0.0, attempt=attempt)


def report(attempt: int, step: int) -> AnyRecord:
    return Reported(0, step, {"loss": 1.0 / step}, 0.0, attempt, 0.0, True)


PAUSED = [start(0), report(0, 1), Ended(0, "paused", 0.0, attempt=0, decided=True)]
LOST = [start(1), report(1, 2), Ended(0, "lost", 0.0, attempt=1)]


@pytest.mark.parametrize(
    ("records", "steps"),
    [
        ([*PAUSED, *LOST, start(2), report(2, 4), report(2, 5)], [1, 2, 4, 5]),  # it went on from where one was lost
        ([*PAUSED, *LOST, start(2), report(2, 2), report(2, 3)], [1, 2, 3]),  # … or from before that
        ([*PAUSED, *LOST, start(2), Ended(0, "done", 0.0, {"loss": 0.1}, attempt=2)], [1, 2]),  # nothing was left to do
        ([start(0), report(0, 1), Ended(0, "lost", 0.0, attempt=0), start(1), report(1, 1)], [1]),
        ([start(0), report(0, 1), report(0, 2), report(0, 3), report(0, 2)], [1, 2, 3]),
    ],
)
def test_reports_are_those_of_the_history_whenever_one_joins(records: Sequence[AnyRecord], steps: list[int]) -> None:
    history = History(Definition(name="s", space=SPACE.to_json()))
    listening = [Kept(history)]
    for record in records:
        history.fold(record)
        for kept in listening:
            kept.told.tell(record)
        listening.append(Kept(history))
        assert [kept.steps for kept in listening] == [[r.step for r in history.reports(0)]] * len(listening)
    assert listening[0].steps == steps
