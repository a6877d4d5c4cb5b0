"""Peers, supervisors with all of their peers, and jobs of MPI ranks, killed with -9 at random moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from benchmarks.faults.crew import SUPERVISE, Crew
from benchmarks.faults.toll import Onlooker, Toll

EVERY = 0.25  # seconds between two kills, on average
SUPERVISORS = 0.1  # the share of kills that takes a supervisor with all of its peers
BUSY, JOINED = 0.5, 0.4  # the shares of killed peers that ran a trial, and that had joined; others may just be starting
LEASE = 10.0  # seconds, of ranks; far from what a busy machine may keep one waiting
MPIEXEC = Path(sys.executable).parent / "mpiexec"
LOOPBACK = {"HYDRA_IFACE": "lo", "FI_TCP_IFACE": "lo", "UCX_NET_DEVICES": "lo", "UCX_LOG_LEVEL": "error"}


def killed(
    folder: Path, url: str, store: str, kills: int, seed: int = 0, crews: int = 2, workers: int = 2, **options: Any
) -> Toll:
    """Kill a peer, or now and then a supervisor, again and again; another supervisor takes its place. ``options`` are
    arguments of `shoal.tune`."""
    dice, pause = random.Random(seed), threading.Event()
    crew = Crew(folder, url, trials=10 * kills, seconds=0.4, **options)
    with crew, Onlooker(crew, "kill -9", store) as onlooker:
        for _ in range(crews):
            crew.start(workers=workers)
        crew.until(lambda: onlooker.ended > 2)
        struck = 0
        while struck < kills and onlooker.ended < crew.trials:
            pause.wait(dice.expovariate(1 / EVERY))
            if dice.random() < SUPERVISORS:
                victim = dice.choice(crew.running())
                victim.kill()
                victim.wait()
                crew.start(workers=workers)
            else:
                peers, share = list[psutil.Process](), dice.random()
                crew.until(lambda found=peers, s=share: found.extend(_peers(crew, onlooker, s)) or found)  # type: ignore[misc]
                with suppress(psutil.NoSuchProcess):
                    dice.choice(peers).kill()
            struck += 1
        crew.hurry()
        crew.wait()
        return onlooker.toll(struck)


def _peers(crew: Crew, onlooker: Onlooker, share: float) -> list[psutil.Process]:
    """The peers to choose from: those that run a trial, or that have joined, or all."""
    if share > BUSY + JOINED:
        return crew.peers()
    joined = {status.pid: status.peer for status in onlooker.peers()}
    chosen = {pid for pid, peer in joined.items() if share > BUSY or peer in onlooker.busy()}
    return [peer for peer in crew.peers() if peer.pid in chosen]


def ranks_killed(folder: Path, url: str, store: str, kills: int, seed: int = 0) -> Toll:
    """Kill one rank of an MPI job, which ends the job, and have another job go on with the study."""
    dice, pause = random.Random(seed), threading.Event()
    with Crew(folder, url, trials=40 * kills, seconds=0.4) as crew, Onlooker(crew, "kill -9", store) as onlooker:
        for _ in range(kills):
            ended = onlooker.ended
            job = _start(crew)
            # what the job before has ended may be seen late, before the ranks of this one are there
            crew.until(lambda before=ended, pid=job.pid: onlooker.ended > before and _ranks(pid))  # type: ignore[misc]
            pause.wait(dice.expovariate(1 / EVERY))
            dice.choice(_ranks(job.pid)).kill()
            with suppress(ProcessLookupError):
                job.wait(60)
                os.killpg(job.pid, signal.SIGKILL)
        crew.hurry()
        _start(crew)
        crew.wait()
        return onlooker.toll(kills)


def _start(crew: Crew) -> subprocess.Popen[bytes]:
    return crew.start(1, LOOPBACK, [str(MPIEXEC), "-n", "3"], engine="mpi", lease=LEASE)


def _ranks(pid: int) -> list[psutil.Process]:
    """The ranks of a job, whose launcher has processes of its own between."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.cmdline()[1:2] == [str(SUPERVISE)]:
                found.append(process)
    return found
