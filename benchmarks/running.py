"""Running the sides of a comparison: each as a script in its own process, one after the other, again and again."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, as_completed
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.environments import BESIDE_SHOAL, ROOT, python_of

PEERS = Path(__file__).parent / "peers"
LIMIT = 1_800.0  # seconds for one script
T = TypeVar("T")


def run_script(tool: str, script: str, *arguments: object) -> dict[str, Any]:
    """What a script under ``peers/`` measured: the JSON object on the last line that it prints.

    It runs in the environment of a tool, in an empty folder of its own. Raises RuntimeError where it fails.
    """
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as empty:
        command = [python_of(tool), str(PEERS / script), *map(str, arguments)]
        done = subprocess.run(
            command, cwd=empty, capture_output=True, text=True, timeout=LIMIT, check=False, env=environment(tool)
        )
    if done.returncode or not done.stdout.strip():
        raise RuntimeError(f"{tool}'s {script} ended with exit status {done.returncode}:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def environment(tool: str) -> dict[str, str]:
    """That of a script of the tool; one that uses Shoal beside it finds the one of this checkout."""
    ours = {"PYTHONPATH": str(ROOT / "src")} if tool in BESIDE_SHOAL else {}
    return {**clean_environment(), **ours}


def clean_environment() -> dict[str, str]:
    """The environment of a script: no PYTHONPATH of ours, and one thread for numerical libraries on every side."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**ours, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def rate(answer: Mapping[str, Any]) -> float:
    """Trials a second."""
    return float(answer["trials"]) / float(answer["seconds"])


def interleave(repeats: int, **sides: Callable[[], T]) -> dict[str, list[T]]:
    """The answers of each side, taken in turns (A B A B …), so that all meet the same weather on the machine."""
    answers: dict[str, list[T]] = {name: [] for name in sides}
    for turn in range(repeats):
        for name, measure in sides.items():
            say(f"  {turn + 1}/{repeats} {name}")
            answers[name].append(measure())
    return answers


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def machine() -> str:
    """On what this ran, without naming it."""
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {load}"


def run_options(made: argparse.ArgumentParser, name: str) -> None:
    """The options of a comparison whose runs are kept, so that what was stopped goes on."""
    made.add_argument("--jobs", type=int, default=1, help="runs at once; timings are fair with 1 alone")
    made.add_argument("--out", type=Path, default=Path(name), help="OUT.jsonl, which is gone on with, and OUT.png")
    made.add_argument("--report", action="store_true", help="run nothing: show what OUT.jsonl holds")
    made.add_argument("--json", action="store_true", help="print JSON instead of tables")


def kept_runs(kept: Path) -> list[dict[str, Any]]:
    """The runs that a file holds, a line of JSON each."""
    return [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []


def work_off(
    kept: Path, jobs: Sequence[tuple[Any, ...]], pool: Executor, work: Callable[..., dict[str, Any]], *more: Any
) -> None:
    """Run ``work(*job, *more)`` for each job in a pool, and add what it returns to the file as it ends."""
    with pool, kept.open("a") as file:
        running = {pool.submit(work, *job, *more): job for job in jobs}
        for count, future in enumerate(as_completed(running), start=1):
            file.write(json.dumps(future.result()) + "\n")
            file.flush()
            say(f"{count}/{len(jobs)} {' '.join(map(str, running[future]))}")
