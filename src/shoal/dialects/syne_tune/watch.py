"""Ends a study by what only Syne Tune counts: it looks at the journal, and orders a stop as `shoal stop` does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from shoal.clock import RealClock
from shoal.contracts import Store
from shoal.dialects.syne_tune.stopping_criterion import StoppingCriterion
from shoal.dialects.syne_tune.tuning_status import TuningStatus
from shoal.errors import StudyError
from shoal.journal import Journal
from shoal.names import peer_name

EVERY = 0.05  # seconds between two looks


class Watch:
    """A thread that looks at a study while it is tuned. ``error`` is what a criterion of the user's own raised."""

    def __init__(self, store: Store, study: str, criterion: Callable[[TuningStatus], Any], max_failures: int) -> None:
        self._store, self._study, self._criterion, self._most = store, study, criterion, max_failures
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="syne-tune-criterion", daemon=True)
        self.error: Exception | None = None

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        clock = RealClock()
        began = clock.monotonic()
        try:
            while self._study not in self._store.studies():
                if self._over.wait(EVERY):
                    return
            journal = Journal(self._store, self._study, peer_name(), clock)
            status = TuningStatus(journal.history)
            journal.listen(status.tell)
            while not self._over.wait(EVERY):
                journal.glance()  # peers may report faster than all of it can be read
                status.wallclock_time = clock.monotonic() - began
                reason = self._reached(status)
                if reason and not journal.history.verdict():
                    journal.append(journal.history.next_order("stop", reason, clock.now()))
                    journal.flush()
                    return
        except Exception as error:  # noqa: BLE001 - raised again by the tuner
            self.error = error
            self._give_up(clock)

    def _reached(self, status: TuningStatus) -> str:
        if status.num_trials_failed > self._most:
            return f"{status.num_trials_failed} trials failed, and max_failures={self._most}"
        if isinstance(self._criterion, StoppingCriterion):
            return self._criterion.reached(status.overall_metric_statistics)
        return "the stop criterion says so" if self._criterion(status) else ""

    def _give_up(self, clock: RealClock) -> None:
        journal = Journal(self._store, self._study, peer_name(), clock)
        journal.append(journal.history.next_order("stop", f"the stop criterion failed: {self.error}", clock.now()))
        journal.flush()

    def complain(self) -> None:
        """Raise StudyError for a criterion that failed."""
        if self.error is not None:
            raise StudyError(
                "the stop criterion failed, which is called with a TuningStatus: "
                f"{type(self.error).__name__}: {self.error}"
            ) from self.error
