"""Runs a script as an MPI job of this machine, and passes on the line that its first rank prints."""

import os
import subprocess
import sys
from pathlib import Path

LOOPBACK = {"HYDRA_IFACE": "lo", "FI_TCP_IFACE": "lo", "UCX_NET_DEVICES": "lo", "UCX_LOG_LEVEL": "error"}
INSIDE = "SHOAL_BENCH_RANK"


def among_ranks(ranks: int) -> bool:
    """True in a rank of the job; elsewhere the job is run, and ends this process with its exit status."""
    if INSIDE in os.environ:
        return True
    mpiexec = Path(sys.executable).parent / "mpiexec"
    command = [str(mpiexec), "-n", str(ranks), sys.executable, *sys.argv]
    sys.exit(subprocess.run(command, env={**os.environ, **LOOPBACK, INSIDE: "yes"}, check=False).returncode)
