"""Reports in a stream of bytes: JSON lines on the pipe, and marked lines on standard output."""

from __future__ import annotations

import json
import math
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
    if metrics is None and len(line.encode()) >= LONGEST:
        raise ObjectiveError("a report must be shorter than 1 MiB; write what is longer to a file")
    if not isinstance(metrics, dict) or not metrics:
        raise ObjectiveError(
            f'a report must be a JSON object of metrics, such as {{"loss": 0.1}}; got {line[start:]!r:.200}'
        )
    return metrics, end


class Steps:
    """Numbers the reports of an attempt: by their ``step``, ``epoch``, or whatever else is ``counted``, where that is
    whole; else one more than before. One of which a report came amid an epoch, as 2.5, has all that follow counted, and
    keeps what they say: else those at whole epochs would count as repeated.

    >>> steps = Steps("epoch")
    >>> [steps({"epoch": epoch, "loss": 1.0}) for epoch in (0.5, 1.0)]
    [(1, {'epoch': 0.5, 'loss': 1.0}), (2, {'epoch': 1.0, 'loss': 1.0})]
    """

    def __init__(self, counted: str = "step", before: int = 0) -> None:
        self._names, self._before, self._amid = ("step", "epoch", counted), before, False

    def __call__(self, metrics: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """The step of a report, and its other metrics."""
        for name in self._names:
            step = metrics.get(name)
            if isinstance(step, (int, float)) and not isinstance(step, bool) and math.isfinite(step):
                self._amid = self._amid or step != int(step)
                if not self._amid:
                    self._before = int(step)
                    return self._before, {key: value for key, value in metrics.items() if key != name}
        return self.count(), dict(metrics)

    def count(self) -> int:
        """The step of a report that names none."""
        self._before += 1
        return self._before
