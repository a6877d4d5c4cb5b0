"""Every rank of an MPI job is a peer: ``mpiexec -n 64 shoal tune study.yaml --engine mpi``, or a script that tunes."""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from shoal import catalog
from shoal.beginning import begin, complain, known, run_here
from shoal.clock import RealClock
from shoal.contracts import Search, Stopping, Store
from shoal.engines.shares import gpu_shares, share, visible_gpus
from shoal.errors import ShoalError, StudyError
from shoal.joining import go_on
from shoal.journal import Journal
from shoal.names import peer_name
from shoal.objectives.team import Team, TeamObjective, follow
from shoal.records import Definition
from shoal.reports.progress import show
from shoal.stores.memory import MemoryStore
from shoal.stores.mpi import MpiStore
from shoal.study import Study


class Ranks:
    """A study begun by the first rank, and known to all. With ``per_trial`` as many ranks run each trial together.

    Raises StudyError, on every rank, where it cannot begin.
    """

    def __init__(
        self, objective: Any, name: str | None, store: str | Store, asked: Mapping[str, Any],
        per_trial: int | None = None,
    ) -> None:  # fmt: skip
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
                said = self._begin(lasting, objective, name, asked, per_trial)
            except ShoalError as error:
                said = ("", None, str(error))
        self._study, self._plan, problem = self._comm.bcast(said, root=0)
        if problem:
            raise StudyError(problem)
        assert self._plan is not None
        self._objective = objective if objective is not None else self._plan.objective
        self._team = None if per_trial is None else self._team_of(per_trial)
        leads = self._team is None or self._team.talk.rank == 0
        peers = self._comm.Split(0 if leads else MPI.UNDEFINED, self.rank)
        self._store = None
        if leads:
            self._store = MpiStore(peers, self._study, self._plan.trials, lasting, f"{peer_name()}-of-{peers.size}")
            self.journal = Journal(self._store, self._study, f"{peer_name()}-{self.rank}", RealClock())

    def _team_of(self, per_trial: int) -> Team:
        talk = self._comm.Split(self.rank // per_trial, self.rank)
        return Team(talk.Dup(), talk, self._plan)

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
        self, place: Store, objective: Any, name: str | None, asked: Mapping[str, Any], per_trial: int | None
    ) -> tuple[str, Definition | None, str]:
        objective = known(place, name, objective)
        if per_trial is not None:
            check_teams(objective, per_trial, self._comm.size)
        journal = begin(place, name, objective, asked)
        go_on(journal, RealClock())
        journal.flush()
        return journal.study, journal.history.definition, ""

    def run(
        self, search: Search | None, rule: Stopping | None, lease: float, preload: bool, grace: float,
        timeout: float | None, progress: bool | None, gpus: float | None = None,
    ) -> Study:  # fmt: skip
        """Run this rank's peer, or its part of the trials of its team's, until the study ends; the study that is
        returned is the same on every rank."""
        device = self.share_node(gpus)
        target = catalog.objective(self._objective, preload, grace=grace)
        try:
            if self._store is None:
                assert self._team is not None
                follow(target, self._team, device)
                reason, ran = self._hear()
            else:
                before = self.journal.history.ended
                if self._team is not None:
                    target = TeamObjective(target, self._team)
                with show(self.journal, progress is not False and self.rank == 0, timeout) as view:
                    run_here(self.journal, target, search, rule, lease, view, timeout, device)
                    self._store.finish()
                    self.journal.sync()
                reason, ran = view.reason, self.journal.history.ended - before
                self._tell(self._store, reason, ran)
        except Exception as error:
            if self._comm.size == 1:
                raise
            print(error if isinstance(error, ShoalError) else traceback.format_exc(), file=sys.stderr, flush=True)
            self._comm.Abort(1)  # the others would wait for this rank for ever
        complain(self.journal)
        study = Study.of(self.journal)
        study.ended, study.ran, study.speaks = reason, ran, self.rank == 0
        return study

    def _tell(self, store: MpiStore, reason: str, ran: int) -> None:
        """To the other ranks of the team: what came out."""
        if self._team is not None:
            self._team.talk.bcast((reason, ran, store.read(self._study, 0)[0]), root=0)

    def _hear(self) -> tuple[str, int]:
        """From the first rank of the team: what came out."""
        assert self._team is not None
        reason, ran, (first, *records) = self._team.talk.bcast(None, root=0)
        store = MemoryStore()
        store.create(self._study, first)
        store.append(self._study, "", records)
        self.journal = Journal(store, self._study, peer_name(), RealClock())
        return reason, ran


def check_teams(objective: Any, per_trial: int, ranks: int) -> None:
    """Raises StudyError where so many ranks cannot run a trial together."""
    if isinstance(per_trial, bool) or not isinstance(per_trial, int) or per_trial < 1:
        raise StudyError(f"ranks_per_trial must be a whole number of 1 or more, got {per_trial!r}")
    if ranks % per_trial:
        raise StudyError(f"{ranks} ranks make no whole number of teams of ranks_per_trial={per_trial}: "
                         f"start {per_trial}, {2 * per_trial}, {3 * per_trial} … of them")  # fmt: skip
    named = isinstance(objective, str) and catalog.is_reference(objective)
    target = catalog.load_reference(objective) if named else objective
    if inspect.isclass(target) or not callable(target):
        raise StudyError(
            "ranks_per_trial needs a function or a generator of (params, trial), which finds the communicator of its "
            f"trial in trial.comm; {objective!r:.100} is none"
        )
