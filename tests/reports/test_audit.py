"""What an audit finds in a journal that something went wrong with, and that it finds nothing in one that is sound."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

import shoal
from shoal.history import History
from shoal.records import AnyRecord, Defined, Definition, Ended, Ordered, Reported, Started, write_params
from shoal.reports.audit import Audit
from shoal.study import Study

PLAN = Definition(name="s", space=shoal.Space({"x": (0.0, 1.0)}).to_json(), trials=2, goal="maximize")
FIRST = Defined(1, PLAN, 0.0)


def start(number: int, attempt: int = 0, peer: str = "p") -> Started:
    return Started(number, write_params({"x": 0.5}), peer, 0.0, attempt=attempt)


def end(number: int, attempt: int = 0, loss: float = 1.0, outcome: str = "done") -> Ended:
    return Ended(number, outcome, 0.0, {"loss": loss} if outcome == "done" else {}, attempt=attempt)  # type: ignore[arg-type]


def audited(*records: AnyRecord, folded: Sequence[AnyRecord] | None = None) -> tuple[list[str], int]:
    audit, history = Audit(), History(PLAN)
    audit.take([FIRST, *records])
    history.fold_all([FIRST, *(records if folded is None else folded)])
    return audit.problems(history), audit.late


@pytest.mark.parametrize(
    ("records", "late"),
    [
        ([], 0),
        ([start(0), end(0), start(1), Reported(1, 1, {"loss": 2.0}, 0.0), end(1, loss=-2.0)], 0),
        ([start(0), end(0), end(0), start(0)], 0),  # delivered twice
        ([end(1, outcome="paused"), end(1, outcome="stopped"), Ordered(1, "stop", "", 0.0)], 0),
        ([start(0), end(0, outcome="lost"), start(0, 1, "q"), end(0, 1, 3.0), end(0, 0, 9.0)], 1),  # woken late
        ([end(0, 1, 3.0), end(0, 0, 9.0), start(0, 1, "q"), start(0)], 1),
        ([start(0), end(0, outcome="lost"), end(0, 1, outcome="failed")], 0),
        ([start(0), start(1)], 0),
        ([Defined(2, Definition(name="s", space=PLAN.space, trials=7), 0.0), start(6), end(6)], 0),
        ([Defined(2, Definition(name="s", space=PLAN.space), 0.0), start(600), end(600)], 0),  # no limit
    ],
)
def test_in_a_sound_journal_nothing_is_wrong(records: list[AnyRecord], late: int) -> None:
    assert audited(*records) == ([], late)


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([start(0), start(0, peer="q"), end(0)], "1 trials were begun by two peers as the same attempt, such as 0"),
        ([start(1), end(1), end(1, loss=2.0)], "1 trials ended in two ways in the same attempt, such as 1"),
        ([start(1), end(1), end(1, outcome="failed")], "1 trials ended in two ways in the same attempt, such as 1"),
        ([start(2), end(2)], "1 trials are beyond the 2 that were asked for, such as 2"),
    ],
)
def test_what_cannot_be_is_named_with_a_trial(records: list[AnyRecord], problem: str) -> None:
    assert audited(*records)[0] == [problem]


@pytest.mark.parametrize(
    "folded",
    [
        [start(0), end(0, 0, 9.0)],  # the outcome of an older attempt counts
        [start(0), start(0, 1)],  # what ended is lost
        [start(0), end(0, 1, 4.0)],
        [start(0), end(0, 1, outcome="stopped")],
    ],
)
def test_a_fold_that_is_not_what_the_records_say_is_found(folded: list[AnyRecord]) -> None:
    records = [start(0), end(0, outcome="lost"), start(0, 1), end(0, 1, 3.0), end(0, 0, 9.0)]
    assert audited(*records)[0] == []
    assert audited(*records, folded=folded)[0] == ["1 trials do not count as their latest attempt ended, such as 0"]


def test_doctor_tells_of_late_ends_and_of_what_is_wrong() -> None:
    study = shoal.tune(lambda params: params["x"], {"x": (0.0, 1.0)}, trials=3, workers=0, name="s", progress=False)
    store = study._journal.store
    store.append("s", "p", [start(1, 1, "q"), end(1, 1, 0.5)])
    said = doctor()
    assert (said.returncode, said.stderr) == (0, "")
    assert "3 ended, 1 more ends of attempts that others had taken over, which do not count, sound" in said.stdout
    store.append("s", "p", [start(0, 0, "thief"), start(3), end(3)])
    said = doctor()
    assert said.returncode == 1
    assert "problem: study 's': 1 trials were begun by two peers as the same attempt, such as 0" in said.stderr
    assert "problem: study 's': 1 trials are beyond the 3 that were asked for, such as 3" in said.stderr
    assert Study.open("s").trials[1].value == 0.5


def doctor() -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "shoal", "doctor", "s"], capture_output=True, text=True, check=False)
