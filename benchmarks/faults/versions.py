"""Peers of two versions of Shoal on one study: this one, and a later one, which is a changed copy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import shoal
from benchmarks.faults.crew import Crew
from benchmarks.faults.toll import Onlooker, Toll

Changes = Mapping[str, Sequence[tuple[str, str]]]  # file -> texts and what stands in their places

VERSION: Changes = {"__init__.py": [('__version__ = "', '__version__ = "99.')]}
FIELD: Changes = {  # one that says more of how a trial ended
    "records.py": [("    decided: bool = False\n", '    decided: bool = False\n    mood: str = ""\n')],
    "attempt.py": [("trial.attempt, decided)", 'trial.attempt, decided, "calm")')],
    **VERSION,
}
DREAM = 'class Dreamt(Ordered, frozen=True, tag="dreamt"): ...\n'
END = "        self._journal.append(end)\n"
KIND: Changes = {  # one that writes a kind of record that this one does not know
    "records.py": [("AnyRecord: TypeAlias = Defined", DREAM + "AnyRecord: TypeAlias = Dreamt | Defined")],
    "peer.py": [
        ("records import Ended", "records import Dreamt, Ended"),
        (END, f"        self._journal.append(Dreamt(0, 'go', '', end.time))\n{END}"),
    ],
    **VERSION,
}  # fmt: skip
SCHEMA: Changes = {"stores/schema.py": [("\nVERSION = 1\n", "\nVERSION = 2\n")], **VERSION}


def later(folder: Path, changes: Changes) -> dict[str, str]:
    """Copy this Shoal, change some texts of its files, and return the environment in which the copy is imported.

    Raises RuntimeError where a text is not there any more.
    """
    copy = folder / "later" / "shoal"
    shutil.copytree(Path(shoal.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for file, texts in changes.items():
        said = (copy / file).read_text()
        for old, new in texts:
            if old not in said:
                raise RuntimeError(f"{file} does not hold {old!r} any more")
            said = said.replace(old, new)
        (copy / file).write_text(said)
    return {"PYTHONPATH": os.pathsep.join([str(copy.parent), *filter(None, [os.environ.get("PYTHONPATH")])])}


def two_versions(folder: Path, url: str, store: str, trials: int) -> Toll:
    """This Shoal and a later one, whose records say more, on one study at the same time. Raises RuntimeError where one
    of them did nothing."""
    with (
        Crew(folder, url, trials, seconds=0.1) as crew,
        Onlooker(crew, "two versions", store) as onlooker,
    ):
        for environment in ({}, later(folder, FIELD)):
            crew.start(workers=2, environment=environment)
        crew.until(lambda: len({trial.peer for trial in onlooker.trials() if trial.outcome == "done"}) == 4)
        crew.hurry()
        crew.wait()
        return onlooker.toll(1)
