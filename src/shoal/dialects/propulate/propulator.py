"""Propulator, and islands by hand: runs of Shoal's peers over a journal in the checkpoint path."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal import catalog, tune
from shoal.dialects.propulate.checks import (
    STORE,
    as_begun,
    chance_of,
    check_comms,
    flows_of,
    made_folder,
    refuse_pickles,
    whole,
    wholes,
)
from shoal.dialects.propulate.limits import space_of
from shoal.dialects.propulate.loss import Told, objective_of
from shoal.dialects.propulate.population import Individual
from shoal.dialects.propulate.propagators import Propagator, SelectMax, SelectMin, SelectUniform
from shoal.dialects.propulate.surrogate import Factory, rule_of
from shoal.dialects.propulate.translation import plan_of
from shoal.dialects.propulate.world import all_gpus, of_the_first, ranks
from shoal.errors import StudyError
from shoal.islands import Islands as Plan
from shoal.islands import Layout
from shoal.records import Definition
from shoal.study import Study

LOG = logging.getLogger("propulate")
RULES: Mapping[type[Propagator], str] = {SelectMin: "best", SelectMax: "worst", SelectUniform: "random"}


@dataclass
class Run:
    """What a run is, in Shoal's words: ``workers`` evaluate ``generations`` individuals each (negative: no end)."""

    loss_fn: Callable[..., Any]
    propagator: Propagator
    rng: random.Random | None
    generations: int
    checkpoint_path: str | Path
    surrogate_factory: Factory | None
    islands: Plan | None
    ranks_per_worker: int | None
    workers: int | None


