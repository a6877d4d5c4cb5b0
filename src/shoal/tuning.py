"""`tune`: a whole study in one call."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

from shoal import catalog
from shoal.beginning import address_of, begin, complain, known, run_here
from shoal.clock import RealClock
from shoal.contracts import Search, Stopping, Store
from shoal.engines.supervisor import Hands, Plan, Supervisor
from shoal.errors import ObjectiveError, StudyError, in_words, unknown
from shoal.files import tidy_all_checkpoints
from shoal.islands import Islands
from shoal.joining import go_on
from shoal.journal import Journal
from shoal.records import Budget
from shoal.reports.progress import Progress, show
from shoal.space import Space
from shoal.study import LEASE, Study

STORE = "sqlite:///shoal.db"
ENGINES = ("local", "mpi", "ray")


def tune(
    objective: Callable[..., Any] | type | str | Sequence[str] | None = None,
    space: Space | Mapping[str, Any] | None = None, *,
    metric: str | None = None, goal: str | None = None, trials: int | None = None, workers: int = 1,
    search: str | Search | None = None, settings: Mapping[str, Any] | None = None,
    stopping: str | Stopping | None = None, stopping_settings: Mapping[str, Any] | None = None,
    budget: Budget | None = None, islands: Islands | int | None = None, seed: int | None = None,
    start: Iterable[Mapping[str, Any]] | None = None,
    store: str | Store | None = None, name: str | None = None,
    timeout: float | None = None, trial_timeout: float | None = None, target: float | None = None,
    patience: int | None = None, done: int | None = None, max_failures: int | None = None, retries: int | None = None,
    gpus: float | None = None,
    grace: float = 30.0, lease: float = LEASE, preload: bool = True, directory: str | Path | None = None,
    keep_checkpoints: int | None = None, wall_time: float | None = None, engine: str = "local",
    engine_settings: Mapping[str, Any] | None = None, ranks_per_trial: int | None = None, progress: bool | None = None,
) -> Study:  # fmt: skip
    """Search the space for the params with which the objective is best, and return the study.

    What is None keeps what the study was begun with, or its default.

    Args:
        objective: None for that of a study that is joined, or a function of ``(params)`` or ``(params, trial)``, a
            generator that yields after each epoch, a class with ``step``, a
            reference such as "package.module:function", or a command such as "train.py".
        space: what may be searched; may be left out when a study is joined.
        metric: the name of the number that is optimised ("loss"). goal: "minimize" or "maximize".
        trials: how many outcomes there will be, exactly. workers: processes; 0 runs the trials in this one.
        done: how many trials will be done, exactly; those that are stopped or fail come beside. The last few are begun
            one for each that is missing, and run on as many workers.
        search, settings, stopping, stopping_settings, budget, islands, seed, start, store, name: as of `Study`; the
            store is ./shoal.db by default.
        timeout: seconds for this call; with no workers the trial that runs ends first. trial_timeout: seconds for a
            trial, which is then killed and counts as failed.
        target: stop when a trial is as good as this. patience: stop after so many trials without a better one.
        max_failures: stop when the first so many trials (10) all failed.
        retries: how often a trial is run again whose process died (1).
        gpus: GPUs for each worker; 0.5 lets two share one. They are shared evenly by default.
        grace: seconds that trials get to end in when they, or the study, are stopped.
        lease: seconds of silence until a peer counts as dead.
        preload: import once what a Python script imports, and fork for each trial.
        directory: where the files of trials and the logs of peers go (shoal.files beside the store).
        keep_checkpoints: of how many of the best trials that are done the checkpoints are kept; all by default. Those
            of trials that were stopped or failed are always removed.
        wall_time: seconds after which a scheduler kills this process: no trial is begun that would not fit.
        engine: "local", processes of this machine; "mpi": every rank of this MPI job is a peer, and calls this; or
            "ray": actors of a Ray cluster. engine_settings: of "ray", as in ``{"address": "auto", "cpus_per_peer": 4}``
            (docs/cluster.md); of "local" ``{"pin": True}``, which ties each worker to CPUs of its own.
        ranks_per_trial: with "mpi", how many ranks run each trial together; they find their communicator in
            ``trial.comm``, and all end at the same report.
        progress: whether to show what happens; on by default.

    Raises:
        StudyError: the study cannot begin or go on as asked, or its first ``max_failures`` trials all failed.

    >>> import shoal, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = shoal.tune(lambda params: params["x"] ** 2, {"x": (-1.0, 1.0)}, trials=20, seed=0, workers=0,
    ...                        store=f"sqlite:///{folder}/study.db", progress=False)
    ...     len(study.trials)
    20
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise StudyError(f"workers must be a whole number of 0 or more, got {workers!r}")
    _check_seconds(timeout=timeout, grace=grace, lease=lease)
    if engine not in ENGINES:
        raise StudyError(unknown("engine", engine, ENGINES))
    if engine != "ray":
        _check_settings(engine, engine_settings or {})
    if engine == "local" and not workers:
        _check_inline(gpus=gpus, wall_time=wall_time, trial_timeout=trial_timeout, **(engine_settings or {}))
    asked = {
        "space": space, "metric": metric, "goal": goal, "trials": trials, "search": search, "settings": settings,
        "seed": seed, "budget": budget, "stopping": stopping, "stopping_settings": stopping_settings, "start": start,
        "islands": islands,
        "trial_timeout": trial_timeout, "target": target, "patience": patience, "done": done,
        "max_failures": max_failures, "retries": retries, "keep_checkpoints": keep_checkpoints, "directory": directory,
    }  # fmt: skip
    custom = None if search is None or isinstance(search, str) else search
    rule = None if stopping is None or isinstance(stopping, str) else stopping
    if engine == "mpi":
        from shoal.ranks import Ranks

        ranks = Ranks(objective, name, STORE if store is None else store, asked, ranks_per_trial)
        return ranks.run(custom, rule, lease, preload, grace, timeout, progress, gpus)
    if ranks_per_trial is not None:
        raise StudyError(f'ranks_per_trial is for engine="mpi", not {engine!r}')
    with ExitStack() as stack:
        if engine == "ray":
            store = _on_ray(store, workers, engine_settings or {})
        place = catalog.store(store or STORE) if store is None or isinstance(store, str) else store
        if engine == "ray":
            stack.callback(place.close)  # the journal's actor ends with its last peers
        if workers and place.url.startswith("memory"):
            raise StudyError(
                "a store in memory is seen by one process alone: use workers=0, or a file, such as store='study.db'"
            )
        objective = known(place, name, objective)
        address = address_of(objective)
        journal = begin(place, name, objective, asked)
        go_on(journal, RealClock())
        before = journal.history.ended
        with show(journal, progress, timeout) as view:
            if workers == 0:
                here = catalog.objective(objective, preload, grace=grace)
                run_here(journal, here, custom, rule, lease, view, timeout)
            else:
                order = {"store": _secret_url(place, store), "study": journal.study, "lease": lease, "preload": preload,
                         "grace": grace}  # fmt: skip
                code = _pack(objective if address is None else None, custom, rule)
                plan = Plan(workers, timeout, grace, wall_time)
                run_peers(journal, plan, order, code, gpus, view, engine, engine_settings or {})
        complain(journal)
        if journal.history.verdict():
            tidy_all_checkpoints(journal.history)
            if hasattr(place, "compact"):
                place.compact(journal.study)
    study = Study.of(journal)
    study.ended, study.ran = view.reason, journal.history.ended - before
    return study


