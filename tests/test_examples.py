"""Every example runs as it stands."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PARTS = ("train.py", "traincode_", "digits.py", "launch_torch.py", "objective.py", "network.py")
PYTHON = [path for path in sorted(EXAMPLES.rglob("*.py")) if not path.name.startswith(PARTS)]  # others run the parts
FASHION = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package has it
STUDIES = sorted(EXAMPLES.rglob("*.yaml"))
ENDS = {
    "01_digits.py": "best accuracy 0.9",
    "02_function.py": "table: results.csv",
    "03_ask_and_tell.py": "best 0.",
    "tune.py": "best error 0.0",
    "05_class.py": "best R² 0.",
    "06_spaces.py": "from JSON:      True",
    "07_own_search.py": "near trial",
    "08_budget.py": "best accuracy 0.9",
    "09_deephyper.py": "best objective 0.9",
    "launch_report_end.py": "best accuracy 0.9",
    "launch_asha.py": "best accuracy 0.9",
}


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.name)
def test_an_example_runs_and_finds_what_it_says(path: Path) -> None:
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert ENDS[path.name] in done.stdout


def test_the_tutorial_s_own_script_runs_on_fashion_mnist(folder: Path) -> None:
    pytest.importorskip("torchvision")
    raw = folder / "FashionMNIST" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for path in FASHION.glob("*-ubyte.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    if not any(raw.iterdir()):
        pytest.skip(f"FashionMNIST is not in {FASHION}")
    words = [sys.executable, str(EXAMPLES / "10_syne_tune" / "launch_torch.py"), "--trials", "1", "--workers", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "best config (0, " in done.stdout


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.name)
def test_a_study_file_runs(path: Path, folder: Path) -> None:
    words = [sys.executable, "-m", "shoal", "tune", str(path), "--store", str(folder / "study.db"), "--trials", "6"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "Best accuracy: 0." in done.stdout
    assert "shoal top digits -k 5 --store study.db" in done.stdout or "--store" in done.stdout
