"""Finding what DeepHyper's users name: ``package.module.attribute``, or a file."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shoal import catalog
from shoal.errors import ObjectiveError
from shoal.files import write_whole
from shoal.templates import package_of

ADAPTER = '''"""What the peers of a study run: written by Shoal, and safe to remove when the study has ended."""

import sys

sys.path[:0] = [folder for folder in {folders!r} if folder not in sys.path]

from shoal.dialects.deephyper.job import Evaluation  # noqa: E402

run = Evaluation({run!r}, {inactive!r}, {last!r})
'''


def load(text: str, names: Sequence[str]) -> Any:
    """The object at ``package.module.attribute``, ``package.module:attribute`` or, by one of the names, in a file.

    The package that the working directory belongs to is found without being installed. Raises ObjectiveError where
    there is none, or it cannot be imported.
    """
    root = str(package_of(Path.cwd())[0])
    if root not in sys.path:
        sys.path.insert(0, root)
    if text.endswith(".py"):
        problem: ObjectiveError | None = None
        for name in names:
            try:
                return catalog.load_reference(f"{text}:{name}")
            except ObjectiveError as error:
                problem = problem or error
        raise problem or ObjectiveError(f"{text}: nothing to look for")
    if not catalog.is_reference(text):
        module, _, name = text.rpartition(".")
        text = f"{module}:{name}"
    if not catalog.is_reference(text):
        raise ObjectiveError(f"{text.strip(':')!r}: write package.module.{names[0]}, or a file such as {names[0]}.py")
    return catalog.load_reference(text)


def adapter(run: str, inactive: dict[str, Any], last: float | None) -> str:
    """Write a small file whose ``run`` is an objective of Shoal, so that peers anywhere find it by its address; returns
    the address."""
    folders = [str(package_of(Path.cwd())[0])]
    if run.endswith(".py"):
        run = os.path.abspath(run)
    text = ADAPTER.format(folders=folders, run=run, inactive=inactive, last=last)
    path = Path("shoal.files") / f"run-{zlib.crc32(text.encode()):08x}.py"
    try:
        write_whole(path, text)  # ranks of one job may do so at once
    except OSError as error:
        raise ObjectiveError(f"cannot write {path}: {error.strerror or error}") from None
    return f"{path}:run"
