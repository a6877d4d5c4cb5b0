"""One peer's process as its supervisor sees it: started, told to stop, killed with all that it started."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shoal.engines.slot import Slot
from shoal.errors import StudyError
from shoal.names import signal_name

SECONDS = struct.Struct("!d")  # the only order after the first: to end, within so many
ENTRY = "shoal.worker"  # by name: engines start the loop, they do not import it


class WorkerProcess:
    """Runs ``python -m shoal.worker``. The order goes in by a pipe that stays open: when it closes, the peer ends
    itself."""

    def __init__(
        self, peer: str, order: Mapping[str, Any], code: bytes, environment: Mapping[str, str], log: Path
    ) -> None:
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            log.touch()
        except OSError as error:
            raise StudyError(
                f"cannot write the files of the study in {log.parent}: {error.strerror}; "
                "directory= (--directory) names another place"
            ) from None
        self.peer, self.log = peer, log
        self.slot = Slot()
        self.killed_for = ""
        self.recalled = False  # told to stop so that another takes its place
        self.killed_in = (-1, -1)  # the trial and attempt that it was killed for
        self._events, theirs = os.pipe()
        os.set_blocking(self._events, False)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", ENTRY, str(theirs), str(self.slot.descriptor)],
                stdin=subprocess.PIPE, stdout=output, stderr=output, pass_fds=[theirs, self.slot.descriptor],
                start_new_session=True, env=dict(environment),
            )  # fmt: skip
        os.close(theirs)
        self._said = b""
        head = json.dumps(order).encode()
        with contextlib.suppress(BrokenPipeError):  # it died at once; its exit status says so
            self._write(struct.pack("!II", len(head), len(code)) + head + code)

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def stop(self, seconds: float) -> None:
        with contextlib.suppress(BrokenPipeError, ValueError):
            self._write(SECONDS.pack(seconds))

    def kill(self, reason: str) -> None:
        """Kill the process with its whole group; what its launcher started dies with it."""
        if not self.killed_for:
            self.killed_for, self.killed_in = reason, self.slot.read()[:2]
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def poll(self) -> int | None:
        return self._process.poll()

    def now(self) -> tuple[int, int, float]:
        return self.slot.read()

    def events(self) -> dict[str, str]:
        """What the peer said of itself so far: ready, error, reason."""
        with contextlib.suppress(BlockingIOError):
            while part := os.read(self._events, 65_536):
                self._said += part
        said: dict[str, str] = {}
        for line in self._said.splitlines():
            with contextlib.suppress(ValueError):  # a line that was cut off by its death
                said.update(json.loads(line))
        return said

    def ended_how(self) -> str:
        """How the process ended, in words."""
        code = self._process.returncode
        if code >= 0:
            return f"its process ended with exit status {code}"
        name = signal_name(-code)
        hints = {"SIGSEGV": ", a segmentation fault", "SIGKILL": ", as the system does when memory runs out"}
        return f"its process was killed by {name}{hints.get(name, '')}"

    def last_words(self) -> str:
        tail = self.log.read_bytes()[-2000:].decode(errors="replace").strip()
        return f"the log {self.log} ends with:\n{tail}"

    def close(self) -> None:
        """Let go of what belongs to a process that has ended."""
        with contextlib.suppress(BrokenPipeError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)  # stragglers of its group
        os.close(self._events)
        self.slot.close()