class Propulator:
    """Evaluates individuals that a propagator breeds, on all ranks of an MPI job; outside of one on ``workers``
    processes of this machine (None: this one alone).

    ``checkpoint_path`` holds the journal, from which a run goes on, with as many workers as there are by then.

    Raises StudyError or SpaceError for what has no counterpart: communicators of one's own, checkpoints of Propulate's.
    """

    _policy = "pollinate"
    _immigrate: type[Propagator] = SelectMax

    def __init__(
        self, loss_fn: Callable[..., Any], propagator: Propagator, rng: random.Random | None = None,
        island_idx: int = 0, island_comm: Any = None, propulate_comm: Any = None, worker_sub_comm: Any = None,
        generations: int = -1, checkpoint_path: str | Path = ".", migration_topology: Any = None,
        migration_prob: float = 0.0, emigration_propagator: type[Propagator] = SelectMin, island_displs: Any = None,
        island_counts: Any = None, surrogate_factory: Factory | None = None, workers: int | None = None,
    ) -> None:  # fmt: skip
        check_comms(island_comm, propulate_comm, worker_sub_comm)
        if island_idx:
            raise StudyError(f"island_idx={island_idx}: Islands(…, num_islands=…) makes all islands at once")
        sizes = [] if island_counts is None else wholes("island_counts", island_counts, 1)
        islands = None
        if len(sizes) > 1:
            islands = islands_of(
                sizes, migration_topology, migration_prob, emigration_propagator, self._immigrate, self._policy
            )
        self._prepare(
            Run(loss_fn, propagator, rng, generations, checkpoint_path, surrogate_factory, islands, None, workers)
        )

    def _prepare(self, run: Run) -> None:
        if not isinstance(run.checkpoint_path, (str, Path)):
            raise StudyError(f"checkpoint_path must be a path, got {run.checkpoint_path!r:.100}")
        refuse_pickles(Path(run.checkpoint_path))
        if not callable(run.loss_fn):
            raise StudyError(f"loss_fn must be a function of an individual, got {run.loss_fn!r:.100}")
        if run.rng is not None and not isinstance(run.rng, random.Random):
            raise StudyError(f"rng must be a random.Random, such as random.Random(0), got {run.rng!r:.100}")
        whole("generations", run.generations if run.generations != -1 else 0, 0)
        whole("workers", run.workers or 0, 0)
        self._run, self._plan = run, plan_of(run.propagator)
        rank, size = ranks()
        if size > 1 and run.workers is not None:
            raise StudyError(f"workers={run.workers} is for a process of its own: this is one of {size} MPI ranks")
        each = run.ranks_per_worker or 1
        if size % each:
            raise StudyError(f"{size} ranks make no whole number of workers of ranks_per_worker={each}: start {each}, "
                             f"{2 * each}, {3 * each} … of them, as mpiexec -n {2 * each} does")  # fmt: skip
        self._mpi, self._speaks = size > 1, rank == 0
        self._workers = size // each if self._mpi else max(run.workers or 1, 1)
        self._study: Study | None = None

    # ------------------------------------------------------------------ as Propulate has it

    def propulate(self, logging_interval: int = 10, debug: int = 1) -> None:
        """Evaluate generation after generation, or go on where the journal ends. ``debug`` 0 shows no progress."""
        run = self._run
        if run.generations == 0:
            LOG.info("No generations were asked for: nothing is evaluated.")
            return
        made_folder(Path(run.checkpoint_path))
        rule, settings = rule_of(run.surrogate_factory, self._plan.limits)
        begun, seed = of_the_first(lambda: (self._begun(), (run.rng or random.Random()).getrandbits(63)))
        islands = run.islands
        if begun is not None:
            islands, seed = as_begun(islands, begun.islands), begun.seed
        layout, gpus = Layout(islands or Plan(1), seed), all_gpus() if self._mpi else {}
        told = Told(self._plan.limits, self._workers, layout, logging_interval, gpus)
        self._study = tune(
            objective_of(run.loss_fn, told), space_of(self._plan.limits), name=self._name,
            search=self._plan.search, stopping=rule, stopping_settings=settings or None, islands=islands,
            seed=seed, metric=self._metric, store=f"dir:{self._path}",
            trials=None if run.generations < 0 else run.generations * self._workers,
            start=[self._plan.start] if self._plan.start else None, workers=0 if run.workers is None else run.workers,
            engine="mpi" if self._mpi else "local", ranks_per_trial=run.ranks_per_worker if self._mpi else None,
            progress=debug > 0 and self._speaks,
        )  # fmt: skip

    def summarize(self, top_n: int = 1, debug: int = 1) -> list[list[Individual]]:
        """The ``top_n`` best individuals on each island, the best first; the first rank logs them."""
        study = self._done()
        population = self._individuals(study)
        best = [[population[number] for number in living[: max(top_n, 0)]] for living in self._living(study)]
        if self._speaks:
            active = sum(one.active for one in population.values())
            cancelled = sum(one.cancelled for one in population.values())
            LOG.info(
                "###########\n# SUMMARY #\n###########\n"
                "Number of currently active individuals is %d, %d were cancelled.\n"
                "Expected overall number of evaluations is %d.",
                active, cancelled, max(self._run.generations, 0) * self._workers,
            )  # fmt: skip
            self._tell_failures(study)
            for island, found in enumerate(best):
                lines = "\n".join(f"({place}): {one}" for place, one in enumerate(found, start=1))
                LOG.info("Top %d result(s) on island %d:\n%s", top_n, island, lines)
        return best

    def _tell_failures(self, study: Study) -> None:
        failed = [trial for trial in study.trials if trial.outcome == "failed"]
        if failed:
            LOG.warning(
                "%d evaluations failed, and their individuals are in no population. The first, %s: %s",
                len(failed), failed[0].params, failed[0].reason,
            )  # fmt: skip

    def evolve(self, top_n: int = 3, logging_interval: int = 10, debug: int = 1) -> list[list[Individual]]:
        """`propulate` and `summarize` in one, as in older versions."""
        self.propulate(logging_interval, debug)
        return self.summarize(top_n, debug)

    @property
    def population(self) -> list[Individual]:
        """All individuals that were evaluated."""
        return list(self._individuals(self._done()).values())

    @property
    def study(self) -> Study:
        """The study, with all that Shoal can do with one."""
        return self._done()

    # ------------------------------------------------------------------ the study

    @property
    def _path(self) -> Path:
        return Path(self._run.checkpoint_path).absolute() / STORE

    @property
    def _name(self) -> str:
        return str(getattr(self._run.loss_fn, "__name__", "propulate")).strip("<>")

    @property
    def _metric(self) -> str:
        """What losses are called in the journal, where nothing may have the name of a gene."""
        name = "loss"
        while name in self._plan.limits:
            name = f"individual_{name}"
        return name

    def _begun(self) -> Definition | None:
        """How the run was begun that goes on."""
        if not self._path.exists() or self._name not in catalog.store(f"dir:{self._path}").studies():
            return None
        return Study.open(self._name, f"dir:{self._path}")._journal.history.definition

    def _done(self) -> Study:
        if self._study is None:
            why = "generations is 0" if self._run.generations == 0 else "call propulate() first"
            raise StudyError(f"nothing has been evaluated: {why}")
        return self._study

    def _individuals(self, study: Study) -> dict[int, Individual]:
        layout = study._journal.history.migrations.layout
        return {
            trial.number: Individual.of(
                trial, self._plan.limits, self._workers, layout.island(trial.number), self._metric
            )
            for trial in study.trials
            if trial.outcome in ("done", "stopped")
        }

    def _living(self, study: Study) -> list[list[int]]:
        return study.islands or [study._journal.history.ranked()]


def islands_of(
    sizes: list[int], topology: Any, probability: float, emigrate: type[Propagator], immigrate: type[Propagator],
    policy: str,
) -> Plan:  # fmt: skip
    """Shoal's islands: who selects migrants must be SelectMin, SelectMax or SelectUniform."""
    for what, kind in (("emigration_propagator", emigrate), ("immigration_propagator", immigrate)):
        if kind not in RULES:
            raise StudyError(f"{what} must be SelectMin, SelectMax or SelectUniform (the class), got {kind!r:.100}")
    return Plan.of({
        "count": len(sizes), "sizes": sizes, "topology": flows_of(topology),
        "migration_probability": chance_of("migration_prob", probability), "policy": policy,
        "emigrate": RULES[emigrate], "immigrate": RULES[immigrate],
    })  # fmt: skip
