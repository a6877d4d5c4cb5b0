"""A disk that fills up under a study, and has room again later. Needs root on Linux, for a small disk of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.crew import PATIENCE, Crew
from benchmarks.faults.toll import Onlooker, Toll

MIB = 3


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of 3 MiB while this is entered; None where there can be none."""
    path = folder / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MIB}m", "tmpfs", str(path)]
    if os.geteuid() or sys.platform != "linux" or subprocess.run(mount, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def filled(folder: Path, disk: Path, url: str, store: str, trials: int = 20_000) -> Toll:
    """Let a study run until its disk is full, make room, and go on. Raises RuntimeError where no one said that the disk
    was full."""
    with (
        Crew(folder, url, trials, seconds=0.0, directory=str(folder / "files")) as crew,
        Onlooker(crew, "disk full", store) as onlooker,
    ):
        crew.hurry()
        first = crew.start(workers=2)
        first.wait(PATIENCE)
        if not first.returncode or "make room and run `shoal resume`" not in crew.said(first):
            raise RuntimeError(f"the disk was full, and the supervisor just said:\n{crew.said(first)}")
        subprocess.run(["mount", "-o", "remount,size=256m", str(disk)], check=True)
        crew.start(workers=2)
        crew.wait()
        return onlooker.toll(1)
