"""What came out: ``load_experiment(name)`` with ``results``, ``best_config()`` and ``plot()``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal import catalog
from shoal.dialects.syne_tune.constants import (
    ST_DECISION,
    ST_TRIAL_ID,
    ST_TUNER_CREATION_TIMESTAMP,
    ST_TUNER_TIME,
)
from shoal.dialects.syne_tune.places import FILE, read_metadata, store_url
from shoal.dialects.syne_tune.refusals import absent, only
from shoal.dialects.syne_tune.rows import best_row, one_of_metrics, rows
from shoal.errors import ShoalError, StoreError
from shoal.files import study_directory
from shoal.study import Study

if TYPE_CHECKING:
    import pandas as pd

__getattr__ = absent(__name__, {"get_metadata": "use list_experiments(), each has its metadata"})


class ExperimentResult:
    """A study as Syne Tune shows it. ``results`` is a data frame, one row a report; it needs pandas."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self._definition = study._journal.history.definition
        self.name = study.name
        self.path: Path = study_directory(self._definition)

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        return rows(self.study)

    @cached_property
    def results(self) -> pd.DataFrame:
        try:
            import pandas as pd
        except ModuleNotFoundError:
            raise ShoalError("results needs pandas: pip install 'shoal[pandas]'; .rows is a list of dicts") from None
        return pd.DataFrame(self.rows)

    @property
    def metadata(self) -> dict[str, Any]:
        mode = "max" if self._definition.goal == "maximize" else "min"
        found = {"metric_names": [self._definition.metric], "metric_mode": mode}
        return {**found, **read_metadata(self._definition)}

    def metric_names(self) -> list[str]:
        return list(self.metadata["metric_names"])

    def metric_mode(self) -> str | list[str]:
        found: str | list[str] = self.metadata["metric_mode"]
        return found

    def entrypoint_name(self) -> str:
        return str(self.metadata.get("entrypoint", self._definition.objective))

    def creation_date(self) -> datetime:
        return datetime.fromtimestamp(self.metadata[ST_TUNER_CREATION_TIMESTAMP])

    def best_config(self, metric: str | int = 0) -> dict[str, Any]:
        """The best report: its metrics, ``trial_id``, and its config as ``config_NAME``."""
        best = best_row(self.rows, *self._metric(metric))
        return {name: value for name, value in best.items() if not name.startswith("st_")}

    def plot(self, metric_to_plot: str | int = 0, figure_path: str | None = None, **plt_kwargs: Any) -> None:
        """The best value so far over time; shown, or written to a file. Needs matplotlib."""
        metric, mode = self._metric(metric_to_plot)
        times: list[float] = []
        best: list[float] = []
        choose = min if mode == "min" else max
        for row in self.rows:
            if isinstance(row.get(metric), (int, float)):
                times.append(row[ST_TUNER_TIME])
                best.append(choose([row[metric], *best[-1:]]))
        figure, axes = _axes(metric, f"Best result over time {self.name}")
        axes.plot(times, best, **plt_kwargs)
        _finish(figure, figure_path)

    def plot_trials_over_time(
        self, metric_to_plot: str | int = 0, figure_path: str | None = None, figsize: tuple[float, float] = (12, 4)
    ) -> None:
        """Every trial's values over time, with a cross where it was stopped. Needs matplotlib."""
        metric, _ = self._metric(metric_to_plot)
        figure, axes = _axes(metric, f"Trials over time {self.name}", figsize)
        for number in sorted({row[ST_TRIAL_ID] for row in self.rows}):
            own = [row for row in self.rows if row[ST_TRIAL_ID] == number and metric in row]
            axes.plot([row[ST_TUNER_TIME] for row in own], [row[metric] for row in own], marker=".", alpha=0.5)
            ends = [row for row in own if row[ST_DECISION] == "STOP"]
            axes.scatter([row[ST_TUNER_TIME] for row in ends], [row[metric] for row in ends], marker="x", color="red")
        _finish(figure, figure_path)

    def _metric(self, metric: str | int) -> tuple[str, str]:
        return one_of_metrics(metric, self.metric_names(), self.metric_mode())

    def __str__(self) -> str:
        trials = len({row[ST_TRIAL_ID] for row in self.rows})
        return f"Experiment {self.name} contains {len(self.rows)} evaluations from {trials} trials"


def load_experiment(
    tuner_name: str, load_tuner: bool = False, local_path: str | None = None, experiment_name: str | None = None
) -> ExperimentResult:
    """The study of that name, also one that still runs. ``local_path``: the folder that holds its shoal.db.

    Raises StoreError where there is none of that name.
    """
    only("load_tuner", load_tuner, (False,), "nothing is pickled; the study has all there is")
    only("experiment_name", experiment_name, (None,), "give the study's own name")
    try:
        return ExperimentResult(Study.open(tuner_name, _url(local_path)))
    except StoreError as error:
        raise StoreError(
            f"experiment {tuner_name!r}: {error}. Give local_path, the folder in which the tuner ran; or set "
            "SYNETUNE_FOLDER, or SHOAL_STORE, as it was then"
        ) from None


def list_experiments(
    path_filter: Callable[[str], bool] | None = None,
    experiment_filter: Callable[[ExperimentResult], bool] | None = None,
    root: str | Path | None = None, load_tuner: bool = False,
) -> list[ExperimentResult]:  # fmt: skip
    """All studies of the store, the latest first. ``root``: the folder that holds shoal.db."""
    only("load_tuner", load_tuner, (False,), "nothing is pickled; the study has all there is")
    url = _url(root)
    found = [ExperimentResult(Study.open(name, url)) for name in catalog.store(url, create=False).studies()]
    kept = [one for one in found if (path_filter is None or path_filter(str(one.path)))
            and (experiment_filter is None or experiment_filter(one))]  # fmt: skip
    return sorted(kept, key=lambda one: one.metadata.get(ST_TUNER_CREATION_TIMESTAMP, 0.0), reverse=True)


def load_experiments_df(
    path_filter: Callable[[str], bool] | None = None,
    experiment_filter: Callable[[ExperimentResult], bool] | None = None, root: str | Path | None = None,
) -> pd.DataFrame:  # fmt: skip
    """The results of all studies, with ``tuner_name`` and their metadata as columns."""
    import pandas as pd

    tables = []
    for one in list_experiments(path_filter, experiment_filter, root):
        told = {name: value for name, value in one.metadata.items() if not isinstance(value, dict)}
        plain = {name: value[0] if isinstance(value, list) else value for name, value in told.items()}
        tables.append(one.results.assign(tuner_name=one.name, **plain))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _url(folder: str | Path | None) -> str:
    return store_url() if folder is None else str(Path(folder).expanduser() / FILE)


def _axes(metric: str, title: str, size: tuple[float, float] | None = None) -> tuple[Any, Any]:
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError:
        raise ShoalError("plot needs matplotlib: pip install 'shoal[plots]'") from None
    figure, axes = pyplot.subplots(figsize=size)
    axes.set(xlabel="wallclock time (secs)", ylabel=metric, title=title)
    return figure, axes


def _finish(figure: Any, path: str | None) -> None:
    if path is None:
        figure.show()
        return
    figure.savefig(path)
    import matplotlib.pyplot

    matplotlib.pyplot.close(figure)
