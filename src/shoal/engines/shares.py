"""Each peer's share of the machine: its GPUs and its CPU threads, handed over in the environment."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from shoal.errors import StudyError

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
VISIBLE = "CUDA_VISIBLE_DEVICES"
OTHERS = ("ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")  # the same of AMD and Intel


def visible_gpus(environment: Mapping[str, str], nodes: str = "/proc/driver/nvidia/gpus") -> list[str]:
    """The GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, or of what AMD and Intel have for it, else all
    that NVIDIA's driver lists."""
    named = environment.get(_variable(environment))
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() and name.strip() != "-1"]
    folder = Path(nodes)
    return [str(index) for index, _ in enumerate(folder.iterdir())] if folder.is_dir() else []


def gpu_shares(gpus: float | None, workers: int, visible: Sequence[str]) -> list[list[str]]:
    """Which GPUs each of the peers gets, when each wants ``gpus`` of them: 2, 1, or a half (two peers share one).

    None shares what there is evenly. Raises StudyError where there are too few.
    """
    if gpus is None:
        gpus = _even(workers, len(visible))
    if check_share(gpus) == 0:
        return [[] for _ in range(workers)]
    if gpus >= 1:
        each = int(gpus)
        shares = [list(visible[i * each : (i + 1) * each]) for i in range(workers)]
    else:
        fit = int(1 / gpus + 1e-9)  # peers on one GPU
        shares = [list(visible[i // fit : i // fit + 1]) for i in range(workers)]
    if any(len(share) < gpus for share in shares):
        enough = len(visible) / workers
        raise StudyError(
            f"{workers} peers with {gpus:g} GPUs each need {math.ceil(workers * gpus)}, "
            f"but {len(visible)} can be seen; "
            + (f"use gpus={enough:.2g} or fewer workers" if visible else "leave gpus out to run on the CPU")
        )
    return shares


def check_share(gpus: float) -> float:
    """GPUs for one peer. Raises StudyError for what is none, such as 1.5."""
    if gpus < 0 or not math.isfinite(gpus) or (gpus > 1 and gpus != int(gpus)):
        raise StudyError(f"gpus={gpus!r}: a peer gets a whole number of GPUs, or a share below 1, such as 0.5")
    return gpus


def _even(workers: int, count: int) -> float:
    if not count:
        return 0
    return count // workers if count >= workers else 1 / math.ceil(workers / count)


def share(gpus: Sequence[str], workers: int, environment: Mapping[str, str]) -> dict[str, str]:
    """What one peer's environment adds: its GPUs, and its part of the CPU threads unless the user set them."""
    variable = _variable(environment)
    added = {variable: ",".join(gpus)} if gpus or variable in environment else {}
    threads = str(max(1, cpus() // workers))
    return {**added, **{name: threads for name in THREADS if name not in environment}}


def _variable(environment: Mapping[str, str]) -> str:
    """The variable that says which GPUs are to be seen."""
    return next((name for name in (VISIBLE, *OTHERS) if name in environment), VISIBLE)


def cpus() -> int:
    """The CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_sets(workers: int, nodes: str = "/sys/devices/system/node") -> list[list[int]]:
    """CPUs of its own for each of the peers: neighbours, and of one NUMA node where they fit. With more peers than CPUs
    these take turns; empty where the platform binds no process to CPUs."""
    if not hasattr(os, "sched_setaffinity"):
        return [[] for _ in range(workers)]
    home = {cpu: int(path.parent.name.removeprefix("node")) for path in Path(nodes).glob("node*/cpulist")
            for cpu in _listed(path.read_text())}  # fmt: skip
    near = sorted(os.sched_getaffinity(0), key=lambda cpu: (home.get(cpu, 0), cpu))
    if workers > len(near):
        return [[near[place % len(near)]] for place in range(workers)]
    ends = [len(near) * place // workers for place in range(workers + 1)]
    return [near[start:stop] for start, stop in pairwise(ends)]


def _listed(text: str) -> list[int]:
    """The numbers of a list as the kernel writes it: 0-3,8-11."""
    ranges = [part.split("-") for part in text.strip().split(",") if part]
    return [number for ends in ranges for number in range(int(ends[0]), int(ends[-1]) + 1)]
