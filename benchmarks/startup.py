"""How long Shoal takes to begin: importing, showing help, resuming. ``python -m benchmarks.startup``"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter

from benchmarks.environments import python_of
from benchmarks.running import clean_environment, interleave, run_script, say
from benchmarks.table import Figure, show

HEAVY = ("pandas", "sklearn", "torch", "sqlalchemy")
TIMED = "from time import perf_counter; began = perf_counter(); import {}; print(perf_counter() - began)"


def imports(repeats: int) -> list[Figure]:
    """``import shoal`` in a fresh interpreter, beside ``import optuna``; the interpreter's own start is left out."""
    answers = interleave(repeats, shoal=partial(_import_time, "shoal"), optuna=partial(_import_time, "optuna"))
    return [Figure("import shoal", "ms", answers["shoal"], answers["optuna"], "Optuna", limit=100,
                   flaw=_said(imported([sys.executable, "-c", "import shoal"])))]  # fmt: skip


def helps(repeats: int) -> list[Figure]:
    """``shoal --help``, the whole process, beside ``optuna --help``."""
    ours, theirs = _program("shoal"), _program("optuna")
    answers = interleave(repeats, shoal=partial(_help_time, ours), optuna=partial(_help_time, theirs))
    return [Figure("shoal --help", "ms", answers["shoal"], answers["optuna"], "Optuna", limit=250,
                   flaw=_said(imported([sys.executable, ours, "--help"])))]  # fmt: skip


def resume(repeats: int, trials: int = 100_000) -> list[Figure]:
    """From calling `shoal.tune` on a study that is there to the start of its first new trial."""
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
        whole, copy = Path(folder, "whole.db"), Path(folder, "copy.db")
        say(f"  creating a study of {trials:,} trials")
        run_script("shoal", "shoal_sqlite.py", trials, 2, whole)

        def once() -> float:
            shutil.copy(whole, copy)
            return float(run_script("shoal", "shoal_resume.py", copy, "noop", trials + 10)["seconds"])

        answers = interleave(repeats, resume=once)["resume"]
    return [Figure(f"resume of a study of {trials:,} trials, SQLite, to the first new trial", "s", answers, limit=3)]


def imported(command: Sequence[str]) -> list[str]:
    """Which of the heavy packages a command of Python imports."""
    traced = [command[0], "-X", "importtime", *command[1:]]
    done = subprocess.run(traced, capture_output=True, text=True, check=True, env=clean_environment())
    modules = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    return [name for name in HEAVY if name in modules]


def _said(heavy: Sequence[str]) -> str:
    return f"imports {', '.join(heavy)}" if heavy else ""


def _import_time(tool: str) -> float:
    command = [python_of(tool), "-c", TIMED.format(tool)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=clean_environment())
    return 1e3 * float(done.stdout)


def _program(tool: str) -> str:
    """A tool's own command, in its environment."""
    return str(Path(python_of(tool)).with_name(tool))


def _help_time(program: str) -> float:
    began = perf_counter()
    subprocess.run([program, "--help"], capture_output=True, check=True, env=clean_environment())
    return 1e3 * (perf_counter() - began)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer repeats and a smaller study")
    given = parser.parse_args(arguments)
    many, few = (3, 1) if given.quick else (11, 3)
    say("import and help")
    figures = [*imports(many), *helps(many)]
    say("resume")
    figures += resume(few, 10_000 if given.quick else 100_000)
    return show("startup", figures, given.json)


if __name__ == "__main__":
    sys.exit(main())
