"""Tables of real models, trained once on scikit-learn's bundled data and kept in the cache: a minute each to make."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.environments import CACHE
from benchmarks.running import say

Axes = Mapping[str, list[Any]]


@dataclass(frozen=True)
class Table:
    """Losses and seconds of every point of a grid. A value between two of the grid counts as the nearest, as lists of
    log-spaced numbers are read on a log scale."""

    axes: Axes
    losses: NDArray[np.float64]
    seconds: NDArray[np.float64]

    @property
    def space(self) -> dict[str, dict[str, Any]]:
        return {name: _spec(values) for name, values in self.axes.items()}

    def run(self, params: Mapping[str, Any]) -> tuple[float, float]:
        place = tuple(_nearest(values, params[name]) for name, values in self.axes.items())
        return float(self.losses[place]), float(self.seconds[place])


def _spec(values: list[Any]) -> dict[str, Any]:
    if isinstance(values[0], str):
        return {"type": "cat", "choices": values}
    kind = "int" if all(isinstance(value, int) for value in values) else "float"
    return {"type": kind, "low": values[0], "high": values[-1], "log": _is_log(values)}


def _is_log(values: list[Any]) -> bool:
    return values[0] > 0 and values[-1] >= 20 * values[0]


def _nearest(values: list[Any], value: Any) -> int:
    if isinstance(value, str):
        return values.index(value)
    scale: Callable[[float], float] = math.log if _is_log(values) else float
    return min(range(len(values)), key=lambda place: abs(scale(values[place]) - scale(value)))


def _logspace(low: float, high: float, count: int) -> list[float]:
    return np.geomspace(low, high, count).tolist()


SVM: Axes = {
    "kernel": ["rbf", "poly", "sigmoid"], "C": _logspace(1e-3, 1e3, 13), "gamma": _logspace(1e-5, 1e1, 13),
}  # fmt: skip
FOREST: Axes = {
    "max_features": [0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0], "min_samples_leaf": [1, 2, 4, 8, 16, 32],
    "max_depth": [2, 3, 4, 6, 8, 12, 16], "max_leaf_nodes": [8, 32, 128],
}  # fmt: skip
NETWORK: Axes = {
    "units": [4, 8, 16, 32, 64], "rate": _logspace(1e-4, 1e-1, 7), "alpha": _logspace(1e-6, 1e-1, 4),
    "activation": ["relu", "tanh", "logistic"], "batch": [16, 64, 256],
}  # fmt: skip


def _svm(data: str) -> Callable[[Mapping[str, Any]], float]:
    from sklearn import datasets, model_selection, pipeline, preprocessing, svm

    x, y = getattr(datasets, f"load_{data}")(return_X_y=True)
    x, y = x[:600], y[:600]

    def loss(params: Mapping[str, Any]) -> float:
        model = pipeline.make_pipeline(preprocessing.StandardScaler(), svm.SVC(**params))
        return 1.0 - float(model_selection.cross_val_score(model, x, y, cv=3).mean())

    return loss


def _forest(data: str) -> Callable[[Mapping[str, Any]], float]:
    from sklearn import datasets, ensemble, model_selection

    x, y = getattr(datasets, f"load_{data}")(return_X_y=True)

    def loss(params: Mapping[str, Any]) -> float:
        model = ensemble.RandomForestRegressor(30, random_state=0, **params)
        return 1.0 - float(model_selection.cross_val_score(model, x, y, cv=3, scoring="r2").mean())

    return loss


def _network(data: str) -> Callable[[Mapping[str, Any]], float]:
    import warnings

    from sklearn import datasets, exceptions, metrics, model_selection, neural_network, preprocessing

    x, y = getattr(datasets, f"load_{data}")(return_X_y=True)
    x = preprocessing.scale(x)[:600]
    halves = model_selection.train_test_split(x, y[:600], test_size=0.5, random_state=0)

    def loss(params: Mapping[str, Any]) -> float:
        model = neural_network.MLPClassifier(
            (params["units"],), activation=params["activation"], learning_rate_init=params["rate"],
            alpha=params["alpha"], batch_size=params["batch"], max_iter=15, random_state=0,
        )  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", exceptions.ConvergenceWarning)
            model.fit(halves[0], halves[2])
        return float(metrics.log_loss(halves[3], model.predict_proba(halves[1]), labels=model.classes_))

    return loss


MAKERS: Mapping[str, tuple[Axes, Callable[[str], Callable[[Mapping[str, Any]], float]], str]] = {
    "svm_digits": (SVM, _svm, "digits"),
    "svm_breast_cancer": (SVM, _svm, "breast_cancer"),
    "forest_diabetes": (FOREST, _forest, "diabetes"),
    "network_digits": (NETWORK, _network, "digits"),
}
NAMES = tuple(MAKERS)


def load(name: str) -> Table:
    """A table from the cache; it is made when it is not there."""
    path = CACHE / "tables" / f"{name}.json"
    axes, make, data = MAKERS[name]
    if not path.exists():
        say(f"training the models of the table {name}, {math.prod(map(len, axes.values())):,} of them")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_train(axes, make(data))))
    losses, seconds = (np.array(column) for column in json.loads(path.read_text()))
    return Table(axes, losses, seconds)


def _train(axes: Axes, loss: Callable[[Mapping[str, Any]], float]) -> list[Any]:
    shape = tuple(len(values) for values in axes.values())
    losses, seconds = np.empty(shape), np.empty(shape)
    for place in itertools.product(*map(range, shape)):
        began = perf_counter()
        losses[place] = loss({name: values[at] for (name, values), at in zip(axes.items(), place, strict=True)})
        seconds[place] = perf_counter() - began
    return [losses.tolist(), seconds.tolist()]
