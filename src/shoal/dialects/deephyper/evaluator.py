"""`Evaluator`: where evaluations run, as DeepHyper says it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shoal.errors import ShoalError, unknown

METHODS: Mapping[str, str] = {  # DeepHyper's names, those of its first versions among them, and what they are here
    "serial": "here", "thread": "thread", "threadPool": "thread", "process": "local", "processPool": "local",
    "subprocess": "local", "loky": "local", "ray": "ray", "mpicomm": "mpi", "mpi": "mpi",
}  # fmt: skip
RAY = {"address": "address", "num_cpus_per_task": "cpus_per_peer", "num_gpus_per_task": "gpus"}


class LoggerCallback:
    """Shows each evaluation that ends: `shoal.tune(progress=True)`."""


class TqdmCallback:
    """Shows how far the search is: `shoal.tune(progress=True)`."""

    def __init__(self, description: str | None = None) -> None:
        if description is not None:
            raise ShoalError("TqdmCallback: Shoal's view of the progress takes no description; leave it out")


@dataclass(frozen=True)
class SearchEarlyStopping:
    """Ends the search after so many evaluations without a better one: `shoal.tune(patience=…)`."""

    patience: int = 10
    objective_func: None = None
    threshold: float | None = None
    verbose: bool | int = True

    def __post_init__(self) -> None:
        if self.objective_func is not None or self.threshold is not None:
            raise ShoalError("SearchEarlyStopping: Shoal knows patience alone; leave objective_func and threshold out")


@dataclass
class Evaluator:
    """A run-function and where it runs. Made by `create`; it starts nothing by itself."""

    run_function: Callable[..., Any] | str
    method: str = "serial"
    num_workers: int | None = None
    callbacks: Sequence[Any] = ()
    run_function_kwargs: Mapping[str, Any] = field(default_factory=dict)
    ray: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def create(
        run_function: Callable[..., Any], method: str = "serial", method_kwargs: Mapping[str, Any] | None = None
    ) -> Evaluator:
        """An evaluator by the name of its method: serial, thread, process, loky, ray, mpicomm.

        Raises ShoalError for a method or an option that Shoal has nothing for.
        """
        given = dict(method_kwargs or {})
        ray = {name: given.pop(name) for name in RAY if name in given and method == "ray"}
        known = ("num_workers", "callbacks", "run_function_kwargs", *(RAY if method == "ray" else ()))
        for name in given:
            if name not in known:
                raise ShoalError(f"evaluator {method!r}: {unknown('option', name, known)}")
        return Evaluator(
            run_function, method, given.get("num_workers"), given.get("callbacks") or (),
            given.get("run_function_kwargs") or {}, ray,
        )  # fmt: skip

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            way = "; `shoal submit hps` hands a search to a scheduler" if self.method == "balsam" else ""
            raise ShoalError(unknown("evaluator", self.method, METHODS) + way)
        count = self.num_workers
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise ShoalError(f"num_workers must be a whole number of 1 or more, got {count!r}")
        if METHODS[self.method] == "here" and (count or 1) > 1:
            raise ShoalError("evaluator 'serial' runs one evaluation at a time in Shoal; for more use 'process'")
        if METHODS[self.method] == "mpi" and count is not None:
            raise ShoalError("evaluator 'mpicomm': every rank of the MPI job is a worker; mpiexec -n N says how many")
        for callback in self.callbacks:
            if not isinstance(callback, (LoggerCallback, TqdmCallback, SearchEarlyStopping)):
                raise ShoalError(
                    f"callback {type(callback).__name__}: Shoal has LoggerCallback, TqdmCallback and "
                    "SearchEarlyStopping; for others look at the study, from another process: shoal.Study.open(name)"
                )

    def plan(self) -> dict[str, Any]:
        """The arguments for `shoal.tune`. Raises ShoalError where the engine is not to be had."""
        kind, workers = METHODS[self.method], self.num_workers or 1
        found: dict[str, Any] = {"workers": workers}
        if kind == "here" or (kind == "thread" and workers == 1):
            found["workers"] = 0
        elif kind == "mpi":
            found = {"engine": "mpi"}
        elif kind == "ray":
            found |= {"engine": "ray", **self._of_ray()}
        if any(isinstance(callback, (LoggerCallback, TqdmCallback)) for callback in self.callbacks):
            found["progress"] = True
        for callback in self.callbacks:
            if isinstance(callback, SearchEarlyStopping):
                found["patience"] = callback.patience
        return found

    def _of_ray(self) -> dict[str, Any]:
        if importlib.util.find_spec("ray") is None:
            raise ShoalError(
                "evaluator 'ray' needs Ray: pip install 'shoal[ray]'; on one machine, process needs nothing"
            )
        asked = {ours: self.ray[theirs] for theirs, ours in RAY.items() if self.ray.get(theirs) is not None}
        gpus = asked.pop("gpus", None)
        return {"engine_settings": asked} | ({} if gpus is None else {"gpus": float(gpus)})

    def words(self) -> str:
        """What the evaluator is in Shoal, in words."""
        plan = self.plan()
        engine, workers = plan.get("engine", "local"), plan.get("workers", 1)
        if engine == "mpi":
            return f"evaluator {self.method}: every rank of the MPI job is a peer (engine mpi)"
        if engine == "local" and not workers:
            return f"evaluator {self.method}: evaluations run in this process, one at a time (workers=0)"
        where = "processes of this machine" if engine == "local" else "workers of Ray"
        return f"evaluator {self.method}: {workers} peer{'s' * (workers != 1)}, {where} (engine {engine})"

    @property
    def is_master(self) -> bool:
        """Whether this process is to print what was found: of the ranks of an MPI job, the first."""
        if METHODS[self.method] != "mpi":
            return True
        from mpi4py import MPI

        return bool(MPI.COMM_WORLD.rank == 0)

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(self, *problem: object) -> None:
        """Nothing was started."""
