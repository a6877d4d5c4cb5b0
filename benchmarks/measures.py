"""What `throughput` measures: each function runs its sides in turns and returns lines of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.running import PEERS, interleave, rate, run_script
from benchmarks.table import Figure

PRINT = PEERS / "scripts" / "report.py"
REPORT = PEERS / "scripts" / "report_shoal.py"
REPORT_SYNE_TUNE = PEERS / "scripts" / "report_syne_tune.py"
REPORT_NUMPY = PEERS / "scripts" / "report_numpy.py"


@dataclass(frozen=True)
class Size:
    """How much is run. Peers run fewer trials than Shoal: theirs take longer, and do not get faster with more."""

    repeats: int = 3
    memory: int = 50_000
    memory_peer: int = 5_000
    sqlite: int = 1_000_000  # so many that starting the processes, half a second of a core each, weighs little
    optuna: int = 100
    rustuna: int = 500
    scripts: int = 1_000
    fresh: int = 200
    syne_tune: int = 200


QUICK = Size(1, 10_000, 1_000, 20_000, optuna=30, rustuna=100, scripts=200, fresh=50, syne_tune=50)


def ask_tell(size: Size) -> list[Figure]:
    """Ask and tell in memory, against Optuna."""
    answers = interleave(
        size.repeats,
        shoal=lambda: run_script("shoal", "shoal_memory.py", size.memory),
        optuna=lambda: run_script("optuna", "optuna_memory.py", size.memory_peer),
    )
    what = "ask + tell, 10 floats, random, in memory"
    return [Figure(what, "trials/s", rates(answers["shoal"]), rates(answers["optuna"]), "Optuna", at_least=10)]


def functions(size: Size) -> list[Figure]:
    """A function that does nothing on SQLite: one peer against Optuna and Rustuna, and four peers against one."""
    answers = interleave(
        size.repeats,
        one=lambda: run_script("shoal", "shoal_sqlite.py", size.sqlite, 1),
        optuna=lambda: run_script("optuna", "optuna_sqlite.py", size.optuna),
        four=lambda: run_script("shoal", "shoal_sqlite.py", size.sqlite, 4),
        rustuna=lambda: run_script("rustuna", "rustuna_sqlite.py", size.rustuna),
    )
    one, four = rates(answers["one"]), rates(answers["four"])
    what = "no-op function, 10 floats, random, SQLite, 1 peer"
    return [
        Figure(what, "trials/s", one, rates(answers["optuna"]), "Optuna", at_least=200, flaw=losses(answers["one"])),
        Figure(what, "trials/s", one, rates(answers["rustuna"]), "Rustuna", at_least=50, flaw=losses(answers["one"])),
        Figure("the same, 4 peers", "trials/s", four, one, "Shoal, 1 peer", at_least=1.3, flaw=losses(answers["four"])),
    ]


def scripts(size: Size) -> list[Figure]:
    """A script that reports once, against Syne Tune: by the tool's own reporter, and by a bare print."""
    answers = interleave(
        size.repeats,
        shoal=lambda: run_script("shoal", "shoal_script.py", REPORT, size.scripts, 4),
        syne_tune=lambda: run_script("syne-tune", "syne_tune_local.py", REPORT_SYNE_TUNE, size.syne_tune // 4, 4),
        shoal_print=lambda: run_script("shoal", "shoal_script.py", PRINT, size.scripts, 4),
        syne_tune_print=lambda: run_script("syne-tune", "syne_tune_local.py", PRINT, size.syne_tune, 4),
    )
    return [
        Figure(
            what,
            "trials/s",
            rates(answers[f"shoal{side}"]),
            rates(answers[f"syne_tune{side}"]),
            "Syne Tune",
            at_least=10,
        )
        for what, side in (
            ("script that reports once by the tool's reporter, 4 peers", ""),
            ("script that prints one report, importing neither, 4 peers", "_print"),
        )
    ]


def preload(size: Size) -> list[Figure]:
    """What forking a process that has imported everything brings, against a new interpreter for each trial."""
    answers = interleave(
        size.repeats,
        forked=lambda: run_script("shoal", "shoal_script.py", REPORT_NUMPY, size.scripts, 4),
        fresh=lambda: run_script("shoal", "shoal_script.py", REPORT_NUMPY, size.fresh, 4, "--fresh"),
    )
    what = "script that imports numpy, 4 peers"
    return [Figure(what, "trials/s", rates(answers["forked"]), rates(answers["fresh"]), "preload=False")]


def growth(size: Size) -> list[Figure]:
    """What a trial costs at 100,000 trials over what it costs at 1,000."""
    answers = interleave(
        max(size.repeats, 3),
        memory=lambda: run_script("shoal", "shoal_growth.py"),
        sqlite=lambda: run_script("shoal", "shoal_sqlite.py", 120_000, 1),
    )
    late, early = ({side: [1e6 * a[when] for a in answers[side]] for side in answers} for when in ("late", "early"))
    names = {"memory": "ask + tell in memory", "sqlite": "no-op function, SQLite"}
    return [
        Figure(f"cost at 100,000 trials, {name}", "µs", late[side], early[side], "at 1,000", at_most=1.2)
        for side, name in names.items()
    ]


def rates(answers: Sequence[Mapping[str, Any]]) -> list[float]:
    return [rate(answer) for answer in answers]


def losses(answers: Sequence[Mapping[str, Any]]) -> str:
    """What the journals say of trials that are missing, or that were run twice; empty where all is well."""
    for answer in answers:
        wrong = {key: answer[key] for key in ("done", "ended", "numbers", "started") if answer[key] != answer["trials"]}
        if wrong:
            return f"of {answer['trials']} trials the journal has {wrong}"
    return ""
