"""Every example runs as it stands."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PARTS = ("train.py", "traincode_", "digits.py", "launch_torch.py", "objective.py", "network.py", "propulate_data.py")
PYTHON = [path for path in sorted(EXAMPLES.rglob("*.py")) if not path.name.startswith(PARTS)]  # others run the parts
FASHION = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package has it
STUDIES = sorted(EXAMPLES.rglob("*.yaml"))
TOP = re.escape("Top 1 result(s) on island 0:\n(1): [")
READS = r"best (accuracy|objective) 0\.[89]"  # of ten digits; the best by one search or another: 0.89 to 0.98
ENDS = {
    "01_digits.py": READS,
    "02_function.py": r"table: results\.csv",
    "03_ask_and_tell.py": r"best 0\.",
    "tune.py": r"best error 0\.0",
    "05_class.py": r"best R² 0\.",
    "06_spaces.py": "from JSON:      True",
    "07_own_search.py": "near trial",
    "08_budget.py": READS,
    "09_deephyper.py": READS,
    "launch_report_end.py": READS,
    "launch_asha.py": READS,
    "propulate_hpo.py": TOP,
    "propulate_hpo_native.py": r"best accuracy 0\.",
    "propulate_surrogate.py": TOP,
    "propulate_surrogate_native.py": "best loss ",
}
TORCH = sorted(name for name in ENDS if name.startswith("propulate_"))
MPIEXEC = Path(sys.executable).parent / "mpiexec"
LOOPBACK = {"HYDRA_IFACE": "lo", "FI_TCP_IFACE": "lo", "UCX_NET_DEVICES": "lo", "UCX_LOG_LEVEL": "error"}
FEW = {"IMAGES": "40", "EPOCHS": "2", "OMP_NUM_THREADS": "1"}  # that a network is trained with


def needs_torch(name: str) -> None:
    for module in ("torch", "mpi4py", *(("lightning", "torchmetrics") if "hpo" in name else ())):
        if find_spec(module) is None:
            pytest.skip(f"{name} needs {module}")


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.name)
def test_an_example_runs_and_finds_what_it_says(path: Path) -> None:
    if path.name in TORCH:
        needs_torch(path.name)
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, check=False, timeout=240, env={**os.environ, **FEW}
    )
    assert done.returncode == 0, done.stderr
    assert re.search(ENDS[path.name], done.stdout)


@pytest.mark.parametrize("name", TORCH)
@pytest.mark.parametrize("mpi", [False, True], ids=["local", "mpi"])
def test_propulate_s_tutorials_run_on_four_peers(name: str, mpi: bool) -> None:
    needs_torch(name)
    if mpi and not MPIEXEC.exists():
        pytest.skip("no mpiexec beside this Python: pip install mpich mpi4py")
    native = "native" in name
    size = ["--trials", "8"] if native else ["--generations", "2"]
    more = ["--engine", "mpi"] if mpi and native else [] if mpi else ["--workers", "4"]
    done = subprocess.run(
        [*([str(MPIEXEC), "-n", "4"] if mpi else []), sys.executable, str(EXAMPLES / name), *size, *more],
        capture_output=True, text=True, check=False, timeout=240, env={**os.environ, **LOOPBACK, **FEW},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(ENDS[name], done.stdout)
    assert "8/8 trials" in done.stderr


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
