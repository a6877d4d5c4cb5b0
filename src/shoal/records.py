"""The facts a journal holds: frozen, typed, plain JSON. A record is never changed or removed.

A record's identity is (trial, attempt, kind, step), of a migration (trial, at, target): what is delivered twice counts
once, and a stale peer can repeat itself but never overwrite. `Defined` and `Ordered` are about the whole study; the
highest version of each counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Literal, TypeAlias

import msgspec

from shoal.errors import StudyError
from shoal.islands import Islands

Metrics: TypeAlias = dict[str, float | int | bool | str]
Outcome: TypeAlias = Literal["done", "stopped", "paused", "failed", "lost"]
Order: TypeAlias = Literal["go", "stop", "finish"]
Goal: TypeAlias = Literal["minimize", "maximize"]


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of a trial is run, at least and at most: ``Budget("epoch", 1, 81)``, ``Budget("seconds", 30, 3600)``.

    What a report has spent is its metric of that name, or its step where it has none; "seconds" are measured.
    """

    name: str
    least: float
    most: float

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise StudyError(
                f"a budget needs the name of what is spent, as in Budget('epoch', 1, 81); got {self.name!r}"
            )
        end: Any
        for end in (self.least, self.most):
            if isinstance(end, bool) or not isinstance(end, Real):
                raise StudyError(f"budget {self.name!r}: {end!r} is no number; as in Budget('epoch', 1, 81)")
        if not 0 < self.least <= self.most < float("inf"):
            raise StudyError(
                f"budget {self.name!r} needs 0 < least <= most, both finite, got least={self.least!r} and "
                f"most={self.most!r}; as in Budget('epoch', 1, 81)"
            )


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a study is: all that a peer must know to take part in it."""

    name: str
    space: dict[str, Any]
    metric: str = "loss"
    goal: Goal = "minimize"
    search: str = "auto"
    settings: dict[str, Any] = {}
    stopping: str = ""  # nothing said: "auto" with a budget, else "none"
    stopping_settings: dict[str, Any] = {}
    budget: Budget | None = None
    islands: Islands | None = None
    seed: int = 0
    trials: int | None = None
    done: int | None = None  # how many trials are to be done, beside those that are stopped or fail
    target: float | None = None
    patience: int | None = None
    max_failures: int | None = 10
    retries: int = 1
    trial_timeout: float | None = None
    start: list[dict[str, Any]] = []
    objective: str | list[str] | None = None
    keep_checkpoints: int | None = None
    directory: str | None = None
    files: str = ""  # its own directory in there, where another study of its name already had one; "": its name
    folder: str | None = None  # where the objective was run from at first

    def __post_init__(self) -> None:
        if self.budget is not None and self.budget.name == self.metric:
            raise StudyError(
                f"{self.metric!r} cannot be metric and budget: a budget is what a trial spends, such as epochs"
            )


class Record(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag_field="kind"):
    """One immutable fact. ``time`` is in seconds since 1970 by the writer's clock: for people to read, and
    to tell which of some reports came first, where nothing but what is learnt first depends on it."""


class Defined(Record, frozen=True, tag="defined"):
    """The study was created (version 1) or redefined."""

    version: int
    definition: Definition
    time: float


class Ordered(Record, frozen=True, tag="ordered"):
    """Someone ordered the whole study: go, stop (until the next go), or finish (there is nothing left to try)."""

    version: int
    order: Order
    reason: str
    time: float


class Started(Record, frozen=True, tag="started"):
    """An attempt at a trial began. ``definition`` is the version of the definition it was proposed under, ``thought``
    the seconds that the search took; ``until`` how much of the budget it is to use (0: all), ``source`` the trial whose
    checkpoint it begins from.

    ``params`` stay JSON text until someone looks (`read_params`): most peers never look at most trials of others.
    """

    number: int
    params: msgspec.Raw
    peer: str
    time: float
    why: str = ""
    attempt: int = 0
    definition: int = 1
    thought: float = 0.0
    until: float = 0.0
    source: int = -1


class Reported(Record, frozen=True, tag="reported"):
    """Metrics of a running trial at a step; ``seconds`` is how long it has run by then, pauses left out, and ``saved``
    whether it has saved a checkpoint, or does so when it is paused."""

    number: int
    step: int
    metrics: Metrics
    time: float
    attempt: int = 0
    seconds: float = 0.0
    saved: bool = False


class Ended(Record, frozen=True, tag="ended"):
    """How an attempt ended; ``seconds`` is its length by the peer's monotonic clock.

    ``decided``: a trial that the stopping rule paused, and that waits until the rule resumes it.
    """

    number: int
    outcome: Outcome
    time: float
    metrics: Metrics = {}
    reason: str = ""
    traceback: str = ""
    seconds: float = 0.0
    attempt: int = 0
    decided: bool = False


class Migrated(Record, frozen=True, tag="migrated"):
    """A trial went from one island to another, when trial ``at`` began on the first: ``copies`` of it, or itself. For
    a copy, the target ``retires`` one of its own (-1: none). ``place`` counts those that go to one target at once."""

    number: int
    at: int
    source: int
    target: int
    copies: bool = False
    retires: int = -1
    place: int = 0


AnyRecord: TypeAlias = Defined | Ordered | Started | Reported | Ended | Migrated

_encoder = msgspec.json.Encoder()
_params = msgspec.json.Decoder(dict[str, Any])
_decoder = msgspec.json.Decoder(list[AnyRecord])


def encode(records: Sequence[AnyRecord]) -> bytes:
    """Records as a JSON array. What UTF-8 has no signs for, as in names of files that are no text, is escaped."""
    try:
        return _encoder.encode(records)
    except UnicodeEncodeError:
        return _encoder.encode([_escaped(record) for record in records])


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_escaped(key): _escaped(item) for key, item in value.items()}
    if isinstance(value, msgspec.Struct):
        fields = {name: _escaped(getattr(value, name)) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    return value


def decode(data: bytes | str) -> list[AnyRecord]:
    """The way back from `encode`. Raises msgspec.ValidationError or DecodeError for what is no array of records."""
    return _decoder.decode(data)


def write_params(params: Mapping[str, Any]) -> msgspec.Raw:
    """Params as a record holds them."""
    return msgspec.Raw(_encoder.encode(params))


def read_params(text: msgspec.Raw) -> dict[str, Any]:
    """The way back from `write_params`."""
    return _params.decode(text)
