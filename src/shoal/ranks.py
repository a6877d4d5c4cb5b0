"""Every rank of an MPI job is a peer: ``mpiexec -n 64 shoal tune study.yaml --engine mpi``, or a script that tunes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from shoal import catalog
from shoal.beginning import begin, complain, known, run_here, stem
from shoal.clock import RealClock
from shoal.contracts import Search, Stopping, Store
from shoal.engines.shares import gpu_shares, share, visible_gpus
from shoal.errors import ShoalError, StudyError
from shoal.joining import go_on, unused_name
from shoal.journal import Journal
from shoal.names import peer_name
from shoal.records import Definition
from shoal.reports.progress import show
from shoal.stores.mpi import MpiStore
from shoal.study import Study


class Ranks:
    """A study begun by the first rank, and known to all. Raises StudyError, on every rank, where it cannot begin."""

    def __init__(self, objective: Any, name: str | None, store: str | Store, asked: Mapping[str, Any]) -> None:
        try:
            from mpi4py import MPI
        except ImportError as error:
            raise StudyError(
                f"engine=\"mpi\" needs mpi4py and an MPI library ({error}): pip install 'shoal[mpi]' mpich"
            ) from None
        self._comm = MPI.COMM_WORLD
        self.rank = self._comm.rank
        lasting: Store | None = None
        said: tuple[str, Definition | None, str] = ("", None, "")
        if self.rank == 0:
            try:
                lasting = catalog.store(store) if isinstance(store, str) else store
                said = self._begin(lasting, objective, name, asked)
            except ShoalError as error:
                said = ("", None, str(error))
        study, plan, problem = self._comm.bcast(said, root=0)
        if problem:
            raise StudyError(problem)
        self._objective = objective if objective is not None else plan.objective
        self.store = MpiStore(self._comm, study, plan.trials, lasting, f"{peer_name()}-of-{self._comm.size}")
        self.journal = Journal(self.store, study, f"{peer_name()}-{self.rank}", RealClock())

    def share_node(self, gpus: float | None) -> str:
        """Give this rank its part of the GPUs and threads of its node; returns its device. What the scheduler has dealt
        out already, each rank seeing GPUs of its own, stays."""
        from mpi4py import MPI

        node = self._comm.Split_type(MPI.COMM_TYPE_SHARED)
        visible = visible_gpus(os.environ)
        if len({tuple(seen) for seen in node.allgather(visible)}) == 1:
            visible = gpu_shares(gpus, node.size, visible)[node.rank]
        os.environ.update(share(visible, node.size, os.environ))
        node.Free()
        return "cuda:0" if visible else "cpu"

    def _begin(
        self, place: Store, objective: Any, name: str | None, asked: Mapping[str, Any]
    ) -> tuple[str, Definition | None, str]:
        objective = known(place, name, objective)
        journal = begin(place, unused_name(place, stem(objective)) if name is None else name, objective, asked)
        go_on(journal, RealClock())
        journal.flush()
        return journal.study, journal.history.definition, ""

    def run(
        self, search: Search | None, rule: Stopping | None, lease: float, preload: bool, grace: float,
        timeout: float | None, progress: bool | None, gpus: float | None = None,
    ) -> Study:  # fmt: skip
        """Run this rank's peer until the study ends; on every rank the study that is returned is the same."""
        journal = self.journal
        before = journal.history.ended
        device = self.share_node(gpus)
        target = catalog.objective(self._objective, preload, grace=grace)
        shown = progress is not False and self.rank == 0
        with show(journal, shown, timeout) as view:
            run_here(journal, target, search, rule, lease, view, timeout, device)
            self.store.finish()
            journal.sync()
        complain(journal)
        study = Study.of(journal)
        study.ended, study.ran, study.speaks = view.reason, journal.history.ended - before, self.rank == 0
        return study
