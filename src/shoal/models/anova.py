"""How much of a forest's variance each coordinate explains, alone and in pairs, and how the forest's mean goes with it.

F. Hutter, H. Hoos, K. Leyton-Brown: An Efficient Approach for Assessing Hyperparameter Importance. ICML 2014 (fANOVA,
sections 2 and 3): a tree cuts the space into boxes, so marginals over all other coordinates are sums over boxes. They
are taken of the mean of the trees here, whose noise is less than that of a tree. The mean decrease in impurity is that
of L. Breiman: Random Forests. Machine Learning 45, 2001.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Final

import numpy as np

from shoal.models.forest import Forest, Ints
from shoal.space.domain import Array

DRAWS: Final = 5_000  # points at which the variance of the whole is measured: its error is about 2 %


@dataclass(frozen=True)
class Axis:
    """The places [g] that a coordinate may take, in rising order, and how likely each is; the weights sum to 1."""

    places: Array
    weights: Array


class Anova:
    """The decomposition of a forest over coordinates in [0, 1] that are independent of each other."""

    def __init__(self, forest: Forest, axes: Sequence[Axis], rng: np.random.Generator) -> None:
        self._forest, self.axes = forest, axes
        points = np.stack([rng.choice(axis.places, DRAWS, p=axis.weights) for axis in axes], axis=1)
        told, _ = forest.predict(points)
        self._drawn = float(told.var())
        self._low, self._high, self._tree = _boxes(forest, len(axes))

    @cached_property
    def curves(self) -> list[tuple[Array, Array]]:
        """For each coordinate the mean of the forest at its places [g], over all the others, and how far single trees
        are from that [g]: the partial dependence."""
        told = [[_marginal(tree, j) for j in range(len(self.axes))] for tree in self._trees()]
        columns = (np.array([tree[j] for tree in told]) for j in range(len(self.axes)))
        return [(column.mean(0), column.std(0)) for column in columns]

    @cached_property
    def shares(self) -> Array:
        """The share of the variance that each coordinate explains alone: [c], 0 where nothing varies."""
        return self._alone / self.total if self.total > 0 else np.zeros(len(self.axes))

    @cached_property
    def _alone(self) -> Array:
        """The variance that each coordinate explains alone, [c]."""
        return np.array([_variance(c, a.weights) for (c, _), a in zip(self.curves, self.axes, strict=True)])

    @cached_property
    def total(self) -> float:
        """The variance of the forest: that of draws, and no less than what its coordinates explain, which is exact."""
        return max(self._drawn, float(self._alone.sum()))

    def pairs(self, among: Sequence[int]) -> dict[tuple[int, int], float]:
        """The share of the variance that two of some coordinates explain together, beyond what each does alone."""
        chosen = list(combinations(sorted(among), 2))
        sums = {pair: np.zeros([len(self.axes[j].places) for j in pair]) for pair in chosen}
        for tree in self._trees():
            for j, k in chosen:
                sums[j, k] += _surface(tree, j, k)
        found = {}
        for j, k in chosen:
            surface = sums[j, k] / self._forest.trees
            both = np.outer(self.axes[j].weights, self.axes[k].weights)
            explained = _variance(surface.ravel(), both.ravel()) / self.total if self.total > 0 else 0.0
            found[j, k] = max(explained - float(self.shares[j] + self.shares[k]), 0.0)
        return found

    def _trees(self) -> Iterator[_Tree]:
        """The leaves of each tree."""
        nodes = self._forest.nodes
        leaf = nodes.feature < 0
        for tree in range(self._forest.trees):
            own = np.flatnonzero(leaf & (self._tree == tree))
            low, high = self._low[own], self._high[own]
            inside = [
                ((axis.places > low[:, [j]]) & (axis.places <= high[:, [j]])).astype(np.float64)
                for j, axis in enumerate(self.axes)
            ]
            sizes = [within @ axis.weights for within, axis in zip(inside, self.axes, strict=True)]
            yield _Tree(inside, np.array(sizes), nodes.mean[own])


@dataclass(frozen=True)
class _Tree:
    """The leaves [l] of a tree: the places within them, of each coordinate [l, g]; their weight [c, l]; the means."""

    inside: list[Array]
    sizes: Array
    mean: Array

    def weight(self, *without: int) -> Array:
        """The volume of each leaf over all coordinates but these, times its mean: [l]."""
        kept = np.delete(self.sizes, without, axis=0)
        weight: Array = kept.prod(0) * self.mean
        return weight


def _marginal(tree: _Tree, j: int) -> Array:
    """â_j [g]: the tree's mean over all coordinates but one (their eq. 2)."""
    return np.asarray(tree.weight(j) @ tree.inside[j])


def _surface(tree: _Tree, j: int, k: int) -> Array:
    return np.asarray((tree.inside[j] * tree.weight(j, k)[:, None]).T @ tree.inside[k])


def _variance(values: Array, weights: Array) -> float:
    mean = float(weights @ values)
    return float(weights @ (values - mean) ** 2)


def _boxes(forest: Forest, width: int) -> tuple[Array, Array, Ints]:
    """The lower and upper corners of all nodes [k, c], and the tree that each is of."""
    nodes, trees = forest.nodes, forest.trees
    low, high = np.zeros((len(nodes.feature), width)), np.ones((len(nodes.feature), width))
    tree = np.zeros(len(nodes.feature), dtype=int)
    level = tree[:trees] = np.arange(trees)
    while len(level):
        level = level[nodes.feature[level] >= 0]
        left, feature = nodes.child[level], nodes.feature[level]
        for child in (left, left + 1):
            low[child], high[child], tree[child] = low[level], high[level], tree[level]
        high[left, feature] = low[left + 1, feature] = nodes.threshold[level]
        level = np.concatenate([left, left + 1])
    return low, high, tree


def impurity(forest: Forest, x: Array, y: Array) -> Array:
    """The mean decrease in impurity [c]: by how much the splits of a coordinate lessen the squared error over the
    points [n, c] with outputs [n]; the parts sum to 1, or are all 0 where no split does."""
    nodes = forest.nodes
    leaves = forest.leaves(x).ravel()
    each = np.repeat(y, forest.trees)
    count, total, squares = (
        np.bincount(leaves, w, len(nodes.feature)) for w in (np.ones_like(each), each, each * each)
    )
    found = np.zeros(x.shape[1])
    for node in np.flatnonzero(nodes.feature >= 0)[::-1].tolist():  # children first
        children = [nodes.child[node], nodes.child[node] + 1]
        for sums in (count, total, squares):
            sums[node] = sums[children].sum()
        errors = [squares[k] - total[k] ** 2 / max(count[k], 1.0) for k in (node, *children)]
        found[nodes.feature[node]] += max(errors[0] - errors[1] - errors[2], 0.0)
    return found / found.sum() if found.sum() > 0 else found
