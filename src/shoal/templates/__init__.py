"""What `shoal new` writes: a project, an installable package, and problems inside of it that run as they stand."""

from __future__ import annotations

import importlib.util
import keyword
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from shoal.errors import ShoalError

PROBLEM = ("__init__", "load_data", "model_run", "problem", "default_config", "best_config")


def new_project(name: str, parent: Path) -> Path:
    """Write ``parent/name/``: setup.py, and the package ``name`` with nothing but an ``__init__.py``.

    Raises ShoalError for a name that no package may have, and where something of that name is there.
    """
    _check(name, "project")
    place = parent / name
    if not place.exists() and importlib.util.find_spec(name) is not None:
        raise ShoalError(f"a package {name!r} is installed already, and would be hidden: choose another name")
    _write(place, "project", {"setup.py": "setup.py", f"{name}/__init__.py": "__init__.py"}, {"project": name})
    return place


def new_problem(name: str, folder: Path) -> Path:
    """Write the subpackage ``name`` of the package that the folder is.

    Raises ShoalError for a name that no package may have, where something of that name is there, and outside of a
    package.
    """
    _check(name, "problem")
    package = package_of(folder)[1]
    if not package:
        inner = [path.parent.name for path in sorted(folder.glob("*/__init__.py"))]
        way = f"cd {inner[0]}" if inner else "`shoal new project NAME` makes one; cd NAME/NAME"
        raise ShoalError(f"{folder} is no package, and a problem is made inside of one: {way}, and try again")
    place = folder / name
    wanted = {f"{module}.py": f"{module}.py" for module in PROBLEM}
    _write(place, "problem", wanted, {"problem": name, "package": f"{package}.{name}"})
    return place


def package_of(folder: Path) -> tuple[Path, str]:
    """The first folder above that is no package, and the dotted name of this one from there; empty where it is none."""
    names: list[str] = []
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(names)


def _check(name: str, what: str) -> None:
    if not name.isidentifier() or not name.isascii() or keyword.iskeyword(name) or name.startswith("__"):
        raise ShoalError(
            f"a {what} is a Python package, so its name has letters, digits and underscores alone and is no word of "
            f"Python's own; got {name!r:.100}"
        )


def _write(place: Path, kind: str, wanted: Mapping[str, str], words: Mapping[str, str]) -> None:
    if place.exists():
        raise ShoalError(f"{place} is there already: choose another name, or remove it")
    try:
        for target, source in wanted.items():
            text = (files(__name__) / kind / f"{source}.txt").read_text(encoding="utf-8")
            path = place / target
            os.makedirs(path.parent, exist_ok=True)
            path.write_text(Template(text).substitute(words), encoding="utf-8")
    except OSError as error:
        raise ShoalError(f"cannot write {place}: {error.strerror or error}") from None
