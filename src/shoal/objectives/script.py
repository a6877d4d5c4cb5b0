"""Any command as an objective: params go in as arguments, reports come out by a pipe or on standard output.

Standard output and error are kept in the trial's directory. There is never a shell.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from shoal.contracts import Answer, Paused, Running, Stopped
from shoal.errors import ObjectiveError
from shoal.names import signal_name
from shoal.objectives import launcher
from shoal.objectives.command import PARAMS_PLACE, filled, param_words, read_command
from shoal.objectives.lines import Lines, Steps, spoken_reports, written_reports
from shoal.objectives.reporter import CHECKPOINT, REPORTS, UNTIL

MOST_OUTPUT = 1 << 30  # bytes; a script that prints more is stopped before it fills the disk
TAIL = 4_000  # bytes of standard error that are shown of a script that failed
CHUNK = 1 << 16
LOOK = 0.5  # seconds between looks whether the study is being stopped


class ScriptObjective:
    """A script is a trial that failed when it ends with an error, or without having reported.

    One whose trial is stopped or paused is sent SIGTERM, and SIGKILL after ``grace`` seconds, with all of its group.
    """

    def __init__(
        self, command: str | Sequence[str], preload: bool = True, scratch: str | None = None, grace: float = 30.0
    ) -> None:
        self._command, self._preload, self._grace = read_command(command), preload, grace
        self._takes_file = any(word.endswith(PARAMS_PLACE) for word in self._command.arguments)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="shoal-", dir=scratch)  # whoever gave it removes it

    def run(self, trial: Running) -> Generator[tuple[int | None, Answer], None, None]:
        own = f"reports-{trial.number}-{trial.attempt}"  # what outlives its trial reports for no other
        pipe = os.path.join(self._folder.name, own)
        environment = {**os.environ, REPORTS: pipe, "PYTHONUNBUFFERED": "1"}
        environment["SHOAL_TRIAL_DIRECTORY"] = str(trial.directory)
        environment["SHOAL_TRIAL_NUMBER"] = str(trial.number)
        environment[CHECKPOINT] = str(trial.checkpoint)
        environment[UNTIL] = str(trial.until)
        file = trial.directory / "params.json"
        words = param_words(trial.params, file, environment)
        arguments = filled(self._command.arguments, file, trial.checkpoint) + ([] if self._takes_file else words)
        self._start()
        with _Run(self._channel, pipe, trial.directory, "ab" if trial.attempt else "wb") as run:
            launcher.send(
                self._channel,
                {"kind": self._command.kind, "target": self._command.target, "arguments": arguments,
                 "words": [*self._command.head, *arguments], "environment": environment, "folder": os.getcwd()},
                run.ends,
            )  # fmt: skip
            run.let_go()
            steps, reported = Steps(trial.counted), False
            for metrics in run.reports(lambda: trial.overdue):
                reported = True
                try:
                    yield steps(metrics)
                except Paused:
                    for late in run.end(self._grace):  # its checkpoint may be of that step
                        yield steps(late)
                    raise
                except (Stopped, GeneratorExit):
                    deque(run.end(self._grace), maxlen=0)  # too late to count
                    raise
            run.check(bool(reported or trial.last or trial.attempt))

    def _start(self) -> None:
        """Start the launcher, unless it runs: it has then imported what the script imports."""
        if self._process is not None and self._process.poll() is None:
            return
        self._channel, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", launcher.__name__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()], start_new_session=True, stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(filter(None, map(str, sys.path)))},
        )  # fmt: skip
        theirs.close()
        setup = {"kind": self._command.kind, "target": self._command.target, "preload": self._preload}
        try:
            launcher.send(self._channel, setup)
            answer = launcher.receive(self._channel)
        except OSError:
            answer = None
        if answer is None:
            raise ObjectiveError("the process that starts scripts died; see the peer's log, or try preload=False")

    def close(self) -> None:
        if self._process is not None:
            self._channel.close()
            self._process.wait()
        self._folder.cleanup()


class _Run:
    """One run of a script: its pipes, its files, and how it ended."""

    def __init__(self, channel: socket.socket, pipe: str, directory: Path, mode: Literal["ab", "wb"]) -> None:
        self._channel, self._pipe, self._directory = channel, pipe, directory
        self._status: int | None = None
        self._warned = False  # whether it was asked to end
        self._written = 0
        self._waiting = selectors.DefaultSelector()
        os.mkfifo(pipe)
        self._reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self._keeper = os.open(pipe, os.O_WRONLY)  # holds the pipe open between two reports
        (out, self._out_end), (err, self._err_end) = os.pipe(), os.pipe()
        self._stack = ExitStack()
        names = {out: "stdout.txt", err: "stderr.txt"}
        self._files = {end: self._stack.enter_context((directory / name).open(mode)) for end, name in names.items()}
        self._lines = {self._reader: Lines(written_reports), out: Lines(spoken_reports)}
        for source in (self._reader, out, err):
            os.set_blocking(source, False)
            self._waiting.register(source, selectors.EVENT_READ)
        self._waiting.register(channel, selectors.EVENT_READ)

    @property
    def ends(self) -> list[int]:
        """The ends that the script writes to."""
        return [self._out_end, self._err_end]

    def let_go(self) -> None:
        """Close our copies of the script's ends."""
        for end in self.ends:
            os.close(end)
        self._out_end = self._err_end = -1

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *problem: object) -> None:
        with suppress(OSError):  # the launcher died, and the script with it
            if self._status is None:
                launcher.send(self._channel, {"kill": signal.SIGKILL.value})
            while self._status is None and (answer := launcher.receive(self._channel)) is not None:
                self._status = answer[0].get("status", self._status)
        self._waiting.close()
        os.unlink(self._pipe)
        for descriptor in [self._reader, self._keeper, *(end for end in self.ends if end >= 0), *self._files]:
            os.close(descriptor)
        self._stack.close()

    def reports(self, overdue: Callable[[], bool]) -> Iterator[dict[str, Any]]:
        """The metrics that the script reports, as they come, until it has ended; one that would be killed soon is asked
        to."""
        while self._status is None:
            if not self._warned and overdue():
                self._ask()
            for key, _ in self._waiting.select(None if self._warned else LOOK):
                if key.fileobj is self._channel:
                    try:
                        answer = launcher.receive(self._channel)
                    except OSError:
                        answer = None
                    if answer is None:
                        raise ObjectiveError("the process that started the script died; see the peer's log")
                    self._status = answer[0]["status"]
                else:
                    yield from self._read(key.fd)
        for source in (self._reader, *self._files):
            yield from self._read(source, last=True)

    def _ask(self) -> None:
        """Ask the script to end, once: a second signal would come amid its saving."""
        if not self._warned:
            self._warned = True
            launcher.send(self._channel, {"kill": signal.SIGTERM.value})

    def end(self, grace: float) -> Iterator[dict[str, Any]]:
        """Ask the script to end, and tell what it still reports; what has not ended by then is killed on leaving."""
        self._ask()
        deadline = monotonic() + grace
        while self._status is None and (left := deadline - monotonic()) > 0:
            for key, _ in self._waiting.select(left):
                if key.fileobj is self._channel:
                    answer = launcher.receive(self._channel)
                    if answer is None:
                        return
                    self._status = answer[0]["status"]
                else:
                    yield from self._read(key.fd)

    def _read(self, source: int, last: bool = False) -> Iterator[dict[str, Any]]:
        """What there is to read of one source; all of it when ``last``."""
        while True:
            try:
                data = os.read(source, CHUNK)
            except BlockingIOError:
                break
            if not data:
                if not last:
                    self._waiting.unregister(source)
                break
            self._keep(source, data)
            if source in self._lines:
                yield from self._lines[source].feed(data)
            if not last:
                return
        if last and source in self._lines:
            torn = suppress(ObjectiveError) if self._status else nullcontext()  # of a crash amid a line, tell the crash
            with torn:
                yield from self._lines[source].feed(b"\n")

    def _keep(self, source: int, data: bytes) -> None:
        if source in self._files:
            self._files[source].write(data)
            self._written += len(data)
            if self._written > MOST_OUTPUT:
                raise ObjectiveError(f"the script printed more than {MOST_OUTPUT >> 20:,} MiB and was stopped")

    def check(self, reported: bool) -> None:
        """Raise ObjectiveError where the script failed, or never reported; Paused where it was asked to end so."""
        for file in self._files.values():
            file.flush()
        if self._warned:
            raise Paused("interrupted")  # also where it ended well: it may have saved its state
        if self._status:
            code = self._status
            ended = f"was killed by {signal_name(-code)}" if code < 0 else f"ended with exit status {code}"
            error = (self._directory / "stderr.txt").read_bytes()[-TAIL:].decode(errors="replace").strip()
            last = f": {error.splitlines()[-1]}" if error else ""
            raise ObjectiveError(f"the script {ended}{last}"[:2000], error)
        if not reported:
            raise ObjectiveError(
                "the script ended without a report; add `from shoal import report` and `report(loss=...)`, "
                'or print lines of the form [tune-metric]: {"loss": 0.1}'
            )
