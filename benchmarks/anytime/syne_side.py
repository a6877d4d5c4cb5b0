"""Syne Tune in virtual time: its tuner runs in a process and an environment of its own, and asks here for curves."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Sequence
from typing import Any, cast

from benchmarks.anytime.incumbent import incumbents
from benchmarks.anytime.shoal_side import Found
from benchmarks.anytime.tasks import Curve, Task
from benchmarks.environments import REQUIREMENTS, python_of
from benchmarks.running import PEERS, clean_environment

ENVIRONMENT = "syne-tune-legacy"  # the last release that has MOBSTER, HyperTune, DyHPO and ASHA by promotion
cast(dict[str, Sequence[str]], REQUIREMENTS).setdefault(
    ENVIRONMENT,
    ["syne-tune==0.14.2", "autograd", "scipy<1.15.3", "statsmodels", "pandas", "scikit-learn", "huggingface_hub"],
)
SCHEDULERS = ("asha", "bohb", "mobster", "hypertune", "dyhpo", "random")
PATIENCE = 300.0  # seconds in all that a scheduler may think in one run; it ends there
SILENT = 300.0  # … and between two trials


def run(task: Task, scheduler: str, peers: int, until: float, seed: int) -> Found:
    """Tune for ``until`` virtual seconds. Raises RuntimeError where the scheduler fails."""
    budget = {"name": task.budget.name, "least": task.budget.least, "most": task.budget.most}
    given = {
        "space": task.space, "budget": budget, "workers": peers, "until": until, "seed": seed, "patience": PATIENCE,
    }  # fmt: skip
    process = subprocess.Popen(
        [python_of(ENVIRONMENT), str(PEERS / "anytime_peer.py"), scheduler],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment(),
    )  # fmt: skip
    try:
        message = _exchange(process, given)
        while "curve" in message:
            message = _exchange(process, _curve(task, message["curve"]))
    finally:
        process.kill()
        process.communicate()
    if "error" in message:
        raise RuntimeError(message["error"])
    ends = [tuple(end) for end in message["ends"]]
    return Found(
        trace=incumbents(ends, task), anywhere=incumbents(ends, task, anywhere=True),
        done=message["done"], begun=message["begun"],
        trials=message["trials"], seconds=message["seconds"], cut=message["cut"] / until,
    )  # fmt: skip


def _curve(task: Task, params: dict[str, Any]) -> Curve:
    try:
        return task.curve(params)
    except ValueError as error:  # its search left the space
        raise RuntimeError(f"it proposed {params}: {error}") from None


def _exchange(process: subprocess.Popen[str], message: Any) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
    if not select.select([process.stdout], [], [], SILENT)[0]:
        raise RuntimeError(f"it did not answer for {SILENT:g} s")
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"it ended with exit status {process.wait()}")
    answer: dict[str, Any] = json.loads(line)
    return answer
