"""The simplex of Nelder and Mead: its vertices, and where they may move.

J. Nelder, R. Mead: A Simplex Method for Function Minimization. The Computer Journal 7, 1965. The coefficients are by
default those that suit the number of dimensions: F. Gao, L. Han: Implementing the Nelder-Mead Simplex Algorithm with
Adaptive Parameters. Computational Optimization and Applications 51, 2012; for two dimensions they are the classic ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
REFLECT: Final = "reflected"
EXPAND: Final = "reflected far"
OUTSIDE: Final = "reflected near"
INSIDE: Final = "contracted"
FURTHER: Final = "expanded"  # the move of a best vertex that got there by being reflected
SHRINK: Final = "drawn"


@dataclass(frozen=True)
class Coefficients:
    """α, β, γ and δ of Gao and Han: how far each move goes, and how small the simplex gets when it shrinks."""

    reflection: float
    expansion: float
    contraction: float
    shrinkage: float

    @classmethod
    def adaptive(cls, n: int) -> Coefficients:
        """Gao & Han, eq. 4.1."""
        n = max(n, 2)
        return cls(1.0, 1 + 2 / n, 0.75 - 1 / (2 * n), 1 - 1 / n)

    def along(self, move: str) -> float:
        """How far a move goes, from the centroid away from the vertex, in their distances."""
        a, b, c = self.reflection, self.expansion, self.contraction
        return {REFLECT: a, EXPAND: a * b, OUTSIDE: a * c, INSIDE: -a * c, FURTHER: -b}[move]


@dataclass(frozen=True, eq=False)
class Simplex:
    """Vertices [k, m] in the order of their losses, then of the trials' numbers."""

    points: Array
    losses: tuple[float, ...]
    numbers: tuple[int, ...]

    @classmethod
    def of(cls, points: Array, losses: list[float], numbers: list[int]) -> Simplex:
        order = sorted(range(len(numbers)), key=lambda place: (losses[place], numbers[place]))
        return cls(points[order], tuple(losses[place] for place in order), tuple(numbers[place] for place in order))

    def __len__(self) -> int:
        return len(self.numbers)

    def centroid(self, vertex: int, moving: int = 1) -> Array:
        """Of the vertices that do not move while so many do: all but the worst, at least half of them, and none that is
        worse than the one that moves; for the best, of all others. So the volume does not vanish when several move at
        once (Lee & Wiswall 2007, section 3); where one does, it is the centroid of Nelder and Mead."""
        still = min(vertex, max(len(self) - moving, (len(self) + 1) // 2))
        return np.asarray((self.points[:still] if vertex else self.points[1:]).mean(0))

    def moved(self, vertex: int, along: float, moving: int = 1) -> Array:
        """Where a vertex x comes to lie: c + along · (c - x), with the centroid c."""
        centroid = self.centroid(vertex, moving)
        return np.asarray(centroid + along * (centroid - self.points[vertex]))

    def shrunk(self, vertex: int, shrinkage: float) -> Array:
        """Where a vertex x comes to lie when the simplex shrinks: b + shrinkage · (x - b), with the best one b."""
        return np.asarray(self.points[0] + shrinkage * (self.points[vertex] - self.points[0]))
