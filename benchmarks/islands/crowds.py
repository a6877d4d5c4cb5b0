"""Sixteen peers on islands, as MPI ranks, and as local processes that are killed at random: who lives where then?"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

from benchmarks.faults.crew import Crew
from benchmarks.faults.killing import LOOPBACK, MPIEXEC, killed
from benchmarks.table import Figure
from shoal.records import Migrated
from shoal.study import Study

PEERS: Final = 16
KILLS: Final = 40


def crowds() -> list[Figure]:
    """For both policies: how many trials ended, and how many moved; anything that is not as promised is a flaw."""
    figures = []
    for policy in ("migrate", "pollinate"):
        islands = {"count": 4, "policy": policy, "topology": "full"}
        for what, crowd in (("MPI ranks on 2 cores", _ranks), ("local peers, killed at random", _killed)):
            with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
                flaw = crowd(Path(folder), {"islands": islands, "search": "genetic"})
                study = Study.open("struck", f"{folder}/study.db")
                figures.append(_figure(f"{PEERS} {what}, {policy}", study, policy, flaw))
    return figures


def _ranks(folder: Path, options: dict[str, Any]) -> str:
    with Crew(folder, f"sqlite:///{folder}/study.db", trials=1000, seconds=0.05, **options) as crew:
        crew.start(1, LOOPBACK, [str(MPIEXEC), "-n", str(PEERS)], engine="mpi")
        crew.wait()
    return ""


def _killed(folder: Path, options: dict[str, Any]) -> str:
    return killed(folder, f"sqlite:///{folder}/study.db", "SQLite", KILLS, crews=4, workers=PEERS // 4, **options).flaw


def _figure(what: str, study: Study, policy: str, flaw: str) -> Figure:
    trials = study.trials
    done = [trial for trial in trials if trial.outcome == "done"]
    homes = Counter(len(trial.islands) for trial in done)
    wrong = [flaw] if flaw else []
    if len(done) != study._journal.history.definition.trials:
        wrong.append(f"{len(done)} of {study._journal.history.definition.trials} are done")
    if policy == "migrate" and set(homes) != {1}:
        wrong.append(f"numbers of islands that trials live on: {dict(homes)}")
    living = sum(len(island) for island in study.islands)
    if living != sum(len(trial.islands) for trial in done):
        wrong.append(f"{living} live on islands, which {sum(homes.elements())} say of themselves")
    moved = [record for page in study._journal.pages() for record in page if isinstance(record, Migrated)]
    if not moved:
        wrong.append("nobody has moved")
    words = f"{what}: {len(done):,} trials done, {living:,} live on islands; migrants"
    return Figure(words, "", [len(moved)], flaw="; ".join(wrong))
