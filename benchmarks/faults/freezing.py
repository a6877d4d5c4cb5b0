"""Peers that are frozen (SIGSTOP) in the middle of a trial, past their lease, and woken once another has run it."""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress
from pathlib import Path

from benchmarks.faults.crew import Crew
from benchmarks.faults.toll import Onlooker, Toll, ends_of

LEASE = 1.0  # seconds


def frozen(folder: Path, url: str, store: str, times: int, seed: int = 0) -> Toll:
    """Freeze one of three peers, wait until its trial has ended as another's attempt, and wake it: what it says then
    comes late, and is kept apart."""
    dice = random.Random(seed)
    with (
        Crew(folder, url, trials=200 * times, seconds=0.2, lease=LEASE) as crew,
        Onlooker(crew, "frozen past its lease", store) as onlooker,
    ):
        crew.start(workers=3)
        for _ in range(times):
            ended = onlooker.ended
            crew.until(lambda before=ended: onlooker.ended > before + 3)  # type: ignore[misc]
            number, attempt, pid = _freeze(onlooker, crew, dice)
            crew.until(lambda n=number, a=attempt: _overtaken(onlooker, n, a))  # type: ignore[misc]
            os.kill(pid, signal.SIGCONT)
            crew.until(lambda n=number, a=attempt: (n, a) in ends_of(onlooker.records()))  # type: ignore[misc]
        crew.hurry()
        crew.wait()
        return onlooker.toll(times)


def _freeze(onlooker: Onlooker, crew: Crew, dice: random.Random) -> tuple[int, int, int]:
    """Freeze a peer in the middle of a trial; returns the trial's number and attempt, and the process."""
    while True:
        crew.until(onlooker.peers)
        victim = dice.choice(onlooker.peers())
        with suppress(ProcessLookupError):
            os.kill(victim.pid, signal.SIGSTOP)
            for trial in onlooker.trials() if onlooker.writable() else ():
                if trial.outcome == "running" and trial.peer == victim.peer:
                    return trial.number, trial.attempt, victim.pid
            os.kill(victim.pid, signal.SIGCONT)  # it was between two trials, or in the middle of writing


def _overtaken(onlooker: Onlooker, number: int, attempt: int) -> bool:
    """Whether a later attempt has ended."""
    return any(
        trial.number == number and trial.outcome == "done" and trial.attempt > attempt for trial in onlooker.trials()
    )
