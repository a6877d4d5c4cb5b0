"""What a job of a scheduler runs: ``python -m shoal.submitted FILE``, its set-up and then some peers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from shoal.engines.submission import Order, set_up, submit
from shoal.errors import ShoalError, StudyError

if TYPE_CHECKING:
    from shoal import Study

T = TypeVar("T")
PAUSES: Final = (1.0, 5.0, 20.0, 60.0)  # seconds before a server that is away is asked again


def main(arguments: list[str]) -> int:
    """Run the peers of a job; returns its exit status. A shell does the set-up first, and runs this again."""
    file = Path(urlsafe_b64decode(arguments[0] + "==").decode())
    order = msgspec.json.decode(file.read_bytes(), type=Order)
    if len(arguments) == 1:
        if order.log:
            _redirect(Path(order.log))
        os.chdir(order.folder)
        lines = set_up(order.submission)
        if lines:
            again = [sys.executable, "-m", "shoal.submitted", arguments[0], "ready"]
            os.execv("/bin/bash", ["bash", "-l", "-c", lines + '\nexec "$@"', "bash", *again])
    return _tune(order, file)


def _redirect(log: Path) -> None:
    """Have the output go to a file of the job's own."""
    log.parent.mkdir(parents=True, exist_ok=True)
    job = next((os.environ[name] for name in ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "FLUX_JOB_ID", "COBALT_JOBID")
                if os.environ.get(name)), str(os.getpid()))  # fmt: skip
    with open(f"{log}-{job.replace('/', '_')}.out", "ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _tune(order: Order, file: Path) -> int:
    from shoal import Study, catalog, tune

    asked = order.submission
    _patiently("the store cannot be opened", lambda: catalog.store(order.store, create=False).close())
    known = Study.open(order.study, order.store)
    if known.reason:  # as it may be since the job was submitted
        print(f"no peer is started: {known.reason}", flush=True)
        return 0
    before = _reached(known)
    study = tune(
        name=order.study, store=order.store, workers=asked.peers_per_job, progress=True, wall_time=asked.seconds,
        grace=min(30.0, 0.1 * asked.seconds),
        gpus=float(asked.gpus_per_peer) if asked.gpus_per_peer else None,
    )  # fmt: skip
    if order.after:
        resolve_name(order.after)(study, Path(order.results))
    print(f"these peers ended: {study.ended}", flush=True)
    if asked.requeue and not study.reason:
        if _reached(study) <= before and not study.ended.startswith("interrupted"):
            print(f"no successor is submitted: no trial came any further in {asked.time}; give more --time", flush=True)
            return 1
        try:
            ids = _patiently("no successor could be submitted", lambda: submit(order, file, 1))
        except (OSError, subprocess.SubprocessError, StudyError):
            return 1
        print("a successor was submitted:", *ids, flush=True)
    return 0


def _patiently(trouble: str, work: Callable[[], T]) -> T:
    """What ``work`` returns, which may fail for a while: servers restart, and what ends here ends all successors."""
    for pause in (*PAUSES, None):
        try:
            return work()
        except (OSError, subprocess.SubprocessError, ShoalError) as error:
            print(f"{trouble}: {error}" + ("" if pause is None else f"; trying again in {pause:.0f} s"), flush=True)
            if pause is None:
                raise
            time.sleep(pause)
    raise AssertionError("it returns or raises")


def _reached(study: Study) -> tuple[int, int]:
    """How far a study has come: how many trials have ended, and how many steps those have reached that go on later."""
    trials = study.trials
    unfinished = [trial for trial in trials if trial.outcome not in ("done", "stopped", "failed")]
    return len(trials) - len(unfinished), sum(trial.reports[-1].step for trial in unfinished if trial.reports)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
