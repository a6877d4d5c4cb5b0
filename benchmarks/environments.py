"""One environment for each tool that Shoal is compared with, made when first needed and kept in a cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from pathlib import Path

REQUIREMENTS: Mapping[str, str] = {
    "optuna": "optuna==5.0.0",
    "rustuna": "rustuna==0.2.0",
    "syne-tune": "syne-tune==0.16.0",
}
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
    folder = Path(given) if given else CACHE / REQUIREMENTS[tool].replace("==", "-")
    python = folder / "bin" / "python"
    if not given and not (folder / "ready").exists():
        say(f"creating the environment of {REQUIREMENTS[tool]} in {folder}")
        _create(folder, python, REQUIREMENTS[tool])
    _check(tool, python)
    return str(python)


def _create(folder: Path, python: Path, requirement: str) -> None:
    venv.create(folder, with_pip=True, clear=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pip could not install {requirement}:\n{done.stderr[-2000:]}")
    (folder / "ready").touch()


def _check(tool: str, python: Path) -> None:
    if not python.exists():
        raise RuntimeError(f"there is no {python}; {variable(tool)} must name a virtual environment that holds {tool}")
    question = f"from importlib.metadata import version; print(version({tool!r}))"
    done = subprocess.run([str(python), "-c", question], capture_output=True, text=True, check=False)
    found, wanted = done.stdout.strip() or "nothing", REQUIREMENTS[tool].partition("==")[2]
    if found != wanted:
        raise RuntimeError(f"{python} has {tool} {found}, but the figures are for {wanted}")
