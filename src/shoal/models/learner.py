"""Hyperparameters of Gaussian processes, learnt anew as observations come in: only as often as it pays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from shoal.models.evidence import Evidence, Theta
from shoal.space.domain import Array

LEARNT = 200  # observations that they are learnt from
ALIKE = 800  # observations times samples: what is worth averaging
ANEW = 8  # observations after which samples are drawn anew: with many there are few, so that proposals would be alike


class Learner:
    """The mode of the hyperparameters, and samples; both change little from trial to trial.

    They are those of the first observations, with room for a few to come in late, so that all peers that know the same
    have the same.
    """

    def __init__(self, group: NDArray[np.int_], seed: int, samples: int) -> None:
        self._group, self._seed, self._samples = group, seed, samples
        self._modes: dict[int, tuple[int, Theta]] = {}  # number of observations -> their hash, and the mode
        self._drawn: tuple[int, Theta | None] = (0, None)  # of how many observations, and around which mode, are …
        self._latest: list[tuple[Theta, int]] = []  # … these

    def __call__(self, x: Array, losses: Callable[[int], Array]) -> list[tuple[Theta, int]]:
        """Of coordinates [n, c], with the losses of the first of them as they were known by then. The mode comes first;
        each counts as often as it was sampled, once more for the mode."""
        mode = self._mode(x, losses, settled(len(x)))
        count = settled(len(x), ANEW)
        if self._drawn[0] != count or self._drawn[1] is not mode:
            few = max(min(self._samples, 3), min(self._samples, ALIKE // count))
            rng = np.random.default_rng([self._seed, count])
            thetas = [mode, *self._evidence(x, losses(count)).sample(mode, few, rng)]
            times = Counter(map(id, thetas))  # rejected samples repeat the one before
            unique = {id(theta): theta for theta in thetas}
            self._drawn, self._latest = (count, mode), [(theta, times[key]) for key, theta in unique.items()]
        return self._latest

    def _mode(self, x: Array, losses: Callable[[int], Array], count: int) -> Theta:
        told = losses(count)
        key = hash((x[:count].tobytes(), told.tobytes()))
        if count not in self._modes or self._modes[count][0] != key:
            start = self._mode(x, losses, count // 2) if count >= 10 else None
            self._modes[count] = key, self._evidence(x, told).mode(start)
        return self._modes[count][1]

    def _evidence(self, x: Array, losses: Array) -> Evidence:
        kept = spread(losses, LEARNT)
        return Evidence(x[kept], losses[kept], self._group, losses)


def settled(count: int, most: int | None = None) -> int:
    """The count down to its four leading binary digits: it changes once they have grown by 6 to 12 %, or by ``most``, a
    power of two.

    Half of it was settled once, too, so that each mode starts from one that was found before.

    >>> [settled(count) for count in (7, 33, 100, 127, 999)]
    [7, 32, 96, 120, 960]
    """
    step = 1 << max(count.bit_length() - 4, 0)
    return count - count % (step if most is None else min(step, most))


def spread(losses: Array, most: int, first: NDArray[np.bool_] | None = None) -> NDArray[np.int_]:
    """Which to keep, in order: all, or the best half of ``most`` and an even choice among the others; those that come
    ``first`` before any other."""
    if len(losses) <= most:
        return np.arange(len(losses))
    if first is not None:
        before, after = np.flatnonzero(first), np.flatnonzero(~first)
        few = min(len(before), most)
        before, after = before[spread(losses[before], few)], after[spread(losses[after], most - few)]
        return np.sort(np.concatenate([before, after]))
    order = np.argsort(losses, kind="stable")
    best, rest = order[: most // 2], np.sort(order[most // 2 :])
    return np.sort(np.concatenate([best, rest[np.linspace(0, len(rest) - 1, most - len(best)).astype(int)]]))
