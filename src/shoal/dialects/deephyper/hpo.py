"""The searches: each says what it is in Shoal, and runs it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from shoal import catalog
from shoal.dialects.deephyper import results
from shoal.dialects.deephyper.evaluator import Evaluator
from shoal.dialects.deephyper.job import METRIC, Evaluation
from shoal.dialects.deephyper.loading import adapter
from shoal.dialects.deephyper.problem import HpProblem
from shoal.dialects.deephyper.settings import model_based
from shoal.dialects.deephyper.stopper import Stopper
from shoal.errors import ShoalError
from shoal.joining import unused_name
from shoal.study import Study
from shoal.tuning import tune

if TYPE_CHECKING:
    import pandas as pd

FAILURES = 100  # of the first evaluations, after which DeepHyper gives up
ABSENT: Mapping[str, str] = {
    "ask": "shoal.Study(problem.space).ask()", "tell": "shoal.Study(problem.space).tell(trial, value)",
    "fit_surrogate": "points of the earlier search as problem.add_starting_point(…)",
    "fit_generative_model": "points of the earlier search as problem.add_starting_point(…)",
}  # fmt: skip


class Search:
    """What all searches have in common.

    Args:
        problem: an `HpProblem`. evaluator: as DeepHyper had it at first; else it is given to `search`.
        random_state: a seed, which makes proposals repeatable with one worker. log_dir: where the study (shoal.db),
            results.csv and shoal.log go. verbose: 1 shows what happens. stopper: one of `stopper`.
        options: of the search itself; ShoalError names those that have no counterpart.
    """

    def __init__(
        self, problem: HpProblem, evaluator: Evaluator | Callable[..., Any] | None = None, *,
        random_state: Any = None, log_dir: str | Path = ".", verbose: int = 0, stopper: Stopper | None = None,
        **options: Any,
    ) -> None:  # fmt: skip
        if not isinstance(problem, HpProblem):
            raise ShoalError(f"a search needs an HpProblem, got {problem!r:.100} ({type(problem).__name__})")
        if stopper is not None and not isinstance(stopper, Stopper):
            raise ShoalError(f"{stopper!r:.100} is no stopper of shoal.dialects.deephyper")
        self._problem, self._evaluator, self._stopper = problem, evaluator, stopper
        self._seed, self._verbose, self._folder = _seed(random_state), verbose, Path(log_dir)
        self._start = [*problem.start, *(options.pop("initial_points", None) or [])]
        self._table = options.pop("checkpoint_history_to_csv", None) is not False
        self._search, self._settings = self.translate(options, len(problem.space.names))
        self.study: Study | None = None

    def translate(self, options: Mapping[str, Any], dimensions: int) -> tuple[str, dict[str, Any]]:
        """The search by Shoal's name, and its settings."""
        raise NotImplementedError

    def search(
        self, evaluator: Evaluator | Callable[..., Any] | int | None = None, max_evals: int = -1,
        timeout: float | None = None, max_evals_strict: bool = True,
    ) -> pd.DataFrame:  # fmt: skip
        """Search, and return the table of all evaluations: ``p:*``, ``objective``, ``job_id``, ``m:*``.

        ``max_evals`` more evaluations are made, exactly so many, or without end where it is negative; ``timeout`` is in
        seconds.
        """
        if isinstance(evaluator, int):
            self.run(self._evaluator, evaluator, timeout)
        else:
            self.run(evaluator or self._evaluator, max_evals, timeout)
        assert self.study is not None
        return results.frame(self.study)

    def run(self, evaluator: Any, max_evals: int = -1, timeout: float | None = None, **more: Any) -> Study:
        """The same, without a table to return; ``more`` are arguments of `shoal.tune`."""
        if callable(evaluator):
            evaluator = Evaluator.create(evaluator)
        if not isinstance(evaluator, Evaluator):
            raise ShoalError(
                f"search needs an evaluator, as Evaluator.create(run, method='process'); got {evaluator!r}"
            )
        if max_evals == 0 or max_evals < -1:
            raise ShoalError(f"max_evals must be above 0, or -1 for no limit; got {max_evals}")
        asked = {"progress": bool(self._verbose), **self.arguments(), **evaluator.plan(), **more}
        before = 0
        if self.study is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            former = results.keep_former(self._folder) if self._table and evaluator.is_master else None
            if former is not None:
                print(f"the results of an earlier search are in {former}", file=sys.stderr)
            asked |= {"store": self._store, "name": more.get("name") or self._name(evaluator)}
        else:
            asked = {"store": self._store, "name": self.study.name, "progress": asked["progress"], **evaluator.plan()}
            before = len(self.study.trials)
        trials = None if max_evals < 0 else before + max_evals
        study = tune(self._objective(evaluator), trials=trials, timeout=timeout, **asked)
        self.study = study
        if study.speaks:
            results.write(study, self._folder, self._table)
        return study

    def arguments(self) -> dict[str, Any]:
        """The arguments for `shoal.tune` that the problem, the search and the stopper are."""
        stopping = {} if self._stopper is None else self._stopper.plan()
        return {
            "space": self._problem.space, "start": self._start, "metric": METRIC, "goal": "maximize",
            "search": self._search, "settings": self._settings, "seed": self._seed, "max_failures": FAILURES,
            **stopping,
        }  # fmt: skip

    @property
    def _store(self) -> str:
        return f"sqlite:///{(self._folder / 'shoal.db').absolute()}"

    def _name(self, evaluator: Evaluator) -> str:
        stem = getattr(evaluator.run_function, "__name__", "hps")
        return unused_name(catalog.store(self._store), stem if stem.isidentifier() else "hps")

    def _objective(self, evaluator: Evaluator) -> Any:
        last = None if self._stopper is None else self._stopper.last
        if isinstance(evaluator.run_function, str):
            return adapter(evaluator.run_function, self._problem.inactive, last)
        return Evaluation(evaluator.run_function, self._problem.inactive, last, evaluator.run_function_kwargs)

    def __getattr__(self, name: str) -> Any:
        if name in ABSENT:
            raise ShoalError(f"{type(self).__name__}.{name} has no counterpart in Shoal; use {ABSENT[name]}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class CBO(Search):
    """Bayesian optimisation with a forest, or a Gaussian process; every peer proposes for itself, none is central."""

    def translate(self, options: Mapping[str, Any], dimensions: int) -> tuple[str, dict[str, Any]]:
        return model_based(options, dimensions)


class AMBS(CBO):
    """Asynchronous model-based search: what `CBO` was called at first."""


class RandomSearch(Search):
    def translate(self, options: Mapping[str, Any], dimensions: int) -> tuple[str, dict[str, Any]]:
        return "random", _known(self, options, {})


class RegularizedEvolution(Search):
    def translate(self, options: Mapping[str, Any], dimensions: int) -> tuple[str, dict[str, Any]]:
        return "evolution", _known(self, options, {"population_size": "population", "sample_size": "sample"})


def _known(search: Search, options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    for name, value in options.items():
        if name not in names and value is not None and (name, value) != ("solution_selection", "argmax_obs"):
            raise ShoalError(f"{type(search).__name__}: {name}={value!r} has no counterpart in Shoal; leave it out")
    return {names[name]: value for name, value in options.items() if name in names and value is not None}


def _seed(state: Any) -> int | None:
    if isinstance(state, np.random.RandomState):
        return int(state.randint(2**31))
    if state is not None and (isinstance(state, bool) or not isinstance(state, (int, np.integer))):
        raise ShoalError(f"random_state must be a whole number, got {state!r:.100}")
    return None if state is None else int(state)