def _check_seconds(**given: float | None) -> None:
    """Raises StudyError for what is no length of time. 0 is none for a lease; a timeout of 0 begins a study alone."""
    for name, value in given.items():
        if value is None and name == "timeout":
            continue
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value < math.inf or (name == "lease" and value == 0):  # type: ignore[operator]
            least = "above 0" if name == "lease" else "of 0 or more"
            raise StudyError(f"{name} must be a number of seconds, {least}; got {value!r}")


def _check_settings(engine: str, settings: Mapping[str, Any]) -> None:
    """Raises StudyError for settings that an engine of this machine does not have."""
    known = ("pin",) if engine == "local" else ()
    for key, value in settings.items():
        if key not in known:
            raise StudyError(unknown(f"setting of engine {engine}", key, known))
        if not isinstance(value, bool):
            raise StudyError(f"engine {engine}: {key} is true or false, got {value!r}")


def _check_inline(**given: Any) -> None:
    """Raises StudyError for what only workers heed, where there are none."""
    if idle := [key for key, value in given.items() if value]:
        raise StudyError(f"{', '.join(idle)}: workers of 1 or more heed that; workers=0 runs trials in this process")


def _on_ray(store: str | Store | None, workers: int, settings: Mapping[str, Any]) -> str:
    """Connect to Ray, and say where its peers find the journal: in an actor, or in a folder that all nodes share."""
    from shoal.engines.ray import Request
    from shoal.stores.ray import connect

    if not workers:
        raise StudyError("engine='ray' needs workers of 1 or more; workers=0 runs the trials in this process alone")
    if store is not None and not isinstance(store, str):
        raise StudyError("engine='ray' needs the store by its URL: an actor on the head node of the cluster opens it")
    connect(Request.of(settings).address)
    url = STORE if store is None else store
    return url if url.startswith(("dir:", "memory")) else catalog.full_url(f"ray:{url.removeprefix('ray:')}")


def run_peers(
    journal: Journal, plan: Plan, order: Mapping[str, Any], code: bytes, gpus: float | None, view: Progress,
    engine: str = "local", settings: Mapping[str, Any] = MappingProxyType({}),
) -> None:  # fmt: skip
    """Run peers until the study ends: as processes of this machine, or on a Ray cluster."""
    order = {**order, "path": sys.path, "folder": os.getcwd()}
    hands: Hands
    if engine == "ray":
        from shoal.engines.ray import Actors, Request
        from shoal.stores.ray import connect

        asked = Request.of(settings)
        actors = hands = Actors(connect(asked.address), journal, plan.workers, order, code, gpus, asked)
        view.say(actors.hint)
    else:
        from shoal.engines.local import Processes

        hands = Processes(journal, plan.workers, order, code, gpus, bool(settings.get("pin")))
    view.reason = Supervisor(plan, hands, journal, RealClock(), view.watch).run()


def _pack(objective: Any, search: Search | None, rule: Stopping | None) -> bytes:
    """The objective, the search and the rule as code, for peers on this machine; it is never written to a store."""
    if objective is None and search is None and rule is None:
        return b""
    import cloudpickle

    try:
        return cloudpickle.dumps((objective, search, rule))  # type: ignore[no-any-return]
    except Exception as error:
        raise ObjectiveError(
            f"the objective cannot be sent to other processes: {in_words(error)}; "
            "create what cannot travel (locks, files, connections) inside of it, or use workers=0"
        ) from error


def _secret_url(place: Store, given: str | Store | None) -> str:
    """The store's URL with its password, which goes to peers by a pipe alone."""
    return (
        catalog.full_url(given) if isinstance(given, str) else catalog.full_url(STORE) if given is None else place.url
    )
