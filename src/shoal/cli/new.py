"""shoal new: a project, and problems inside of it."""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from shoal.errors import ShoalError

app = typer.Typer(help="Make a project, or a problem inside of one, that runs as it stands.", no_args_is_help=True)


@app.command(no_args_is_help=True)
def project(
    name: Annotated[str, typer.Argument(help="Its name, and that of its package.")],
    install: Annotated[bool, typer.Option("--install/--no-install", help="Make it importable from anywhere.")] = True,
) -> None:
    """Make a folder with a setup.py and an empty package, installed so that changes to it count at once."""
    from shoal.templates import new_project

    place = new_project(name, Path.cwd())
    typer.echo(f"{name}/\n    {name}/\n        __init__.py\n    setup.py")
    if install:
        _install(place)
    typer.echo(f"Next:\n  cd {name}/{name}\n  shoal new problem hps NAME")


@app.command(no_args_is_help=True)
def problem(
    kind: Annotated[str, typer.Argument(help="hps: hyperparameter search.")],
    name: Annotated[str, typer.Argument(help="Its name, and that of its package.")],
) -> None:
    """Make a problem in the package that is the working directory: a regression, to be changed into yours."""
    from shoal.templates import PROBLEM, new_problem, package_of

    refuse_nas(kind)
    place = new_problem(name, Path.cwd())
    typer.echo(f"{name}/")
    for module in PROBLEM:
        typer.echo(f"    {module}.py")
    root, package = package_of(place)
    if importlib.util.find_spec(package.partition(".")[0]) is None:  # a project that was made with --no-install
        typer.echo(f"Once, so that it can be imported:\n  python -m pip install -e {shlex.quote(str(root))}")
    typer.echo(f"Next, in {place.name}:\n  python load_data.py\n  python default_config.py\n  python problem.py")


def refuse_nas(kind: str) -> None:
    """Of DeepHyper's two kinds of search, Shoal has one."""
    if kind == "nas":
        raise ShoalError(
            "nas: Shoal has no search of architectures of its own; make what may vary a hyperparameter, such as a "
            "choice for each layer, and use hps"
        )
    if kind != "hps":
        raise ShoalError(f"{kind!r:.100}: the kind of a problem is hps, hyperparameter search")


def _install(place: Path) -> None:
    """Install a project in place. Offline this needs setuptools, which is fetched where it is not there."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    ways = [["--no-build-isolation"]] if importlib.util.find_spec("setuptools") else []
    said = ""
    for way in [*ways, []]:
        done = subprocess.run([*pip, *way, "--editable", str(place)], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        said = said or done.stderr
    lines = [line for line in said.splitlines() if line.strip()]
    raise ShoalError(
        f"{place} was made, but pip could not install it: {(lines or ['it said nothing'])[-1]:.300}\n"
        f"Try `{sys.executable} -m pip install -e {place}` by hand. From inside of it, `shoal hps` works without."
    )
