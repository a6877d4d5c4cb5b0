"""Reports in a stream of bytes: JSON lines on the pipe, and marked lines on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shoal.errors import ObjectiveError
from shoal.objectives.reporter import PREFIX

LONGEST = 1 << 20  # bytes of a line that may hold a report; of a longer one only the end is looked at
_decoder = json.JSONDecoder()


class Lines:
    """Cuts a stream into lines and reads each; what is kept of an endless line is bounded."""

    def __init__(self, read: Callable[[str], Iterator[dict[str, Any]]]) -> None:
        self._read, self._rest = read, b""

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-LONGEST:]
        for line in lines:
            yield from self._read(line.decode(errors="replace"))


def written_reports(line: str) -> Iterator[dict[str, Any]]:
    """The report on a line of the pipe, which `shoal.report` writes."""
    if line.strip():
        yield _object(line, 0)[0]


def spoken_reports(line: str) -> Iterator[dict[str, Any]]:
    """The reports of the form ``[tune-metric]: {json}`` on a line of standard output; there may be several."""
    place = line.find(PREFIX)
    while place >= 0:
        start = place + len(PREFIX)
        metrics, end = _object(line, start + len(line[start:]) - len(line[start:].lstrip()))
        yield metrics
        place = line.find(PREFIX, end)


def _object(line: str, start: int) -> tuple[dict[str, Any], int]:
    try:
        metrics, end = _decoder.raw_decode(line, start)
    except ValueError:
        metrics, end = None, start
    if not isinstance(metrics, dict) or not metrics:
        raise ObjectiveError(
            f'a report must be a JSON object of metrics, such as {{"loss": 0.1}}; got {line[start:]!r:.200}'
        )
    return metrics, end


def step_of(metrics: Mapping[str, Any], before: int, counted: str = "step") -> tuple[int, dict[str, Any]]:
    """The step of a report (its ``step``, ``epoch``, or whatever else is ``counted``; else one more than before) and
    its metrics."""
    for name in ("step", "epoch", counted):
        step = metrics.get(name)
        if isinstance(step, (int, float)) and not isinstance(step, bool) and step == step // 1:
            return int(step), {key: value for key, value in metrics.items() if key != name}
    return before + 1, dict(metrics)
