"""Records: plain JSON both ways, and nothing else is let in."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.errors import StudyError
from shoal.records import (
    Budget,
    Defined,
    Definition,
    Ended,
    Ordered,
    Reported,
    Started,
    decode,
    encode,
    read_params,
    write_params,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NUMBERS = st.integers(0, 2**31 - 1)
METRICS = st.dictionaries(TEXT, st.one_of(FLOATS, st.integers(-(2**53), 2**53), st.booleans(), TEXT), max_size=3)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), FLOATS, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=6,
)
PARAMS = st.dictionaries(TEXT, JSON, max_size=4)
OUTCOMES = st.sampled_from(["done", "stopped", "paused", "failed", "lost"])
RECORDS = st.one_of(
    st.builds(
        Started, number=NUMBERS, params=PARAMS.map(write_params), peer=TEXT, time=FLOATS, why=TEXT, attempt=NUMBERS
    ),
    st.builds(
        Reported, number=NUMBERS, step=st.integers(-(2**63), 2**63 - 1), metrics=METRICS, time=FLOATS, attempt=NUMBERS
    ),
    st.builds(Ended, number=NUMBERS, outcome=OUTCOMES, time=FLOATS, metrics=METRICS, reason=TEXT, traceback=TEXT),
    st.builds(Ordered, version=NUMBERS, order=st.sampled_from(["go", "stop", "finish"]), reason=TEXT, time=FLOATS),
    st.builds(
        Defined,
        version=NUMBERS,
        definition=st.builds(Definition, name=TEXT, space=PARAMS, start=st.lists(PARAMS, max_size=2)),
        time=FLOATS,
    ),
)


def plain(record: Any) -> Any:
    """A record as comparable content; raw params are compared by what they hold."""
    return json.loads(encode([record]))


@given(st.lists(RECORDS, max_size=5))
@settings(deadline=None)
def test_records_survive_json_with_their_kinds(records: list[Any]) -> None:
    again = decode(encode(records))
    assert [type(record) for record in again] == [type(record) for record in records]
    assert list(map(plain, again)) == list(map(plain, records))


@given(PARAMS)
@settings(deadline=None)
def test_params_survive_a_record_with_their_types(params: dict[str, Any]) -> None:
    [record] = decode(encode([Started(0, write_params(params), "p", 0.0)]))
    assert isinstance(record, Started)
    again = read_params(record.params)
    assert again == params
    assert json.dumps(again) == json.dumps(params)  # 1 stays an int, 1.0 a float, true a bool


def test_records_are_json_that_any_tool_can_read() -> None:
    records = [Started(3, write_params({"lr": 0.1}), "host-1", 5.0), Ended(3, "done", 6.5, {"loss": 0.25}, seconds=1.5)]
    assert json.loads(encode(records)) == [
        {"kind": "started", "number": 3, "params": {"lr": 0.1}, "peer": "host-1", "time": 5.0},
        {"kind": "ended", "number": 3, "outcome": "done", "time": 6.5, "metrics": {"loss": 0.25}, "seconds": 1.5},
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"{}", b"null", b"[1]", b'[{"kind": "begun"}]', b'[{"number": 1}]',
        b'[{"kind": "ended", "number": 1}]',
        b'[{"kind": "ended", "number": "1", "outcome": "done", "time": 0}]', b'[{"kind": "ended", "number": 1.5}]',
        b'[{"kind": "ended", "number": 1, "outcome": "great", "time": 0}]', b"\xff\xfe", b'[{"kind": "ended"',
        b'[{"kind": "reported", "number": 1, "step": 1, "metrics": {"loss": null}, "time": 0}]',
        b'[{"kind": "started", "number": 1, "params": {"a": }, "peer": "p", "time": 0}]',
        b'[{"kind": "defined", "version": 1, "time": 0, "definition": {"name": "x", "space": {}, "odd": 1}}]',
    ],
)  # fmt: skip
def test_what_is_no_array_of_records_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(data)


def test_a_record_of_a_later_shoal_may_say_more() -> None:
    [record] = decode(b'[{"kind": "ended", "number": 1, "outcome": "done", "time": 0, "colour": "red"}]')
    assert record == Ended(1, "done", 0.0)


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Ended(1, "done", 0.0).outcome = "failed"  # type: ignore[misc]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_params_that_are_no_json_do_not_come_back_as_something_else_that_passes_for_a_number(value: float) -> None:
    assert not isinstance(read_params(write_params({"x": value}))["x"], float)


def test_a_definition_says_just_what_differs_from_the_defaults() -> None:
    assert json.loads(msgspec.json.encode(Definition(name="a", space={"domains": {}}))) == {
        "name": "a",
        "space": {"domains": {}},
    }


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (("", 1, 9), "a budget needs the name of what is spent"),
        ((None, 1, 9), "a budget needs the name of what is spent"),
        (("epoch", "1", 9), "budget 'epoch': '1' is no number"),
        (("epoch", 1, None), "budget 'epoch': None is no number"),
        (("epoch", True, 9), "budget 'epoch': True is no number"),
        (("epoch", 0, 9), "budget 'epoch' needs 0 < least <= most"),
    ],
)
def test_a_budget_that_is_none_says_what_it_lacks(fields: tuple[Any, Any, Any], complaint: str) -> None:
    with pytest.raises(StudyError, match=complaint):
        Budget(*fields)


def test_the_metric_is_no_budget() -> None:
    with pytest.raises(StudyError, match="'loss' cannot be metric and budget"):
        Definition(name="s", space={}, budget=Budget("loss", 1, 9))
