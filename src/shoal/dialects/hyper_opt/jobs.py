"""Jobs of Slurm or PBS with the very flags of ``slurm: batch:`` or ``pbs: batch:``, whatever these are.

PSI/J, which `shoal submit study.yaml` uses, writes flags of its own, and no ``-l select=…`` of PBS: so a script is
written here. What it runs, and how jobs are looked up and cancelled, is the same.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from shoal.dialects.hyper_opt.settings import Batch
from shoal.engines.jobs import remember
from shoal.engines.submission import Order, Submission, argument, write_order
from shoal.errors import StudyError
from shoal.files import write_whole

COMMANDS: Final = {"slurm": ("sbatch", "--parsable", "-J"), "pbs": ("qsub", "-N")}
DIRECTIVES: Final = {"slurm": "#SBATCH", "pbs": "#PBS"}
NAMES: Final = {"slurm": ("J", "job-name"), "pbs": ("N",)}


def submission(kind: str, batch: Batch) -> Submission:
    """What Shoal needs to know of the jobs."""
    minutes, seconds = divmod(int(wall_seconds(batch.batch)), 60)
    return Submission(
        scheduler=kind, jobs=batch.jobs, peers_per_job=batch.gpus_per_node or batch.tasks_per_worker,
        gpus_per_peer=1 if batch.gpus_per_node else 0,
        time=f"{minutes // 60}:{minutes % 60:02}:{seconds:02}",
    )  # fmt: skip


def script(kind: str, batch: Batch, file: Path) -> str:
    """The script of a job: the flags, ``bash``, ``kernel``, and peers with the Python that then is there."""
    lines = ["#!/bin/bash -l", *flags(kind, batch.batch), *batch.lines, f"PYTHON={shlex.quote(sys.executable)}"]
    if batch.kernel:  # which may bring another Python
        lines.append('if python -c "import shoal.submitted" 2>/dev/null; then PYTHON=python; fi')
    return "\n".join([*lines, f'exec "$PYTHON" -m shoal.submitted {argument(file)}', ""])


def flags(kind: str, batch: Mapping[str, Any]) -> list[str]:
    """The directives: ``-n 8``, ``--gres=gpu:v100:1``; a list gives one for each, true a flag without a value."""
    found = []
    for name, value in batch.items():
        if not re.fullmatch(r"[A-Za-z][\w-]*", str(name)):
            raise StudyError(f"{kind}: batch: {name!r} is no name of a flag")
        for one in value if isinstance(value, list) else [value]:
            if one is False or one is None:
                continue
            if re.search(r"[\n\r\"`$\\]", str(one)):
                raise StudyError(f"{kind}: batch: {name}: {one!r} holds a quote, a dollar or a line break")
            text = f'"{one}"' if " " in str(one) and kind == "slurm" else str(one)
            glue = " " if len(str(name)) == 1 else "="
            dashes = "-" if len(str(name)) == 1 else "--"
            found.append(f"{DIRECTIVES[kind]} {dashes}{name}{'' if one is True else glue + text}")
    return found


def submit(kind: str, batch: Batch, order: Order, place: Path, save_path: Path) -> list[str]:
    """Hand the jobs in, numbered by their names; returns the scheduler's ids. Raises StudyError where it refuses."""
    file = place / f"order-{kind}.json"
    write_order(file, order)
    path = save_path / f"launch_{kind}.sh"
    write_whole(path, script(kind, batch, file))
    name = next((str(batch.batch[flag]) for flag in NAMES[kind] if flag in batch.batch), "hyper_opt")
    ids: list[str] = []
    for number in range(batch.jobs):
        words = [*COMMANDS[kind], f"{name}_{number}", str(path)]
        try:
            done = subprocess.run(words, cwd=save_path, capture_output=True, text=True)
        except FileNotFoundError:
            raise StudyError(f"there is no {words[0]} here: is this a machine that submits to {kind}?") from None
        if done.returncode:
            before = f" after {len(ids)} jobs" if ids else ""
            raise StudyError(f"{words[0]} refused the job{before}: {(done.stderr or done.stdout).strip()}")
        ids.append(done.stdout.strip().split(";")[0])
        remember(place, kind, ids[-1], order.store)
        write_whole(save_path / f"{kind}_job_ids.txt", "\n".join([*ids, ""]))
    return ids


def wall_seconds(batch: Mapping[str, Any]) -> float:
    """The wall time that the flags ask for. Raises StudyError where there is none."""
    if (given := batch.get("t", batch.get("time"))) is not None:
        return _slurm_seconds(str(given))
    resources = batch.get("l", [])
    for text in resources if isinstance(resources, list) else [resources]:
        if found := re.search(r"walltime=([\d:]+)", str(text)):
            return _seconds(found[1].split(":"))
    raise StudyError('the wall time is missing: slurm: batch: t: "12:00:00", or pbs: batch: l: ["walltime=12:00:00"]')


def _slurm_seconds(text: str) -> float:
    """minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes, days-hours:minutes:seconds."""
    days, dash, rest = text.rpartition("-")
    parts = rest.split(":")
    if not re.fullmatch(r"(\d+-)?\d+(:\d+){0,2}", text):
        raise StudyError(f'slurm: batch: t: {text!r} is no time; write hours:minutes:seconds, as in "12:00:00"')
    if dash:
        return 86_400.0 * int(days) + _seconds([*parts, *["0"] * (3 - len(parts))])
    return _seconds(parts if len(parts) == 3 else ["0", *parts, *["0"] * (2 - len(parts))])


def _seconds(parts: list[str]) -> float:
    return float(sum(int(part) * 60**power for power, part in enumerate(reversed(parts))))
