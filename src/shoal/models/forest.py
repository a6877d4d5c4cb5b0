"""Extremely randomised trees, all grown at once, level by level, in numpy.

P. Geurts, D. Ernst, L. Wehenkel: Extremely Randomized Trees. Machine Learning 63, 2006. A node is split at a random
place of the param, among some drawn at random, that leaves least variance. The deviation of a prediction is that of the
law of total variance: within leaves and between trees (F. Hutter, L. Xu, H. H. Hoos, K. Leyton-Brown: Algorithm Runtime
Prediction. Artificial Intelligence 206, 2014, section 4.3.2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.space.domain import Array

Ints = NDArray[np.int_]
LEAVES: Final = np.array([1, 2, 4, 8, 16])
FOLDS: Final = 4


@dataclass(frozen=True)
class Split:
    """The best split found for each of some nodes: [k]; ``gain`` is -inf where there is none."""

    feature: Ints
    threshold: Array
    gain: Array


@dataclass(frozen=True)
class Nodes:
    """Nodes [k] of trees: the coordinate that is split (-1: a leaf), where, the left child (the right one follows it),
    and the mean of a leaf."""

    feature: Ints
    threshold: Array
    child: Ints
    mean: Array


class Forest:
    """Trees over coordinates x [n, c] and outputs y [n]; leaves hold ``leaf`` points or more.

    The best of ``tries`` random splits is taken; where none of them splits anything, up to ``retries`` more are tried:
    with some for each coordinate the forest tells any two points apart.
    """

    def __init__(
        self, x: Array, y: Array, rng: np.random.Generator, trees: int = 30, leaf: int = 1, tries: int = 0,
        retries: int = 0,
    ) -> None:  # fmt: skip
        self._x, self._y, self._rng, self._leaf, self._retries = x, y, rng, leaf, retries
        self._tries = tries or max(1, -(-x.shape[1] // 2))
        self.trees = trees
        self._feature, self._threshold, self._child = [], [], []  # type: ignore[var-annotated]
        self._grow()
        leaves = self.leaves(x)
        count = np.bincount(leaves.ravel(), minlength=self._nodes)
        self._count = np.maximum(count, 1).astype(float)
        told = np.broadcast_to(y[:, None], leaves.shape).ravel()
        self._sum = np.bincount(leaves.ravel(), told, self._nodes)
        self._squares = np.bincount(leaves.ravel(), told * told, self._nodes)

    def _grow(self) -> None:
        n, trees = len(self._x), self.trees
        rows = np.tile(np.arange(n), trees)  # grouped by node
        sizes = np.full(trees, n)
        self._nodes = 0
        while len(sizes):
            split = self._best(rows, sizes)
            splits = split.gain > -np.inf
            made = 2 * np.cumsum(splits) - 2
            self._feature.append(np.where(splits, split.feature, -1))
            self._threshold.append(split.threshold)
            self._child.append(np.where(splits, self._nodes + len(sizes) + made, 0))
            self._nodes += len(sizes)
            node = np.repeat(np.arange(len(sizes)), sizes)
            kept = splits[node]
            rows, node = rows[kept], node[kept]
            right = self._x[rows, split.feature[node]] > split.threshold[node]
            key = made[node] + right
            order = np.argsort(key, kind="stable")
            rows, sizes = rows[order], np.bincount(key, minlength=2 * int(splits.sum()))
        self._tree = tuple(np.concatenate(parts) for parts in (self._feature, self._threshold, self._child))

    def _best(self, rows: Ints, sizes: Ints) -> Split:
        """Of some random splits of each node, the one that leaves least variance."""
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        node = np.repeat(np.arange(len(sizes)), sizes)
        y = self._y[rows]
        total = np.add.reduceat(y, starts)
        alike = np.maximum.reduceat(y, starts) == np.minimum.reduceat(y, starts)
        best = Split(np.zeros(len(sizes), dtype=int), np.zeros(len(sizes)), np.full(len(sizes), -np.inf))
        for place in range(self._tries + self._retries if not alike.all() else 0):
            if place >= self._tries and np.all(alike | (best.gain > -np.inf)):
                break
            feature = self._rng.integers(self._x.shape[1], size=len(sizes))
            x = self._x[rows, feature[node]]
            low, high = np.minimum.reduceat(x, starts), np.maximum.reduceat(x, starts)
            threshold = low + self._rng.random(len(sizes)) * (high - low)
            right = x > threshold[node]
            count = np.add.reduceat(right, starts, dtype=int)
            above = np.add.reduceat(y * right, starts)
            with np.errstate(divide="ignore", invalid="ignore"):
                gain = above**2 / count + (total - above) ** 2 / (sizes - count)
            gain = np.where((count >= self._leaf) & (sizes - count >= self._leaf) & ~alike, gain, -np.inf)
            better = gain > best.gain if place < self._tries else (best.gain == -np.inf) & (gain > -np.inf)
            best = Split(*(np.where(better, new, old) for new, old in (
                (feature, best.feature), (threshold, best.threshold), (gain, best.gain))))  # fmt: skip
        return best

    def leaves(self, x: Array) -> Ints:
        """The leaf of each tree that each of the coordinates [m, c] falls into: [m, trees]."""
        node = np.empty(len(x) * self.trees, dtype=int)
        for place, at in self._levels(x):
            node[place] = at
        return node.reshape(len(x), self.trees)

    def _levels(self, x: Array) -> Iterator[tuple[Ints, Ints]]:
        """The way down, from the roots: places in [m · trees] that have come so far, and the nodes they are at."""
        feature, threshold, child = self._tree
        place, at = np.arange(len(x) * self.trees), np.tile(np.arange(self.trees), len(x))
        while len(place):
            yield place, at
            inner = feature[at] >= 0
            place, at = place[inner], at[inner]
            at = child[at] + (x[place // self.trees, feature[at]] > threshold[at])

    def pruned(self, x: Array, leaf: Ints) -> Array:
        """Means [m, k] at coordinates [m, c], were leaves of fewer points than each of ``leaf`` [k] cut off."""
        count, total = np.zeros(self._nodes), np.zeros(self._nodes)
        for place, at in self._levels(self._x):
            count += np.bincount(at, minlength=self._nodes)
            total += np.bincount(at, self._y[place // self.trees], self._nodes)
        found = np.full((len(x) * self.trees, len(leaf)), self._y.mean())
        for place, at in self._levels(x):
            enough = count[at][:, None] >= leaf
            found[place] = np.where(enough, (total[at] / count[at])[:, None], found[place])
        return np.asarray(found.reshape(len(x), self.trees, len(leaf)).mean(1))

    @property
    def nodes(self) -> Nodes:
        """All nodes of all trees, level by level: a child comes after its parent, the roots first."""
        feature, threshold, child = self._tree
        return Nodes(feature, threshold, child, self._sum / self._count)

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and deviation at coordinates [m, c]: two arrays [m]."""
        leaves = self.leaves(x)
        means = (self._sum / self._count)[leaves]
        within = np.maximum(self._squares / self._count - (self._sum / self._count) ** 2, 0.0)[leaves]
        return means.mean(1), np.sqrt(within.mean(1) + means.var(1) + 1e-12)


def best_leaf(x: Array, y: Array, rng: np.random.Generator) -> int:
    """How many points a leaf should hold, as those that are left out of forests are foreseen: the fewest of which the
    error is within one deviation of the least (L. Breiman, J. Friedman, R. Olshen, C. Stone: Classification and
    Regression Trees. 1984, section 3.4.3). One where outputs have little noise; where they have, a leaf of one point
    takes chance for truth."""
    errors = list[Array]()
    for _ in range(FOLDS):
        out = rng.permutation(len(y)) < max(len(y) // FOLDS, 1)
        forest = Forest(x[~out], y[~out], rng, trees=15)
        errors.append((forest.pruned(x[out], LEAVES) - y[out][:, None]) ** 2)
    found = np.concatenate(errors)
    beyond = found - found[:, [found.mean(0).argmin()]]  # the least
    close = beyond.mean(0) <= beyond.std(0) / np.sqrt(len(found))
    return int(LEAVES[close.argmax()])
