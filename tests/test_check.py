"""scripts/check, with services and tools that only note what they are told."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import wait_until

CHECK = Path(__file__).parents[1] / "scripts" / "check"
SERVICES = """#!/bin/sh
cd "$SHOAL_SERVICES"
if [ "$1" = start ]; then
    if [ ! -e up ]; then touch up; echo "export SHOAL_SERVICES_STARTED='slurm ray'"; fi
else
    rm -f up; echo "$@" >>stopped
fi
"""
PYTHON = """#!/bin/sh
touch "$SHOAL_SERVICES/running.$WORKERS"
for _ in $(seq 600); do [ ! -e "$SHOAL_SERVICES/end.$WORKERS" ] || exit 0; sleep 0.05; done
exit 1
"""


@pytest.fixture
def place(folder: Path) -> Path:
    if shutil.which("flock") is None:
        pytest.skip("no flock here")
    for name, text in {"scripts/services": SERVICES, "bin/python": PYTHON,
                       **dict.fromkeys(("bin/ruff", "bin/mypy", "bin/lint-imports"), "#!/bin/sh")}.items():  # fmt: skip
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    shutil.copy(CHECK, folder / "scripts" / "check")
    (folder / "services").mkdir()
    return folder


def check(place: Path, name: str) -> subprocess.Popen[bytes]:
    """A check that has begun its tests."""
    env = {**os.environ, "VENV": str(place), "SHOAL_SERVICES": str(place / "services"), "WORKERS": name}
    begun = subprocess.Popen([place / "scripts" / "check"], env=env)
    wait_until(lambda: (place / "services" / f"running.{name}").exists())
    return begun


def end(place: Path, name: str, begun: subprocess.Popen[bytes]) -> None:
    (place / "services" / f"end.{name}").touch()
    assert begun.wait(30) == 0


@pytest.mark.parametrize("first", ["a", "b"])
def test_the_last_of_two_checks_stops_the_services_that_were_started(place: Path, first: str) -> None:
    begun = {name: check(place, name) for name in "ab"}
    end(place, first, begun.pop(first))
    assert not (place / "services" / "stopped").exists()
    ((last, process),) = begun.items()
    end(place, last, process)
    assert (place / "services" / "stopped").read_text() == "stop ray slurm\n"


def test_services_that_ran_before_are_left_running(place: Path) -> None:
    (place / "services" / "up").touch()
    end(place, "a", check(place, "a"))
    assert (place / "services" / "up").exists()
    assert not (place / "services" / "stopped").exists()
