"""Which params matter, and how the metric goes with each: what a forest learns from the trials that are done.

Inactive params stand in the middle of their range. Constraints between params are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from shoal.errors import StudyError
from shoal.history import History
from shoal.models.anova import Anova, Axis, impurity
from shoal.models.foreseen import HUGE
from shoal.models.forest import Forest
from shoal.models.threads import one_thread
from shoal.space.cube import Cube
from shoal.space.domain import Array, Domain

FEWEST: Final = 10  # trials
MOST: Final = 2_000  # trials that are looked at, evenly chosen
TREES: Final = 64
PLACES: Final = 256  # of a range
PAIRED: Final = 6  # of the most important params, pairs are looked at


@dataclass(frozen=True)
class Dependence:
    """A param's values, the metric that the forest expects at each over all the others, and how far trees differ."""

    name: str
    values: list[Any]
    means: Array
    spread: Array


@dataclass(frozen=True)
class Importance:
    """Shares of the variance of a metric: of each param alone and of pairs, both by fANOVA, and the mean decrease in
    impurity (MDI). The first two leave out what is not in them: the rest are interactions of others and of more."""

    metric: str
    trials: int
    fanova: dict[str, float]
    mdi: dict[str, float]
    pairs: dict[tuple[str, str], float]
    dependence: list[Dependence]  # the most important first


def values_of(history: History, metric: str) -> tuple[Array, Array]:
    """The numbers [n] of the done trials that have a metric, a number, and the metric [n] as it was told, but for what
    diverged so far that its square would be infinite."""
    told = {number: history.metrics(number).get(metric) for number in history.numbers("done")}
    kept = {n: v for n, v in told.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
    return np.array(list(kept), dtype=int), np.clip(np.array(list(kept.values()), dtype=float), -HUGE, HUGE)


def importance(history: History, metric: str | None = None, trees: int = TREES) -> Importance:
    """Of the study's metric, or of another that trials end with. Raises StudyError where fewer than ten trials are
    done, or no param is searched."""
    metric = metric or history.definition.metric
    numbers, y = values_of(history, metric)
    usable = history.usable[numbers] if len(numbers) else np.zeros(0, dtype=bool)
    numbers, y = numbers[usable], y[usable]
    if len(numbers) < FEWEST:
        raise StudyError(
            f"importances of {metric!r} need {FEWEST} trials that are done with it; there are {len(numbers)}"
        )
    names = history.space.names
    if not names:
        raise StudyError("there is no param that is searched, so none is more important than another")
    if len(numbers) > MOST:
        chosen = np.linspace(0, len(numbers) - 1, MOST).astype(int)
        numbers, y = numbers[chosen], y[chosen]
    points = Cube(history.space).of_codes(history.x[numbers])
    x = np.where(np.isnan(points), 0.5, points)
    rng = np.random.default_rng(history.definition.seed)
    domains = list(history.space.searched.values())
    with one_thread():
        forest = Forest(x, y, rng, trees, leaf=max(1, len(y) // 500), tries=1, retries=4 * len(names))
        anova = Anova(forest, [_axis(domain) for domain in domains], rng)
        shares, mdi = anova.shares, impurity(forest, x, y)
        order = np.argsort(-shares, kind="stable")
        pairs = anova.pairs(order[:PAIRED].tolist())
    return Importance(
        metric, len(y),
        {names[j]: float(shares[j]) for j in order},
        {names[j]: float(mdi[j]) for j in order},
        {(names[j], names[k]): share for (j, k), share in sorted(pairs.items(), key=lambda pair: -pair[1])},
        [_dependence(names[j], domains[j], anova, j) for j in order],
    )  # fmt: skip


def _axis(domain: Domain) -> Axis:
    """The places of a domain, as often as it would be drawn there."""
    size = int(domain.size) if domain.size <= PLACES else 0
    count = size * -(-PLACES // size) if size else PLACES
    places, times = np.unique(domain.snap((np.arange(count) + 0.5) / count), return_counts=True)
    return Axis(places, times / count)


def _dependence(name: str, domain: Domain, anova: Anova, j: int) -> Dependence:
    means, spread = anova.curves[j]
    return Dependence(name, [domain.at(place) for place in anova.axes[j].places.tolist()], means, spread)


def rows(found: Importance, most: int = 5) -> list[tuple[str, str, str]]:
    """Rows for a table: name, fANOVA, MDI; then pairs of 1 % or more, at most so many."""
    alone = [(name, f"{share:.3f}", f"{found.mdi[name]:.3f}") for name, share in found.fanova.items()]
    return alone + [(f"{a} × {b}", f"{share:.3f}", "") for (a, b), share in found.pairs.items() if share >= 0.01][:most]
