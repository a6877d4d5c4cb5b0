"""What is seen while a study runs: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from time import monotonic, time
from typing import TYPE_CHECKING, Any, TextIO

from shoal.history import History
from shoal.journal import Journal
from shoal.reports.text import duration, number, params_line

if TYPE_CHECKING:
    from rich.console import Group

LOG = logging.getLogger("shoal")
EVERY = 2.0  # seconds between plain lines, at first; later lines come at growing distances
SLOWEST = 60.0
SHOWN = 12  # running trials that are shown


class Progress(AbstractContextManager["Progress"]):
    """Shows a study's progress on standard error; silent with ``shown=False``."""

    def __init__(
        self, journal: Journal, shown: bool, timeout: float | None = None, stream: TextIO | None = None
    ) -> None:
        self._journal, self._timeout = journal, timeout
        self._stream = stream or sys.stderr
        self._shown = shown and self._stream is not None  # a process may have been started without one
        self.reason = ""
        self._began, self._ended_before = monotonic(), journal.history.ended
        self._next, self._distance = 0.0, EVERY
        self._stack = ExitStack()
        self._update: Callable[[Any], None] | None = None

    def __enter__(self) -> Progress:
        if self._shown and self._stream.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self._stream, markup=False, emoji=False)  # what users write is no markup
            live = Live(console=console, transient=True, auto_refresh=False)
            with self._writing():
                self._stack.enter_context(live)
            self._update = lambda view: live.update(view, refresh=True)
        elif self._shown:
            self._line(f"study {self._journal.study!r} in {self._journal.store.url}")
        if self._shown and self._journal.changes:
            self._line(f"study {self._journal.study!r} goes on with {'; '.join(self._journal.changes)}")
        for note in self._journal.history.space.idle() if self._shown else []:
            self._line(f"note: {note}")
        return self

    def __exit__(self, *problem: object) -> None:
        with self._writing():
            self._stack.close()
        if self._shown and problem[0] is None:
            self._line(f"{self.status()}; {self.reason}" if self.reason else self.status())

    def watch(self, engine: Any) -> None:
        """Show the state, and that the engine is stopping where it is."""
        if engine.stopping and not self.reason and engine.workers:
            self._next = 0.0  # say it now
            another = "another Ctrl-C" if "Ctrl-C" in engine.stopping else "Ctrl-C"
            if self._shown and self._update is None and self._journal.history.running:
                self._line(f"{engine.stopping}: waiting for running trials; {another} ends them at once")
        self.reason = engine.stopping
        self.tick()

    def say(self, text: str) -> None:
        """Show a line, if there is anything to say."""
        if self._shown and text:
            self._line(text)

    def tick(self) -> None:
        """Show the state, if it is time to."""
        now = monotonic()
        if not self._shown or now < self._next:
            return
        if self._update is not None:
            self._next = now + 0.1
            view = self._view()
            with self._writing():
                self._update(view)
            return
        if self._next:
            self._line(self.status())
            self._distance = min(self._distance * 1.3, SLOWEST)
        self._next = now + self._distance

    def _line(self, text: str) -> None:
        with self._writing():
            if self._shown:
                print(f"shoal: {text}", file=self._stream, flush=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """What is shown to no one any more, as after a pipe has closed or a disk is full, is no reason to end a study:
        the rest is left unsaid."""
        try:
            yield
        except (OSError, ValueError) as error:  # ValueError where user code has closed the stream
            self._shown = False
            LOG.warning("progress is shown no more: %s", error)

    # ------------------------------------------------------------------ what is said

    def status(self) -> str:
        """The state of the study in one line."""
        history = self._journal.history
        parts = [
            f"{history.ended:,}{'' if history.definition.trials is None else f'/{history.definition.trials:,}'} trials"
        ]
        if history.definition.done is not None:
            parts.append(f"{history.counts['done']:,}/{history.definition.done:,} done")
        if history.best is not None:
            parts.append(
                f"best {history.definition.metric} {number(history.trial(history.best).value)} (trial {history.best})"
            )
        if history.counts["failed"]:
            parts.append(f"{history.counts['failed']:,} failed")
        if history.running:
            parts.append(f"{len(history.running)} running")
        rate, left = self._rate()
        parts.append(f"{rate:.3g} trials/s" if rate >= 0.1 else f"{rate * 60:.3g} trials/min")
        if left is not None and history.running:
            parts.append(f"{duration(left)} left")
        return ", ".join(parts)

    def _rate(self) -> tuple[float, float | None]:
        """Trials a second since this began, and seconds left, where they can be known."""
        history = self._journal.history
        elapsed = max(monotonic() - self._began, 1e-9)
        rate = (history.ended - self._ended_before) / elapsed
        plan = history.definition
        ends = [] if self._timeout is None else [max(self._timeout - elapsed, 0.0)]
        if plan.trials is not None and rate > 0:
            ends.append(max(plan.trials - history.ended, 0) / rate)
        return rate, min(ends, default=None)

    def _view(self) -> Group:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        history = self._journal.history
        parts: list[Any] = [Text.assemble(("shoal ", "bold"), (self._journal.study, "bold cyan"), f"  {self.status()}")]
        if history.definition.trials:
            bar = Table.grid()
            bar.add_row(ProgressBar(history.definition.trials, history.ended, width=60))
            parts.append(bar)
        if history.best is not None:
            parts.append(
                Text(f"best: {params_line(history.trial(history.best).params)}", style="green", overflow="ellipsis")
            )
        if history.running:
            parts.append(running_table(history, Table))
        if self.reason:
            parts.append(Text(f"{self.reason}: waiting for running trials; Ctrl-C ends them at once", style="yellow"))
        return Group(*parts)


def running_table(history: History, table: Any) -> Any:
    """The running trials with their last report, the oldest first."""
    view = table(box=None, header_style="dim", padding=(0, 2, 0, 0), expand=True)
    for title, width in (("trial", 7), ("for", 11), ("last report", 42)):
        view.add_column(title, no_wrap=True, width=width)
    view.add_column("params", no_wrap=True, ratio=1)
    for running in sorted(history.running)[:SHOWN]:
        trial = history.trial(running)
        last = trial.reports[-1] if trial.reports else None
        said = "" if last is None else f"step {last.step}: {params_line(last.metrics)}"
        view.add_row(
            str(running),
            duration(None if trial.time is None else max(time() - trial.time, 0.0)),
            said,
            params_line(trial.params),
        )
    return view


def show(journal: Journal, shown: bool | None, timeout: float | None = None) -> Progress:
    """A progress view, shown unless told otherwise."""
    return Progress(journal, shown is not False, timeout)
