"""Stores that lie where nothing may be written: on a file system that is mounted for reading alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import shoal

MOUNT = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" "$0" && cd "$0" && exec "$@"'
OWN = ["unshare", "--map-root-user", "--mount", "sh", "-c", MOUNT]  # a mount that no one else sees


def read_only(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What a command comes to where the folder, in which it runs, can only be read."""
    try:
        subprocess.run([*OWN, str(folder), "true"], check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this machine has no mounts for processes of their own: {error}")
    shoal = [*OWN, str(folder), sys.executable, "-m", "shoal"]
    return subprocess.run([*shoal, *words], capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(params=["study.db", "dir:files", "study.db, being written"])
def store(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    url, _, written = request.param.partition(",")
    study = shoal.Study({"x": (0.0, 1.0)}, search="random", store=url, name="s", trials=4, seed=0)
    for _ in range(3):
        study.tell(study.ask(), 1.0)
    study.close()
    study._journal.store.close()
    if written:
        study = shoal.Study.open("s", url)
        study.tell(study.ask(), 1.0)
        study._journal.flush()
        assert Path("study.db-wal").exists()
    yield url
    study.close()


def test_who_may_only_read_may_look(store: str, folder: Path) -> None:
    ended = f"{len(shoal.Study.open('s', store).trials)}/4"
    for words, said in (
        (["status"], ended),
        (["show", "s"], ended),
        (["top", "s"], "loss"),
        (["why", "s", "1"], "done"),
    ):
        done = read_only(folder, *words, "--store", store)
        assert done.returncode == 0, done.stderr
        assert said in done.stdout


def test_who_may_only_read_may_export_and_report_elsewhere(
    store: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for words in (["export", "s", str(elsewhere / "s.csv")], ["report", "s", "-o", str(elsewhere)]):
        done = read_only(folder, *words, "--store", store)
        assert done.returncode == 0, done.stderr
    assert (elsewhere / "s.csv").read_text().count("done") == len(shoal.Study.open("s", store).trials)
    assert (elsewhere / "optimization_history.png").exists()


def test_who_may_only_read_is_told_so_when_writing(store: str, folder: Path) -> None:
    done = read_only(folder, "stop", "s", "--store", store)
    assert done.returncode == 1
    assert done.stderr.startswith("shoal: error: ")
    assert "writable" in done.stderr
