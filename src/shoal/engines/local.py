"""The local engine: peers as processes of this machine, each with its share of GPUs and threads."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

from shoal.engines.shares import cpu_sets, gpu_shares, share, visible_gpus
from shoal.engines.worker_process import WorkerProcess
from shoal.files import peer_log
from shoal.journal import Journal
from shoal.names import peer_name


class Processes:
    """Hires peers here. ``order`` and ``code`` are handed to each; ``gpus`` is how many each gets, an even share if
    None. With ``pin`` each is bound to CPUs of its own. Raises StudyError where there are too few GPUs."""

    def __init__(
        self, journal: Journal, workers: int, order: Mapping[str, Any], code: bytes = b"", gpus: float | None = None,
        pin: bool = False,
    ) -> None:  # fmt: skip
        self._journal, self._workers, self._order, self._code = journal, workers, order, code
        self._environment = dict(os.environ)
        self._shares = gpu_shares(gpus, workers, visible_gpus(self._environment))
        self._cpus = cpu_sets(workers) if pin else [[] for _ in range(workers)]
        self._scratch = tempfile.TemporaryDirectory(prefix="shoal-")  # what killed peers leave lies in here

    def hire(self, place: int, supervised: bool) -> WorkerProcess:
        peer, gpus = peer_name(), self._shares[place]
        environment = {**self._environment, **share(gpus, self._workers, self._environment), "PYTHONSAFEPATH": "1"}
        order = {
            **self._order, "peer": peer, "device": "cuda:0" if gpus else "cpu", "scratch": self._scratch.name,
            "supervised": supervised, "cpus": self._cpus[place],
        }  # fmt: skip
        return WorkerProcess(peer, order, self._code, environment, peer_log(self._journal.history.definition, peer))

    def close(self) -> None:
        self._scratch.cleanup()
