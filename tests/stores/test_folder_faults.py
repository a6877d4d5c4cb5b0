"""A shared folder whose disk is full, and whose peers are killed: nothing that ended is lost, nothing counts twice."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_folder import FIRST, end, told

import shoal
from shoal.contracts import Grant
from shoal.errors import StoreError
from shoal.records import Defined, Definition, Ended
from shoal.stores.folder import FolderStore
from shoal.study import Study
from test_faults import fill, nap, outcomes, peers_killed

FULL = "(disk is full|No space left on device).*make room"


@pytest.fixture
def disk(folder: Path) -> Iterator[Path]:
    """A small disk."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("mounting a small disk needs root on Linux")
    path = folder / "disk"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)], check=False).returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def fill_up(disk: Path) -> Path:
    """Leave no byte free; returns what to remove."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    return ballast


def test_a_full_disk_is_said_and_what_was_written_stays_and_what_was_not_can_be_repeated(disk: Path) -> None:
    store = FolderStore(f"dir:{disk}/studies")
    store.create("s", FIRST)
    store.take("s", "p", 5, None)
    ballast = fill_up(disk)
    number = 0
    with pytest.raises(StoreError, match=FULL):  # noqa: PT012
        for number in range(1000):
            store.append("s", "p", end(number))
    assert told(store) == told(FolderStore(store.url)) == list(range(number))
    for _ in range(3):
        with pytest.raises(StoreError, match=FULL):
            store.append("s", "p", end(number))
    ballast.unlink()
    for again in range(number, number + 3):
        store.append("s", "p", end(again))
    assert told(store) == told(FolderStore(store.url)) == list(range(number + 3))


def test_a_full_disk_leaves_no_grant_no_claim_and_no_study_half_made(disk: Path) -> None:
    store = FolderStore(f"dir:{disk}/studies")
    store.create("s", FIRST)
    ballast = fill_up(disk)
    for call in (
        lambda: store.take("s", "p", 2, None), lambda: store.claim("s", "key", "p"), lambda: store.beat("s", "p", 9.0),
        lambda: store.create("t", Defined(1, Definition(name="t", space={}), 0.0)),
    ):  # fmt: skip
        with pytest.raises(StoreError, match=FULL):
            call()
    assert FolderStore(store.url).studies() == ["s"]
    assert not [path for path in disk.rglob("*") if path.name.startswith(".")]
    ballast.unlink()
    assert store.take("s", "p", 2, None) == Grant(0, 2)
    assert store.claim("s", "key", "p")
    assert store.create("t", FIRST)


def test_a_study_on_a_disk_that_fills_up_ends_with_an_error_and_goes_on_once_there_is_room(
    disk: Path, folder: Path
) -> None:
    where = {"store": f"dir:{disk}/studies", "name": "full", "progress": False}
    with pytest.raises(shoal.ShoalError, match=FULL):
        shoal.tune(fill, {f"x{k}": (0.0, 1.0) for k in range(20)}, trials=100_000, search="random",
                   directory=folder / "files", **where)  # fmt: skip
    subprocess.run(["mount", "-o", "remount,size=32m", str(disk)], check=True)
    before = [trial.number for trial in Study.open("full", where["store"]).trials if trial.outcome == "done"]
    assert before
    study = shoal.tune(fill, trials=len(before) + 100, **where)
    done = [trial.number for trial in study.trials if trial.outcome == "done"]
    assert len(done) == len(before) + 100
    assert set(before) <= set(done)


def test_peers_killed_at_random_cost_no_trial_and_repeat_none() -> None:
    with peers_killed(every=0.25) as killed:
        study = shoal.tune(nap, {"x": (0.0, 1.0)}, trials=200, workers=4, name="hunted", seed=0, retries=9,
                           search="random", store="dir:studies", progress=False)  # fmt: skip
    assert len(killed) >= 3
    assert study.ended == "all 200 trials have ended"
    assert [trial.number for trial in study.trials] == list(range(200))
    assert {trial.outcome for trial in study.trials} == {"done"}
    assert set(outcomes(study).values()) == {1}
    whole = Study.open("hunted", "dir:studies")
    records, _ = whole._journal.store.read("hunted", 0)
    assert sorted(r.number for r in records if isinstance(r, Ended) and r.outcome == "done") == list(range(200))
    assert not whole._journal.store.peers("hunted")
