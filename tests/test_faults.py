"""Processes that are really killed, disks that are really full: nothing that ended is lost, nothing counts twice."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import shoal
from conftest import alive, wait_until
from shoal.engines.supervisor import KILLED
from shoal.records import Ended, Started
from shoal.study import LEASE, Study

SLOW = """
import os, sys, time
import shoal

def train(params):
    open(f"{os.getpid()}.pid", "w").write(str(os.getpid()))
    time.sleep(0 if os.path.exists("go") else 0.05)
    return params["x"]

if __name__ == "__main__":
    shoal.tune(train, {"x": (0.0, 1.0)}, trials=1000, workers=3, name="slow", search="genetic", seed=1,
               progress=False, grace=5)
"""


def workers_of(pid: int) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(pid).children():
        with contextlib.suppress(psutil.Error):  # it died meanwhile
            if "shoal.worker" in " ".join(child.cmdline()):
                found.append(child)
    return found


@contextlib.contextmanager
def peers_killed(every: float, most: int = KILLED - 5) -> Iterator[list[int]]:
    """While entered, kills a peer of this process every so many seconds; the numbers of the killed processes.

    On a busy machine all may be struck before they are ready, after which a study gives up: hence ``most``.
    """
    ended, killed, dice = threading.Event(), list[int](), random.Random(0)

    def kill_now_and_then() -> None:
        while len(killed) < most and not ended.wait(every):
            if found := sorted(workers_of(os.getpid()), key=lambda worker: worker.pid):
                with contextlib.suppress(psutil.Error):
                    (victim := dice.choice(found)).kill()
                    killed.append(victim.pid)

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        yield killed
    finally:
        ended.set()
        killer.join()


def nap(params: dict[str, float]) -> float:
    time.sleep(0.02)
    return params["x"]


def outcomes(study: Study) -> Counter[int]:
    """How often each trial ended for good, by the journal itself."""
    records, _ = study._journal.store.read(study.name, 0)
    return Counter(record.number for record in records if isinstance(record, Ended) and record.outcome == "done")


def test_peers_killed_at_random_cost_no_trial_and_repeat_none() -> None:
    with peers_killed(every=0.25) as killed:
        study = shoal.tune(
            nap, {"x": (0.0, 1.0)}, trials=300, workers=4, name="hunted", seed=0, retries=9, progress=False
        )
    assert len(killed) >= 3
    assert [trial.number for trial in study.trials] == list(range(300))
    assert {trial.outcome for trial in study.trials} == {"done"}
    assert set(outcomes(study).values()) == {1}


def begin(script: str) -> subprocess.Popen[bytes]:
    Path("slow.py").write_text(script)
    with open("said", "w") as said:
        return subprocess.Popen([sys.executable, "slow.py"], stderr=said)


def ended_so_far() -> int:
    try:
        return len([trial for trial in Study.open("slow").trials if trial.outcome == "done"])
    except shoal.StoreError:
        return 0


def test_a_supervisor_killed_with_9_leaves_nothing_running_and_its_study_goes_on() -> None:
    supervisor = begin(SLOW)
    wait_until(lambda: ended_so_far() > 30)
    peers = [worker.pid for worker in workers_of(supervisor.pid)]
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: not any(alive(pid) for pid in peers))
    before = {trial.number: trial.params for trial in Study.open("slow").trials if trial.outcome == "done"}
    assert len(peers) == 3
    assert 30 < len(before) < 1000

    Path("go").touch()
    assert subprocess.run([sys.executable, "slow.py"], check=False).returncode == 0
    study = Study.open("slow")
    assert {trial.outcome for trial in study.trials} == {"done"}
    assert len(study.trials) == 1000
    assert set(outcomes(study).values()) == {1}
    assert all(study.trials[number].params == params for number, params in before.items())


def test_a_study_without_workers_that_was_killed_with_9_is_gone_on_with_at_once() -> None:
    """Its trial is run again without waiting for the end of its lease of a minute."""
    killed = begin(SLOW.replace("workers=3", "workers=0"))
    wait_until(lambda: ended_so_far() > 10)
    killed.kill()
    killed.wait()
    Path("go").touch()
    began = time.monotonic()
    assert subprocess.run([sys.executable, "slow.py"], check=False).returncode == 0
    assert time.monotonic() - began < LEASE / 2
    assert set(outcomes(Study.open("slow")).values()) == {1}
    assert len(Study.open("slow").trials) == 1000


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_lets_running_trials_end_and_the_study_goes_on_later(number: signal.Signals) -> None:
    supervisor = begin(SLOW)
    wait_until(lambda: ended_so_far() > 10)
    supervisor.send_signal(number)
    assert supervisor.wait(60) == 0
    study = Study.open("slow")
    assert {trial.outcome for trial in study.trials} <= {"done", "paused"}  # paused: it was about to begin
    before = len(study.trials)
    assert before < 1000
    Path("go").touch()
    assert subprocess.run([sys.executable, "slow.py"], check=False).returncode == 0
    assert set(outcomes(Study.open("slow")).values()) == {1}
    assert len(outcomes(Study.open("slow"))) == 1000


def test_a_second_interrupt_ends_trials_at_once_and_they_are_run_again() -> None:
    endless = SLOW.replace("0.05", "600").replace("1000", "6")
    supervisor = begin(endless.replace("progress=False, grace=5", "grace=600"))
    wait_until(lambda: len(list(Path().glob("*.pid"))) == 3)
    supervisor.send_signal(signal.SIGINT)
    wait_until(lambda: "another Ctrl-C" in Path("said").read_text())
    supervisor.send_signal(signal.SIGINT)
    supervisor.wait(120)  # and not the 600 s of its grace
    assert {trial.outcome for trial in Study.open("slow").trials} == {"paused"}
    Path("go").touch()
    assert subprocess.run([sys.executable, "slow.py"], check=False).returncode == 0
    trials = Study.open("slow").trials
    assert [trial.outcome for trial in trials] == ["done"] * 6
    assert all("lost" not in trial.reason for trial in trials)


def test_a_poisonous_trial_ends_as_failed_and_the_study_goes_on() -> None:
    study = shoal.tune(poison, {"x": (0, 9)}, search="grid", trials=10, workers=2, name="poison", progress=False)
    bad = [trial for trial in study.trials if trial.outcome != "done"]
    assert [trial.params["x"] for trial in bad] == [4]
    assert bad[0].outcome == "failed"
    records, _ = study._journal.store.read(study.name, 0)
    assert sum(isinstance(record, Started) and record.number == bad[0].number for record in records) <= 2


def poison(params: dict[str, int]) -> float:
    if params["x"] == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return params["x"]


def test_a_trial_that_dies_when_every_point_was_tried_is_still_run_again() -> None:
    study = shoal.tune(dies_once, {"x": (1, 4)}, search="grid", workers=1, name="last", progress=False)
    assert [(trial.params["x"], trial.outcome) for trial in study.trials] == [(x, "done") for x in (1, 2, 3, 4)]


def dies_once(params: dict[str, int]) -> float:
    mark = Path(f"tried-{params['x']}")
    if params["x"] == 3 and not mark.exists():
        mark.touch()
        os._exit(7)
    return params["x"]


def test_a_search_that_raises_ends_the_study_and_says_so() -> None:
    with pytest.raises(shoal.StudyError, match="the search Broken failed"):
        shoal.tune(nap, {"x": (0.0, 1.0)}, trials=3, search=Broken(), progress=False)


class Broken:
    def begin(self, history: object) -> None:
        pass

    def tell(self, record: object) -> None:
        pass

    def ask(self, number: int, rng: object) -> None:
        raise ZeroDivisionError


def test_a_study_that_is_redefined_while_it_runs_ends_by_its_new_definition() -> None:
    running = begin(SLOW)
    wait_until(lambda: ended_so_far() > 10)
    study = shoal.tune(nap, name="slow", search="random", trials=60, progress=False)
    assert running.wait(60) == 0
    assert "all 60 trials have ended" in study.ended
    assert 60 <= len(study.trials) < 1000


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounting a small disk needs root on Linux")
def test_a_full_disk_gives_a_clear_error_and_an_intact_study(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        with pytest.raises(shoal.ShoalError, match="the disk is full"):
            shoal.tune(fill, {f"x{k}": (0.0, 1.0) for k in range(20)}, trials=100_000, search="random", name="full",
                       store=f"sqlite:///{disk}/study.db", directory=folder / "files", workers=2,
                       progress=False)  # fmt: skip
        gc.collect()  # what was not closed warns
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        before = [trial for trial in Study.open("full", f"{disk}/study.db").trials if trial.outcome == "done"]
        assert before
        study = shoal.tune(
            fill, name="full", store=f"sqlite:///{disk}/study.db", trials=len(before) + 100, progress=False
        )
        assert len([trial for trial in study.trials if trial.outcome == "done"]) == len(before) + 100
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(params: dict[str, float]) -> float:
    return 0.0
