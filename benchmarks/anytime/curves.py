"""Learning curves of real models, recorded once on scikit-learn's bundled data and kept in the cache: a minute each."""

from __future__ import annotations

import itertools
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.environments import CACHE
from benchmarks.quality.tables import Axes, Table
from benchmarks.running import say

EPOCHS, TREES = 27, 81
DIVERGED = ("finite", "overflow", "NaN")  # in what scikit-learn says of weights that are not numbers any more
Point = tuple[int, float, float]  # step, loss, seconds since the trial began
Record = Callable[[Mapping[str, Any]], Iterator[float]]  # yields the validation loss after each step


@dataclass(frozen=True)
class Curves:
    """The curves of every point of a grid: losses and seconds, [points, steps]. Seconds add up along a curve.

    Between points of the grid losses are interpolated on a log scale and seconds on a linear one, so that no search
    comes to the end of a small grid; the least loss is still one that was measured.
    """

    axes: Axes
    losses: NDArray[np.float64]
    seconds: NDArray[np.float64]

    @property
    def space(self) -> dict[str, dict[str, Any]]:
        return Table(self.axes, self.losses, self.seconds).space

    def curve(self, params: Mapping[str, Any]) -> list[Point]:
        rows, weights = self._corners(params)
        losses = np.exp(weights @ np.log(np.maximum(self.losses[rows], 1e-12)))
        steps = zip(losses.tolist(), (weights @ self.seconds[rows]).tolist(), strict=True)
        return [(step, loss, seconds) for step, (loss, seconds) in enumerate(steps, start=1)]

    def _corners(self, params: Mapping[str, Any]) -> tuple[list[int], NDArray[np.float64]]:
        """The points of the grid around some params, and how much each of them counts."""
        space, found = self.space, {0: 1.0}
        for name, values in self.axes.items():
            around = _around(values, params[name], bool(space[name].get("log")))
            found = {
                row * len(values) + at: share * part for row, share in found.items() for at, part in around.items()
            }
        return list(found), np.array(list(found.values()))


def _around(values: list[Any], value: Any, log: bool) -> dict[int, float]:
    """The one or two places of an axis that a value is at, and how near it is to each."""
    if isinstance(value, str):
        return {values.index(value): 1.0}
    scale: Callable[[float], float] = math.log if log else float
    at = float(np.interp(scale(value), [scale(known) for known in values], range(len(values))))
    low, part = int(at), at - int(at)
    return {low: 1.0 - part, low + 1: part} if part else {low: 1.0}


def _logspace(low: float, high: float, count: int) -> list[float]:
    return np.geomspace(low, high, count).tolist()


NETWORK: Axes = {
    "units": [8, 24, 64], "rate": _logspace(1e-4, 1e0, 9), "alpha": _logspace(1e-6, 1e0, 3), "batch": [16, 64],
    "solver": ["adam", "sgd"],
}  # fmt: skip
LINEAR: Axes = {
    "loss": ["hinge", "log_loss", "modified_huber"], "penalty": ["l1", "l2"], "alpha": _logspace(1e-6, 1e-1, 6),
    "rate": _logspace(1e-4, 1e1, 6), "schedule": ["constant", "invscaling"],
}  # fmt: skip
BOOSTING: Axes = {
    "rate": _logspace(1e-2, 1e0, 7), "depth": [1, 2, 3, 4, 6], "subsample": [0.3, 0.6, 1.0], "leaf": [1, 5, 20],
}  # fmt: skip


def _halves(data: str, stratified: bool) -> Any:
    """Scaled inputs to train and to validate on, then the answers of both."""
    from sklearn import datasets, model_selection, preprocessing

    x, y = getattr(datasets, f"load_{data}")(return_X_y=True)
    x, y = preprocessing.scale(x)[:1_000], y[:1_000]
    return model_selection.train_test_split(x, y, test_size=0.5, random_state=0, stratify=y if stratified else None)


