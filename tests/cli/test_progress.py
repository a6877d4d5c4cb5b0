"""What a study shows while it runs, where there is no one left to show it to."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import alive, pids_in, wait_until
from shoal import Study

TUNE = [sys.executable, "-m", "shoal", "tune", "code.py:train", "-p", "x=(0.0, 1.0)", "--name", "s", "--seed", "0"]
SLOW = """
import itertools, os, pathlib, time
def train(params):
    pathlib.Path(f"{os.getpid()}.pid").write_text(str(os.getpid()))
    try:
        for epoch in itertools.count(1):
            time.sleep(0.05)
            yield 1.0
    finally:
        time.sleep(1)  # to save what it has
        pathlib.Path(f"{os.getpid()}.saved").touch()
"""


@pytest.mark.parametrize("workers", ["0", "2"])
@pytest.mark.parametrize("closed", [False, True])
def test_a_study_runs_to_its_end_where_its_progress_cannot_be_written(closed: bool, workers: str, folder: Path) -> None:
    """Standard error is a full disk, or was closed by whoever began the process."""
    (folder / "code.py").write_text("def train(params):\n    return params['x']\n")
    command = [*TUNE, "-n", "5", "--workers", workers]
    if closed:
        command = ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert "Best loss: " in done.stdout
    assert [trial.outcome for trial in Study.open("s").trials] == ["done"] * 5


def test_a_terminal_that_is_closed_ends_a_study_as_ctrl_c_does(folder: Path) -> None:
    (folder / "code.py").write_text(SLOW)
    process, terminal = pty.fork()
    if not process:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has all that it starts ignore it
        os.execv(TUNE[0], [*TUNE, "--workers", "2", "--grace", "6"])
    try:
        wait_until(lambda: len(list(folder.glob("*.pid"))) == 2)
    except AssertionError:
        os.kill(process, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
        _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) >= 0, "killed"
    assert [trial.outcome for trial in Study.open("s").trials] == ["paused"] * 2
    assert {path.stem for path in folder.glob("*.saved")} == {path.stem for path in folder.glob("*.pid")}
    assert not any(alive(pid) for pid in pids_in(folder))
