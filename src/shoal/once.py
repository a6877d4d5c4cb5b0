"""One trial of a study, in this very process: breakpoints and prints work, a crash is a crash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shoal import catalog
from shoal.beginning import address_of, begin, known
from shoal.clock import RealClock
from shoal.errors import StudyError
from shoal.joining import go_on
from shoal.peer import Peer
from shoal.pulse import Pulse
from shoal.study import LEASE, Study
from shoal.trial import Trial

HERE = ("workers", "gpus", "timeout", "grace", "preload", "lease", "engine", "wall_time", "progress", "submit")


def run_once(objective: Any, fields: Mapping[str, Any], device: str = "cpu") -> tuple[Study, Trial]:
    """Run the next trial of a study, which is begun or joined as `shoal.tune` does with the same fields.

    Raises StudyError where there is nothing left to run.
    """
    given = {key: value for key, value in fields.items() if key not in HERE}
    place = catalog.store(given.pop("store", None) or "sqlite:///shoal.db")
    name = given.pop("name", None)
    objective = known(place, name, objective)
    journal = begin(place, name, objective, given)
    go_on(journal, RealClock())
    target = catalog.objective(objective if address_of(objective) is None else address_of(objective), preload=False)
    ran: list[int] = []

    def begun(number: int, attempt: int) -> None:
        if number >= 0:
            ran.append(number)
        else:
            peer.stop("one trial was run")

    clock = RealClock()
    peer = Peer(journal, catalog.thinker(None, None, clock), target, clock, device, begun)
    try:
        with Pulse(journal, LEASE):
            for pause in peer.run():
                clock.sleep(pause)
    finally:
        journal.flush()
        journal.store.leave(journal.study, journal.writer)
        target.close()
    journal.sync()
    if not ran:
        raise StudyError(
            f"study {journal.study!r} has no trial left to run: {peer.reason}; ask for more of them (trials: in "
            "study.yaml, n_trials: in hyperparameters.yml), or give the study another name"
        )
    return Study.of(journal), journal.history.trial(ran[0])
