"""``Tuner(trial_backend, scheduler, stop_criterion, n_workers).run()`` as a call of `shoal.tune`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import time
from typing import Any, NoReturn

from shoal import catalog
from shoal.beginning import placed
from shoal.dialects.syne_tune.backend import LocalBackend, PythonBackend
from shoal.dialects.syne_tune.constants import ST_CRITERION, ST_DATETIME_FORMAT, ST_TUNER_CREATION_TIMESTAMP
from shoal.dialects.syne_tune.optimizer.scheduler import Scheduler
from shoal.dialects.syne_tune.places import store_url, write_metadata
from shoal.dialects.syne_tune.refusals import only, refused
from shoal.dialects.syne_tune.rows import best_row, one_of_metrics, rows
from shoal.dialects.syne_tune.stopping_criterion import StoppingCriterion
from shoal.dialects.syne_tune.watch import Watch
from shoal.errors import StudyError
from shoal.files import study_directory
from shoal.moves import files_beside
from shoal.study import Study
from shoal.tuning import tune

PATIENT = 1e6  # seconds of grace: trials that run may come to their end


class Tuner:
    """Tunes the backend's script as the scheduler says, with ``n_workers`` processes, until the criterion is met.

    ``stop_criterion`` is a `StoppingCriterion`, or a function of a status. ``max_failures`` failed trials are allowed.
    Trials that run when it is met end at once, or with ``wait_trial_completion_when_stopping`` by themselves. The
    study is called ``tuner_name`` and the time, or with ``suffix_tuner_name=False`` just that: running it again goes on
    with it. Nothing here waits or is written late, so ``sleep_time``, ``results_update_interval``,
    ``print_update_interval``, ``save_tuner`` and ``start_jobs_without_delay`` hold whatever they are.

    Raises StudyError for options that Shoal does not have.
    """

    def __init__(
        self, trial_backend: LocalBackend | PythonBackend, scheduler: Scheduler, stop_criterion: Callable[[Any], Any],
        n_workers: int, sleep_time: float = 5.0, results_update_interval: float = 10.0,
        print_update_interval: float = 30.0, max_failures: int = 1, tuner_name: str | None = None,
        asynchronous_scheduling: bool = True, wait_trial_completion_when_stopping: bool = False,
        callbacks: Sequence[Any] | None = None, metadata: Mapping[str, Any] | None = None,
        suffix_tuner_name: bool = True, save_tuner: bool = True, start_jobs_without_delay: bool = True,
        trial_backend_path: str | Path | None = None, output_logger: Any = None,
    ) -> None:  # fmt: skip
        only("asynchronous_scheduling", asynchronous_scheduling, (True,), "peers never wait for each other")
        only("output_logger", output_logger, (None,), "progress is shown by Shoal; `shoal status` shows more")
        if callbacks:
            raise refused("callbacks", "read the study while it runs, with shoal.Study.open or `shoal status`")
        if not isinstance(trial_backend, (LocalBackend, PythonBackend)):
            raise refused(f"trial_backend={trial_backend!r:.100}", "use LocalBackend or PythonBackend")
        if not isinstance(scheduler, Scheduler):
            raise refused(f"scheduler={scheduler!r:.100}", "use those of shoal.dialects.syne_tune.optimizer")
        if not callable(stop_criterion):
            raise StudyError(f"stop_criterion must be a StoppingCriterion or a function, got {stop_criterion!r:.100}")
        if isinstance(n_workers, bool) or not isinstance(n_workers, int) or n_workers < 1:
            raise StudyError(f"n_workers must be a whole number of 1 or more, got {n_workers!r:.100}")
        if isinstance(max_failures, bool) or not isinstance(max_failures, int) or max_failures < 0:
            raise StudyError(f"max_failures must be a whole number of 0 or more, got {max_failures!r:.100}")
        _intervals(sleep_time, results_update_interval, print_update_interval)
        self.trial_backend, self.scheduler, self.stop_criterion = trial_backend, scheduler, stop_criterion
        self.n_workers, self.max_failures = n_workers, max_failures
        self.name = _name(tuner_name or trial_backend.name, suffix_tuner_name)
        self.metadata = dict(metadata or {})
        self.study: Study | None = None
        self._waits = wait_trial_completion_when_stopping
        self._directory = trial_backend_path
        self._objective = trial_backend.objective(scheduler.config_space)

    def run(self) -> None:
        """Tune. Raises StudyError where more trials failed than are allowed, or nothing could begin."""
        store = catalog.store(store_url(create=True))
        print(f"tuner {self.name!r}: {self.scheduler}", file=sys.stderr)
        directory = str(Path(self._directory).absolute()) if self._directory else files_beside(store.url)
        plan = placed(store, self.name, directory)
        self.tuner_path = study_directory(plan)
        write_metadata(plan, self._metadata())
        with (
            Watch(store, self.name, self.stop_criterion, self.max_failures) as watch,
            self.trial_backend.gpus.visible(),
        ):
            self.study = tune(self._objective, store=store_url(), **self._asked(directory), **self._ends())
        watch.complain()
        self._complain()

    def _ends(self) -> dict[str, Any]:
        """What of the criterion a study itself minds."""
        given = self.stop_criterion
        if not isinstance(given, StoppingCriterion):
            return {}
        ends = {"trials": given.trials, "done": given.done, "timeout": given.max_wallclock_time}
        return {name: value for name, value in ends.items() if value is not None}

    def _asked(self, directory: str) -> dict[str, Any]:
        scheduler = self.scheduler
        return {
            "space": scheduler.space, "metric": scheduler.metric, "goal": scheduler.goal, "search": scheduler.search,
            "settings": scheduler.settings, "stopping": scheduler.stopping or "none",
            "stopping_settings": scheduler.stopping_settings, "budget": scheduler.budget, "seed": scheduler.seed,
            "start": scheduler.start, "name": self.name, "workers": self.n_workers,
            "max_failures": self.max_failures + 1, "directory": directory,
            "grace": PATIENT if self._waits else 0.0, "gpus": self.trial_backend.gpus.share(self.n_workers),
            "keep_checkpoints": 0 if self.trial_backend.delete_checkpoints else None,
        }  # fmt: skip

    def _metadata(self) -> dict[str, Any]:
        given = self.stop_criterion
        ends = {ST_CRITERION: given.of_reports} if isinstance(given, StoppingCriterion) else {}
        return {
            **ends, ST_TUNER_CREATION_TIMESTAMP: time(), **self.metadata, "metric_names": self.scheduler.metric_names(),
            "metric_mode": self.scheduler.metric_mode(), "entrypoint": Path(self.trial_backend.entry_point).stem,
            "backend": type(self.trial_backend).__name__, "scheduler_name": type(self.scheduler).__name__,
        }  # fmt: skip

    def _complain(self) -> None:
        assert self.study is not None
        failed = [trial for trial in self.study.trials if trial.outcome == "failed"]
        if len(failed) > self.max_failures:
            first = failed[0]
            raise StudyError(
                f"{len(failed)} trials failed, and max_failures={self.max_failures}. Trial {first.number} with "
                f"{first.params}: {first.reason}\n{first.traceback}".rstrip()
            )

    def best_config(self, metric: str | int = 0) -> tuple[int, dict[str, Any]]:
        """The number and the config of the trial with the best report of a metric, also where it was stopped later."""
        if self.study is None:
            raise StudyError(f"tuner {self.name!r} has not run yet: call run(), or load_experiment({self.name!r})")
        name, mode = one_of_metrics(metric, self.scheduler.metric_names(), self.scheduler.metric_mode())
        number = best_row(rows(self.study), name, mode)["trial_id"]
        return number, self.study.trials[number].params

    @staticmethod
    def load(tuner_path: str | None) -> NoReturn:
        """Refused: nothing is pickled."""
        raise refused("Tuner.load", "go on with `shoal resume NAME`, or look at it with load_experiment(NAME)")

    def save(self, folder: str | None = None) -> NoReturn:
        """Refused: every record is in the store at once."""
        raise refused("Tuner.save", "all there is to save is in the store already")


def _name(stem: str, suffix: bool) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", stem := re.sub(r"[_ .]", "-", stem)):
        raise StudyError(f"tuner_name may have letters, digits and single '-' between them, got {stem!r:.100}")
    if not suffix:
        return stem
    now = datetime.now()
    return f"{stem}-{now.strftime(ST_DATETIME_FORMAT)}-{now.microsecond // 1000:03d}"


def _intervals(*values: float) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
            raise StudyError(f"an interval is a number of seconds, 0 or more, got {value!r:.100}")
