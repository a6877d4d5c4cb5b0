"""Studies whose folder was copied or moved."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shoal import Study

SHOAL = [sys.executable, "-m", "shoal"]
SCRIPT = """
import argparse
from pathlib import Path
import shoal
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
x = parser.parse_args().x
state = Path(shoal.checkpoint_dir()) / "state"
shoal.report(loss=x, taken=float(state.exists()), who=1)
state.write_text(str(x))
"""


def shoal(place: Path, *words: str) -> str:
    done = subprocess.run([*SHOAL, *words], cwd=place, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def begun(folder: Path) -> Path:
    """A folder with a script and two of its trials."""
    place = folder / "one"
    place.mkdir()
    (place / "train.py").write_text(SCRIPT)
    shoal(place, "tune", "train.py", "-p", "x=uniform(0, 1)", "-n", "2", "--name", "s", "--search", "random", "-q")
    return place


def test_a_copy_has_files_and_scripts_of_its_own_and_leaves_those_of_the_original(begun: Path) -> None:
    copy = begun.parent / "two"
    shutil.copytree(begun, copy)
    (copy / "train.py").write_text(SCRIPT.replace("who=1", "who=2"))
    shoal(begun, "resume", "s", "-n", "5", "-q")
    files = begun / "shoal.files" / "s"
    kept = {path: path.read_bytes() for path in files.rglob("*") if path.is_file()}
    assert f"files {files} → {copy / 'shoal.files' / 's'}" in shoal(copy, "resume", "s", "-n", "5")
    trials = Study.open("s", str(copy / "shoal.db")).trials
    assert [trial.metrics["who"] for trial in trials] == [1, 1, 2, 2, 2]
    assert [trial.metrics["taken"] for trial in trials] == [0.0] * 5
    assert (copy / "shoal.files" / "s" / "000004").is_dir()
    shoal(copy, "rm", "s", "--yes")
    assert not (copy / "shoal.files" / "s").exists()
    assert {path: path.read_bytes() for path in files.rglob("*") if path.is_file()} == kept


def test_a_folder_that_was_moved_goes_on_with_the_files_that_it_took_along(begun: Path) -> None:
    place = begun.rename(begun.parent / "elsewhere")
    shoal(place, "resume", "s", "-n", "4", "-q")
    assert not begun.exists()
    assert {path.name for path in (place / "shoal.files" / "s").iterdir() if path.name.isdecimal()} == {
        f"{number:06d}" for number in range(4)
    }
    assert shoal(place, "resume", "s", "-n", "5").count("→") == 1  # the trials alone: it lies where it did


def test_another_path_to_the_same_folder_is_no_move(begun: Path) -> None:
    link = begun.parent / "link"
    link.symlink_to(begun)
    assert shoal(link, "resume", "s", "-n", "4").count("→") == 1  # the trials alone
    assert Study.open("s", str(begun / "shoal.db"))._journal.history.definition.directory == str(begun / "shoal.files")


@pytest.mark.parametrize("name", ["müller", "a'b", "50%41", "what?", "c#"])
def test_files_lie_beside_the_store_whatever_the_folder_is_called(name: str, begun: Path) -> None:
    place = begun.rename(begun.parent / name)
    assert f"files in {place / 'shoal.files' / 's'}" in shoal(place, "resume", "s", "-n", "3", "-q")
    assert {path.name for path in begun.parent.iterdir()} == {name}
    assert "3/3" in shoal(place, "status")
