"""One environment for each tool that Shoal is compared with, made when first needed and kept in a cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENTS: Mapping[str, Sequence[str]] = {  # the first is the tool itself, with its version
    "optuna": ["optuna==5.0.0"],
    "optuna-rdb": ["optuna==5.0.0", "psycopg[binary]"],
    "optuna-gp": ["optuna==5.0.0", "scipy", "torch"],
    "optuna-cma": ["optuna==5.0.0", "cmaes"],
    "rustuna": ["rustuna==0.2.0"],
    "syne-tune": ["syne-tune==0.16.0"],
    "syne-tune-botorch": ["syne-tune==0.16.0", "botorch"],
    "smac": ["smac==2.4.0", "scikit-learn==1.6.1"],
    "deephyper": ["deephyper==0.13.0"],
    "nevergrad": ["nevergrad==1.0.12", "numpy==1.26.4"],
    "hebo": [
        "HEBO==0.3.6",
        "numpy==1.24.4",
        "pandas==2.0.3",
        "scikit-learn==1.3.2",
        "scipy==1.11.4",
        "GPy==1.13.2",
        "matplotlib==3.7.5",
        "catboost==1.2.7",
        "gpytorch==1.14",
    ],
    "ax": ["ax-platform==1.3.1"],
    "propulate": ["propulate==1.2.2", "mpich"],
    "torch": ["torch==2.13.0", "lightning", "torchmetrics", "mpich", f"{ROOT}[mpi,examples]"],
}
BESIDE_SHOAL = ("torch",)  # whose scripts use the Shoal of this checkout; what is installed there is what it needs
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "shoal-benchmarks"


def variable(tool: str) -> str:
    """The environment variable that names a ready-made environment of a tool, such as SHOAL_BENCH_ENV_SYNE_TUNE."""
    return f"SHOAL_BENCH_ENV_{tool.upper().replace('-', '_')}"


def python_of(tool: str, say: Callable[[str], None] = lambda text: None) -> str:
    """The interpreter of a tool's environment, which is created if need be; Shoal's own is the one that runs this.

    Raises RuntimeError where the environment holds another version than the one that figures are given for.
    """
    if tool == "shoal":
        return sys.executable
    given = os.environ.get(variable(tool))
    name, _, version = REQUIREMENTS[tool][0].partition("==")
    folder = Path(given) if given else CACHE / f"{tool}-{version}"
    python = folder / "bin" / "python"
    if not given and not (folder / "ready").exists():
        say(f"creating the environment of {tool} in {folder}")
        _create(folder, python, REQUIREMENTS[tool])
    _check(tool, python, name, version)
    return str(python)


def _create(folder: Path, python: Path, requirements: Sequence[str]) -> None:
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pip could not install {' '.join(requirements)}:\n{done.stderr[-2000:]}")
    (folder / "ready").touch()


def _check(tool: str, python: Path, name: str, wanted: str) -> None:
    if not python.exists():
        raise RuntimeError(f"there is no {python}; {variable(tool)} must name a virtual environment that holds {tool}")
    question = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run([str(python), "-c", question], capture_output=True, text=True, check=False)
    found = done.stdout.strip().partition("+")[0] or "nothing"  # torch's versions say for which device they are
    if found != wanted:
        raise RuntimeError(f"{python} has {name} {found}, but the figures are for {wanted}")