def _network(data: str) -> Record:
    from sklearn import metrics, neural_network

    x, held_x, y, held_y = _halves(data, stratified=True)

    def record(params: Mapping[str, Any]) -> Iterator[float]:
        model = neural_network.MLPClassifier(
            (params["units"],), solver=params["solver"], learning_rate_init=params["rate"], alpha=params["alpha"],
            batch_size=params["batch"], random_state=0,
        )  # fmt: skip
        for _ in range(EPOCHS):
            model.partial_fit(x, y, classes=np.unique(y))
            yield float(metrics.log_loss(held_y, model.predict_proba(held_x), labels=model.classes_))

    return record


def _linear(data: str) -> Record:
    from sklearn import linear_model

    x, held_x, y, held_y = _halves(data, stratified=True)

    def record(params: Mapping[str, Any]) -> Iterator[float]:
        model = linear_model.SGDClassifier(
            loss=params["loss"], penalty=params["penalty"], alpha=params["alpha"], eta0=params["rate"],
            learning_rate=params["schedule"], random_state=0,
        )  # fmt: skip
        for _ in range(EPOCHS):
            model.partial_fit(x, y, classes=np.unique(y))
            yield 1.0 - float(model.score(held_x, held_y))

    return record


def _boosting(data: str) -> Record:
    from sklearn import ensemble, metrics

    classes = data != "diabetes"
    x, held_x, y, held_y = _halves(data, stratified=classes)

    def record(params: Mapping[str, Any]) -> Iterator[float]:
        make = ensemble.GradientBoostingClassifier if classes else ensemble.GradientBoostingRegressor
        model = make(
            learning_rate=params["rate"], max_depth=params["depth"], subsample=params["subsample"],
            min_samples_leaf=params["leaf"], n_estimators=1, warm_start=True, random_state=0,
        )  # fmt: skip
        for trees in range(1, TREES + 1):
            model.set_params(n_estimators=trees).fit(x, y)
            if classes:
                yield float(metrics.log_loss(held_y, model.predict_proba(held_x)))
            else:
                yield 1.0 - float(model.score(held_x, held_y))

    return record


MAKERS: Mapping[str, tuple[Axes, Callable[[str], Record], str, int]] = {
    "network_digits": (NETWORK, _network, "digits", EPOCHS),
    "network_breast_cancer": (NETWORK, _network, "breast_cancer", EPOCHS),
    "linear_digits": (LINEAR, _linear, "digits", EPOCHS),
    "boosting_diabetes": (BOOSTING, _boosting, "diabetes", TREES),
    "boosting_breast_cancer": (BOOSTING, _boosting, "breast_cancer", TREES),
}
NAMES = tuple(MAKERS)


def load(name: str) -> Curves:
    """Curves from the cache; they are recorded when they are not there."""
    path = CACHE / "curves" / f"{name}.json"
    axes, make, data, steps = MAKERS[name]
    if not path.exists():
        say(f"training the models of the curves {name}, {math.prod(map(len, axes.values())):,} of them")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_train(axes, make(data), steps)))
    losses, seconds = (np.array(column) for column in json.loads(path.read_text()))
    return Curves(axes, losses, seconds)


def _train(axes: Axes, record: Record, steps: int) -> list[Any]:
    points = (dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values()))
    with warnings.catch_warnings(), np.errstate(all="ignore"), threadpool_limits(1):
        warnings.simplefilter("ignore")
        recorded = [_recorded(record(params), steps) for params in points]
    return [list(column) for column in zip(*recorded, strict=True)]


def _recorded(running: Iterator[float], steps: int) -> tuple[list[float], list[float]]:
    """Losses, NaN from where training failed, and seconds of the processor since it began."""
    losses, seconds, began = [math.nan] * steps, [math.nan] * steps, process_time()
    for step in range(steps):
        try:
            losses[step] = next(running)
        except ValueError as error:
            if not any(word in str(error) for word in DIVERGED):
                raise
            break
        finally:
            seconds[step] = process_time() - began
    return losses, seconds
